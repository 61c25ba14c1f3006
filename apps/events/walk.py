"""Filling a page: the first rows of the range are walked, the rest is found by the index of terms.

The planner cannot tell a rare term from a common one: for a rare one it would walk the whole index
of times. So a thousand rows are walked, and when they do not fill the page, it goes on by slices
of the range, each four times as long as the last, with the index of terms forced.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.errors import QueryCanceled

from apps.events.log import columns, selected
from apps.query import Query

WALK = 1_000
GROWTH = 4
LAST_SEQ = 2**63 - 1

# The keys of the first row and of the last; only one when the range ends before.
ENDS_OF_WALK = """
    SELECT {key} FROM (
        SELECT {key}, row_number() OVER () AS place
        FROM (SELECT {key} FROM event {where} ORDER BY {by} LIMIT {walk}) AS walked
    ) AS numbered WHERE place IN (1, {walk}) ORDER BY place
"""
WALKED = """
    SELECT {selected} FROM (SELECT * FROM event {where} ORDER BY {by} LIMIT {walk}) AS walked
    WHERE {match} ORDER BY {by} LIMIT %s
"""
FAR_END = "SELECT {key} FROM event {where} ORDER BY {by} LIMIT 1"
FOUND = "SELECT {selected} FROM event {where} ORDER BY {by} LIMIT %s"

# What a list shows: payload and terms are read when asked for.
LISTED = columns(payload=False, terms=False)
SELECTED = selected(LISTED)


class QueryTimeout(Exception):
    """The database needed longer than a query may take."""

    def __init__(self) -> None:
        super().__init__("This takes too long to find: ask for a shorter time or something rarer.")


class Bound(NamedTuple):
    """A condition on the columns of `event`."""

    sql: str
    params: Sequence[Any]
    by_terms: bool = False
    """Whether the index of terms narrows it."""


class Order(NamedTuple):
    """An order of events that an index gives."""

    key: tuple[str, ...]
    unindexed: str
    """The first column, written so that no index gives the order."""
    down: bool
    least: Any
    """How long the first slice is at least, in units of the first column."""

    def by(self, first: str, *, backwards: bool = False) -> str:
        direction = "DESC" if self.down != backwards else "ASC"
        return ", ".join(f"{column} {direction}" for column in (first, *self.key[1:]))

    def behind(self, place: Sequence[Any]) -> Bound:
        """What comes after `place`; its first half alone is what prunes partitions."""
        than = "<" if self.down else ">"
        marks = ", ".join("%s" for _ in place)
        sql = f"{self.key[0]} {than}= %s AND ({', '.join(self.key)}) {than} ({marks})"
        return Bound(sql, (place[0], *place))

    def upto(self, place: Sequence[Any]) -> Bound:
        """What comes before `place`, and what is there."""
        than = ">=" if self.down else "<="
        marks = ", ".join("%s" for _ in place)
        sql = f"{self.key[0]} {than} %s AND ({', '.join(self.key)}) {than} ({marks})"
        return Bound(sql, (place[0], *place))

    def further(self, start: Sequence[Any], width: Any, far: tuple[Any, ...]) -> tuple[Any, ...]:
        """The place `width` behind `start`, or the far end when that is nearer."""
        if abs(far[0] - start[0]) <= width:
            return far
        if self.down:
            return (start[0] - width, *(0 for _ in self.key[1:]))
        return (start[0] + width, *(LAST_SEQ for _ in self.key[1:]))


BY_TIME = Order(("occurred", "tx", "seq"), "occurred + interval '0'", True, timedelta(seconds=10))
NEWEST_ARRIVED = Order(("tx", "seq"), "tx + 0", True, 100)
ALONG_THE_LOG = NEWEST_ARRIVED._replace(down=False)


@dataclass
class Walk:
    """A page being filled with what matches within a range."""

    order: Order
    within: Sequence[Bound]
    match: Bound | None
    want: int
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    reached: tuple[Any, ...] | None = None
    """Everything up to this place has been found."""

    def fill(self, budget: float) -> bool:
        """Look until the page is full or the range ends; false when the time did not suffice."""
        try:
            with in_time(budget) as clock:
                self._fill(clock)
        except QueryTimeout:
            if self.reached is None:
                raise
            return False
        return True

    def key_of(self, row: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(row[LISTED.index(column)] for column in self.order.key)

    def _fill(self, clock: "Clock") -> None:
        if self.match is None:
            self._take(clock, self._by)
            return
        ends = self._ends_of_walk(clock)
        self._take_walked(clock, self.match)
        if len(ends) == 2 and not self._full:
            first, self.reached = ends
            width = max(abs(first[0] - self.reached[0]), self.order.least)
            self._take_slices(clock, self.reached, width)

    @property
    def _full(self) -> bool:
        return len(self.rows) >= self.want

    @property
    def _key(self) -> str:
        return ", ".join(self.order.key)

    @property
    def _by(self) -> str:
        return self.order.by(self.order.key[0])

    def _ends_of_walk(self, clock: "Clock") -> list[tuple[Any, ...]]:
        where, params = all_of(self.within)
        return clock.fetch(
            ENDS_OF_WALK.format(key=self._key, where=where, by=self._by, walk=WALK), params
        )

    def _take_walked(self, clock: "Clock", match: Bound) -> None:
        where, params = all_of(self.within)
        self.rows += clock.fetch(
            WALKED.format(selected=SELECTED, where=where, by=self._by, walk=WALK, match=match.sql),
            [*params, *match.params, self.want],
        )

    def _take_slices(self, clock: "Clock", start: tuple[Any, ...], width: Any) -> None:
        far = self._far_end(clock)
        # Where no term narrows, the order's own index is the quickest way through a slice.
        by_terms = self.match is not None and self.match.by_terms
        by = self.order.by(self.order.unindexed) if by_terms else self._by
        while not self._full and start != far:
            end = self.order.further(start, width, far)
            self._take(clock, by, self.order.behind(start), self.order.upto(end))
            self.reached = start = end
            width *= GROWTH

    def _far_end(self, clock: "Clock") -> tuple[Any, ...]:
        where, params = all_of(self.within)
        by = self.order.by(self.order.key[0], backwards=True)
        return clock.fetch(FAR_END.format(key=self._key, where=where, by=by), params)[0]

    def _take(self, clock: "Clock", by: str, *bounds: Bound) -> None:
        """Add the next matching rows within the bounds."""
        where, params = all_of([*self.within, *bounds, *([self.match] if self.match else ())])
        self.rows += clock.fetch(
            FOUND.format(selected=SELECTED, where=where, by=by),
            [*params, self.want - len(self.rows)],
        )


class Clock:
    """Runs statements, each with what is left of the time."""

    def __init__(self, cursor: CursorWrapper, budget: float) -> None:
        self._cursor = cursor
        self._end = time.monotonic() + budget

    def fetch(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        left = int((self._end - time.monotonic()) * 1000)
        if left <= 0:
            raise QueryTimeout
        self._cursor.execute(f"SET LOCAL statement_timeout = {left}")
        self._cursor.execute(sql, params)
        return self._cursor.fetchall()


ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@contextmanager
def in_time(budget: float, *, one_snapshot: bool = False) -> Iterator[Clock]:
    """Give a clock that raises QueryTimeout when the budget, in seconds, is spent.

    With one snapshot, all its statements see the database at the same moment.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if one_snapshot:
                cursor.execute(ONE_SNAPSHOT)
            yield Clock(cursor, budget)
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise QueryTimeout from error
        raise


def all_of(bounds: Iterable[Bound]) -> tuple[str, list[Any]]:
    """Write bounds as a WHERE clause with its parameters."""
    bounds = list(bounds)
    if not bounds:
        return "", []
    return (
        "WHERE " + " AND ".join(bound.sql for bound in bounds),
        [param for bound in bounds for param in bound.params],
    )


def match_of(query: Query | None) -> Bound | None:
    """Say a query as a bound; None when everything matches."""
    if query is None:
        return None
    condition = query.sql()
    parts = [f"({condition.where})"] if condition.where else []
    params = list(condition.params)
    if condition.terms is not None:
        parts.insert(0, "terms @@ %s::tsquery")
        params.insert(0, condition.terms)
    by_terms = condition.terms is not None
    return Bound(" AND ".join(parts), params, by_terms) if parts else None
