"""Prefect's patterns, `prefect.flow-run.*` or `!a?[bc]`, in both readings of a query.

They are as a shell reads them, case counts, and one with `!` in front is for what it does not fit.
A label that is not there fits none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from apps.query.lexemes import beginning, lexeme, part_beginning
from apps.query.one_resource import Holds, Test
from apps.query.tree import AllOf, Beginning, Happened, Lexeme, Node, Predicate, Sql

_WILD = re.compile(r"[*?\[]")
_PIECE = re.compile(r"\*+|\?|\[(!?)(\]?[^\]]*)\]|.", re.DOTALL)


@dataclass(frozen=True)
class Pattern:
    text: str

    @property
    def is_negated(self) -> bool:
        return self.text.startswith("!")

    @property
    def glob(self) -> str:
        return self.text.removeprefix("!")

    @property
    def is_literal(self) -> bool:
        return not self.is_negated and not _WILD.search(self.glob)

    @property
    def head(self) -> str:
        """What every fitting text begins with."""
        return "" if self.is_negated else _WILD.split(self.glob, maxsplit=1)[0]

    def fits(self, value: str) -> bool:
        return fnmatchcase(value, self.glob) != self.is_negated

    def sql(self, value: str) -> Sql:
        """Say it of an expression; where that is NULL, so is this."""
        than = "!~" if self.is_negated else "~"
        return Sql(f"({value}) {than} %s", [f"^(?:{_regex(self.glob)})$"])

    def node(self, check: Node, mark: str, *parts: str) -> Node:
        """Say it of what stands behind `mark` in the index, and check where that is not all."""
        if self.is_literal:
            return Lexeme(lexeme(mark, *parts, self.glob))
        head, _ = part_beginning(self.head)
        if not head and not parts:
            return check
        return AllOf((Beginning(beginning(mark, *parts) + head), check))


def _regex(glob: str) -> str:
    """Write a glob as PostgreSQL's regular expressions are written."""
    return "".join([_piece(found) for found in _PIECE.finditer(glob)])


def _piece(found: re.Match[str]) -> str:
    if found[0].startswith("*"):
        return ".*"
    if found[0] == "?":
        return "."
    if found[2] is None:
        return _literal(found[0])
    chosen = _chosen(found[2])
    if not chosen:
        return "." if found[1] else "$x"  # anything, or nothing
    return f"[{'^' if found[1] else ''}{chosen}]"


def _chosen(inside: str) -> str:
    """Write what stands within brackets; a range from a later to an earlier holds nothing."""
    chosen, at = [], 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            low, high = inside[at], inside[at + 2]
            chosen += [f"{_literal(low)}-{_literal(high)}"] if low <= high else []
            at += 3
        else:
            chosen.append(_literal(inside[at]))
            at += 1
    return "".join(chosen)


def _literal(character: str) -> str:
    return character if character.isalnum() or ord(character) > 127 else f"\\{character}"


@dataclass(frozen=True)
class EventFits(Node):
    pattern: Pattern

    def where(self) -> Sql:
        return self.pattern.sql("event")

    def predicate(self) -> Predicate:
        fits = self.pattern.fits
        return lambda event, _: fits(event.event)


@dataclass(frozen=True)
class PrimaryFits(Node):
    """The primary resource has this label, and it fits."""

    key: str
    pattern: Pattern

    def where(self) -> Sql:
        text, params = self.pattern.sql("resource ->> %s::text")
        return Sql(f"coalesce({text}, FALSE)", [self.key, *params])

    def predicate(self) -> Predicate:
        key, fits = self.key, self.pattern.fits

        def holds(event: Happened, _: object) -> bool:
            value = event.resource.get(key)
            return value is not None and fits(value)

        return holds


@dataclass(frozen=True)
class LabelFits(Test):
    """A resource has this label, and one of the patterns fits it."""

    key: str
    patterns: tuple[Pattern, ...]

    def sql(self, one: str) -> Sql:
        value = f"{one} ->> %s::text"
        told = [pattern.sql(value) for pattern in self.patterns]
        text = " OR ".join([sql.text for sql in told]) or "FALSE"
        return Sql(f"({text})", [param for sql in told for param in (self.key, *sql.params)])

    def holds(self) -> Holds:
        key, fits = self.key, [pattern.fits for pattern in self.patterns]

        def has_fitting(labels: Mapping[str, str]) -> bool:
            value = labels.get(key)
            return value is not None and any(one(value) for one in fits)

        return has_fitting
