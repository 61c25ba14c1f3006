"""A parsed query and what can be asked of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from apps.query.payload import AtPath
from apps.query.terms import Terms
from apps.query.tree import AllOf, Happened, InChain, Node, Predicate, Sql
from apps.query.values import Said, Value, is_uuid
from apps.query.when import When

# A piece of a sentence, and whether it is what the user wrote.
Part = tuple[str, bool]


class Condition(NamedTuple):
    """What to ask of table `event`: `terms @@ <terms>::tsquery`, and `where` with its params."""

    terms: str | None
    where: str
    params: list[Any]


@dataclass(frozen=True)
class Clause:
    """One clause of a query, at its place in the text."""

    text: str  # canonical
    start: int
    end: int
    negated: bool
    field: str | None  # None for words, and for what stands in brackets
    values: tuple[Said, ...]
    node: Any  # a Node; within `related( )` a test of one resource
    says: tuple[Part, ...]
    parts: tuple["Clause", ...] = ()
    """What stands in its brackets."""

    def alone(self) -> "Query":
        """Return the query that asks for nothing else."""
        return Query(self.text, (replace(self, start=0, end=len(self.text)),))


@dataclass(frozen=True)
class Query:
    """What was asked; every clause must hold."""

    text: str
    clauses: tuple[Clause, ...]

    @classmethod
    def of(cls, node: Node, field: str | None = None) -> "Query":
        """Return what asks for a node that nobody has written down, maybe all of one field."""
        return cls("", (Clause("", 0, 0, False, field, (), node, ()),))

    @property
    def canonical(self) -> str:
        return " ".join([clause.text for clause in self.clauses])

    def sql(self) -> Condition:
        rest = self.tree.rest()
        where, params = rest or ("", [])
        return Condition(self.tree.narrowed(), where, params)

    def counted(self) -> Sql | None:
        """Say what the counts of events can tell of it, on columns of the same names."""
        return self.tree.counted()

    def matches(self, event: Happened, terms: Terms) -> bool:
        return self._predicate(event, terms)

    def sentence(self) -> list[Part]:
        """Say the query in English, in parts."""
        if not self.clauses:
            return [("All events", False)]
        parts: list[Part] = []
        for clause in self.clauses:
            parts.append((", " if parts else "Events ", False))
            parts += clause.says
        return _merged(parts)

    def without(self, clause: Clause) -> str:
        """Return the text with this clause taken out."""
        others = [other for other in self.clauses if other != clause]
        return " ".join([self.text[other.start : other.end] for other in others])

    def with_clause(self, text: str) -> str:
        """Return the text with this clause added, unless it is there already."""
        if any(clause.text == text for clause in self.clauses):
            return self.text
        # OR binds less than what stands side by side.
        is_or = len(self.clauses) == 1 and self.clauses[0].parts and not self.clauses[0].field
        before = self.clauses[0].text if is_or else self.text.rstrip()
        return f"{before} {text}".strip()

    @property
    def bare_id(self) -> UUID | None:
        """Return the UUID that is all of it, when it is asked as a word."""
        match self.clauses:
            case [Clause(field=None, negated=False, values=[Value(text=text)])] if is_uuid(text):
                return UUID(text)
        return None

    @cached_property
    def reads_payload(self) -> bool:
        """Whether `matches` looks into the payload."""
        return any(isinstance(node, AtPath) for node in _all_nodes(self.tree))

    @cached_property
    def chains(self) -> Sequence[InChain]:
        """Return what must be told the members of a chain before `matches` can tell."""
        return [node for node in _all_nodes(self.tree) if isinstance(node, InChain)]

    def occurred_within(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """Return the ends between which all that matches occurred, as far as clauses say so."""
        edges = [edge for when in self._occurred for edge in when.bounds.edges]
        lows = [edge.instant(now) for edge in edges if edge.than.startswith(">")]
        highs = [edge.instant(now) for edge in edges if edge.than.startswith("<")]
        return max(lows, default=None), min(highs, default=None)

    @property
    def names_times(self) -> bool:
        return any(isinstance(node, When) for node in _all_nodes(self.tree))

    @property
    def _occurred(self) -> Sequence[When]:
        nodes = [clause.node for clause in self.clauses]
        return [one for one in nodes if isinstance(one, When) and one.column == "occurred"]

    @cached_property
    def tree(self) -> AllOf:
        return AllOf(tuple([clause.node for clause in self.clauses]))

    @cached_property
    def _predicate(self) -> Predicate:
        return self.tree.predicate()


def _all_nodes(node: Node) -> Iterator[Node]:
    yield node
    for part in node.parts():
        yield from _all_nodes(part)


def _merged(parts: Sequence[Part]) -> list[Part]:
    merged: list[Part] = []
    for text, strong in parts:
        if merged and merged[-1][1] == strong:
            merged[-1] = (merged[-1][0] + text, strong)
        else:
            merged.append((text, strong))
    return merged
