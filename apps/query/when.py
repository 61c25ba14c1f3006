"""Times that an event must lie between: of a column, or told in a payload."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from apps.query.moments import Moment
from apps.query.tree import Happened, Node, Predicate, Sql

COLUMNS: Mapping[str, Callable[[Happened], datetime]] = {
    "occurred": lambda event: event.occurred,
    "received": lambda event: event.received,
}

THAN: Mapping[str, Callable[[Any, Any], bool]] = {">": gt, ">=": ge, "<": lt, "<=": le}


class Edge(NamedTuple):
    """One end: a comparison with the first instant of a time, or the first after it."""

    than: str
    moment: Moment
    at_end: bool = False

    def instant(self, now: datetime) -> datetime:
        return self.moment.span(now)[self.at_end]


@dataclass(frozen=True)
class Bounds:
    """Every edge must hold. What is said relative to now is settled when it is asked."""

    edges: tuple[Edge, ...]

    def sql(self, told: str) -> Sql:
        now = datetime.now(UTC)
        conditions = [f"{told} {edge.than} %s::timestamptz" for edge in self.edges]
        params: list[Any] = [edge.instant(now) for edge in self.edges]
        return Sql(f"({' AND '.join(conditions)})" if conditions else "TRUE", params)

    def hold(self, told: datetime) -> bool:
        now = datetime.now(UTC)
        return all(THAN[edge.than](told, edge.instant(now)) for edge in self.edges)

    def settled(self) -> Callable[[datetime], bool]:
        """Return the same test, with what does not depend on now worked out once."""
        if any(edge.moment.is_relative for edge in self.edges):
            return self.hold
        now = datetime.now(UTC)
        tests = [(THAN[edge.than], edge.instant(now)) for edge in self.edges]
        return lambda told: all(than(told, to) for than, to in tests)


def at(moment: Moment) -> Bounds:
    """Within the whole of a time; at it, when it is an instant."""
    start, end = moment.span(datetime.now(UTC))
    if start == end:
        return Bounds((Edge(">=", moment), Edge("<=", moment)))
    return Bounds((Edge(">=", moment), Edge("<", moment, at_end=True)))


def compared(comparison: str, moment: Moment) -> Bounds:
    """Before or after: `>2026-11` is after November, `<=2026-11` until its end."""
    start, end = moment.span(datetime.now(UTC))
    if start == end or comparison in (">=", "<"):
        return Bounds((Edge(comparison, moment),))
    return Bounds((Edge(">=" if comparison == ">" else "<", moment, at_end=True),))


def between(low: Moment | None, high: Moment | None) -> Bounds:
    """From the beginning of one to the end of the other."""
    edges = compared(">=", low).edges if low else ()
    return Bounds((*edges, *(compared("<=", high).edges if high else ())))


@dataclass(frozen=True)
class When(Node):
    """A time column within bounds."""

    column: str
    bounds: Bounds

    def where(self) -> Sql:
        return self.bounds.sql(self.column)

    def predicate(self) -> Predicate:
        read, holds = COLUMNS[self.column], self.bounds.settled()
        return lambda event, _: holds(read(event))
