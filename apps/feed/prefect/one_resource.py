"""What Prefect's filters ask of one and the same resource, in nodes of our query.

The index answers alone where it says it all; else it narrows, and the labels decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from apps.feed.prefect.patterns import Pattern
from apps.query import lexemes
from apps.query.one_resource import PRIMARY, RELATED, AllTests, Holds, OneResource, Test
from apps.query.terms import ID, NAME, ROLE
from apps.query.tree import EVERYTHING, AllOf, Beginning, Lexeme, Node, Not, Sql, any_of

NOTHING = Not(EVERYTHING)


class Place(NamedTuple):
    """Where the index holds the values of a label."""

    mark: str
    key: tuple[str, ...] = ()
    role_follows: bool = False
    says_all: bool = True

    def narrowed(self, pattern: Pattern) -> Node | None:
        """Say what the index can of a pattern; None when that is nothing."""
        if pattern.denied:
            # Who has another value has one; ids and names everybody has.
            return Beginning(lexemes.beginning(self.mark, *self.key)) if self.key else None
        if not (pattern.head or self.says_all):
            return None
        if pattern.is_exact and self.role_follows:
            return Beginning(lexemes.beginning(self.mark, pattern.head))
        if pattern.is_exact:
            return Lexeme(lexemes.lexeme(self.mark, *self.key, pattern.head))
        if not (pattern.head or self.key):
            return None
        head, _ = lexemes.part_beginning(pattern.head)
        return Beginning(lexemes.beginning(self.mark, *self.key) + head)

    def settles(self, pattern: Pattern) -> bool:
        """Whether the index says all of the pattern."""
        if pattern.denied or not self.says_all:
            return False
        _, is_whole = lexemes.part_beginning(pattern.head)
        return pattern.is_exact or (pattern.is_beginning and is_whole)


# A display name is the label only where that says something.
IN_PRIMARY = {
    ID: Place(lexemes.PRIMARY_ID),
    NAME: Place(lexemes.PRIMARY_NAME, says_all=False),
}
IN_RELATED = {
    ID: Place(lexemes.RELATED_ID, role_follows=True),
    NAME: Place(lexemes.RELATED_NAME, role_follows=True, says_all=False),
    ROLE: Place(lexemes.ROLE),
}


class Said(NamedTuple):
    """What the index says of a test, and whether that is all of it."""

    node: Node | None
    is_all: bool = False


class Indexed(Test):
    """A test of which the index knows something."""

    def said(self, which: str) -> Said:
        raise NotImplementedError

    def narrowed(self, which: str) -> str | None:
        node = self.said(which).node
        return node.tsquery() if node else None


@dataclass(frozen=True)
class Label(Indexed):
    """A label has one of these values; without any, no resource is such."""

    key: str
    patterns: tuple[Pattern, ...]

    def holds(self) -> Holds:
        key, patterns = self.key, self.patterns
        return lambda labels: key in labels and any(one.fits(labels[key]) for one in patterns)

    def sql(self, one: str) -> Sql:
        said = ["FALSE"]
        params: list[object] = []
        if exact := [p.head for p in self.patterns if p.is_exact and not p.denied]:
            said.append(f"{one} ->> %s::text = ANY(%s::text[])")
            params += [self.key, exact]
        for pattern in self.patterns:
            if pattern.denied or not pattern.is_exact:
                said.append(f"{one} ->> %s::text {'NOT ' * pattern.denied}LIKE %s")
                params += [self.key, pattern.like()]
        return Sql(f"({' OR '.join(said)})", params)

    def said(self, which: str) -> Said:
        if not self.patterns:
            return Said(NOTHING, is_all=True)
        place = self._place(which)
        nodes = [node for pattern in self.patterns if (node := place.narrowed(pattern))]
        if len(nodes) < len(self.patterns):
            return Said(None)
        return Said(any_of(*nodes), all(place.settles(pattern) for pattern in self.patterns))

    def _place(self, which: str) -> Place:
        if which == PRIMARY:
            return IN_PRIMARY.get(self.key) or Place(lexemes.PRIMARY_LABEL, (self.key,))
        return IN_RELATED.get(self.key) or Place(lexemes.RELATED_LABEL, (self.key,))


@dataclass(frozen=True)
class InRoles(Indexed):
    """A related resource is one of these, `(id, role)`."""

    pairs: tuple[tuple[str, str], ...]

    def holds(self) -> Holds:
        pairs = frozenset(self.pairs)
        return lambda labels: (labels.get(ID), labels.get(ROLE)) in pairs

    def sql(self, one: str) -> Sql:
        each = ", ".join(["(%s::text, %s::text)"] * len(self.pairs))
        params = [ID, ROLE, *(text for pair in self.pairs for text in pair)]
        return Sql(f"({one} ->> %s::text, {one} ->> %s::text) IN ({each})", params)

    def said(self, which: str) -> Said:
        each = [lexemes.lexeme(lexemes.RELATED_ID, id, role) for id, role in self.pairs]
        return Said(any_of(*map(Lexeme, each)), is_all=True)


def primary(tests: Sequence[Indexed]) -> Node:
    """Ask for events whose resource passes every test."""
    said = [test.said(PRIMARY) for test in tests]
    if all(one.is_all for one in said):
        return AllOf(tuple(one.node for one in said if one.node))
    return OneResource(PRIMARY, AllTests(tuple(tests)))


def related(tests: Sequence[Indexed]) -> Node:
    """Ask for events with a related resource that passes every test."""
    said = tests[0].said(RELATED)
    if len(tests) == 1 and said.is_all and said.node:
        return said.node
    return OneResource(RELATED, AllTests(tuple(tests)))
