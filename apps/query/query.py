"""A parsed query and what can be asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from apps.query.terms import Terms
from apps.query.tree import AllOf, Happened, Node, Predicate
from apps.query.values import Value

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
    field: str | None  # None for words
    values: tuple[Value, ...]
    node: Node
    says: tuple[Part, ...]

    def alone(self) -> "Query":
        """Return the query that asks for nothing else."""
        return Query(self.text, (replace(self, start=0, end=len(self.text)),))


@dataclass(frozen=True)
class Query:
    """What was asked; every clause must hold."""

    text: str
    clauses: tuple[Clause, ...]

    @property
    def canonical(self) -> str:
        return " ".join([clause.text for clause in self.clauses])

    def sql(self) -> Condition:
        rest = self._tree.rest()
        where, params = rest or ("", [])
        return Condition(self._tree.narrowed(), where, params)

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
        return f"{self.text.rstrip()} {text}".strip()

    @cached_property
    def _tree(self) -> AllOf:
        return AllOf(tuple([clause.node for clause in self.clauses]))

    @cached_property
    def _predicate(self) -> Predicate:
        return self._tree.predicate()


def _merged(parts: Sequence[Part]) -> list[Part]:
    merged: list[Part] = []
    for text, strong in parts:
        if merged and merged[-1][1] == strong:
            merged[-1] = (merged[-1][0] + text, strong)
        else:
            merged.append((text, strong))
    return merged
