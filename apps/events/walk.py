"""Filling a page: the first rows of the range are walked, the rest is found by the index of terms.

The planner cannot tell a rare term from a common one: for a rare one it would walk the whole index
of times. So some hundred rows are walked. Where many of them match, it walks on. Where few do, the
index of terms is asked whether the whole range has only some hundred, and gives them all at once.
Where it has more, it goes on by slices of the range, as long as the page is likely to need and then
each four times as long as the last, with that index forced. Where no term tells, as of sources and
of what a name ends with, the counts by minute say where there are any at all.
"""

import math
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
from apps.events.rollups import MINUTE, NAME
from apps.query import Query

WALK = 500
# So many matches are read and sorted at once.
RARE = 500
# Walking costs a row the same whether it matches; the index of terms costs what matches.
# At a share of about this they cost the same.
DENSE = 0.015
MOST_WALKED = 4_000
# More than the share seen says, because events do not come evenly.
AMPLE = 1.5
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
# Reading whole partitions must not tempt the planner away from the index of terms.
USE_INDEX = "SET LOCAL enable_seqscan = off"
# One row at least tells how many there are, even when the rest fits none of them.
FEW = """
    WITH few AS MATERIALIZED (SELECT * FROM event {where} LIMIT %s)
    SELECT told.number, found.* FROM (SELECT count(*) AS number FROM few) AS told
    LEFT JOIN (
        SELECT {selected} FROM few {rest} ORDER BY {by} LIMIT %s
    ) AS found ON true ORDER BY {by}
"""
# What is selected is made of the rows that are wanted, not of each that is sorted.
FOUND = """
    SELECT {selected} FROM (SELECT * FROM event {where} ORDER BY {by} LIMIT %s) AS found
    ORDER BY {by}
"""

# Where no term tells, the counts by minute may: in which minutes there is any such event at all.
FEW_MINUTES = 8
MOST_MINUTES = 400
SINCE = "occurred >= %s"
COUNTED_TO = f"""
    SELECT coalesce(max(tx), 0), coalesce(max(seq), 0) FROM follower WHERE name = '{NAME}'
"""  # noqa: S608 - of constants
MINUTES = f"""
    SELECT DISTINCT start FROM event_count {{where}} AND span = {MINUTE} AND events > 0
    ORDER BY start DESC LIMIT %s
"""  # noqa: S608 - of constants
TAIL_MINUTES = "SELECT DISTINCT date_trunc('minute', occurred) FROM event {where}"
IN_MINUTES = """
    SELECT {selected} FROM unnest(%s::timestamptz[]) AS minute (start) CROSS JOIN LATERAL (
        SELECT * FROM event {where} AND occurred >= start AND occurred < start + interval '1 minute'
        OFFSET 0
    ) AS found ORDER BY {by} LIMIT %s
"""

# What a list shows: payload and terms are read when asked for.
LISTED = columns(payload=False, terms=False)
IN_FULL = columns(payload=True, terms=False)
SELECTED = selected(LISTED)


class QueryTimeout(Exception):
    """The database needed longer than a query may take."""

    def __init__(self) -> None:
        super().__init__("This takes too long to find: ask for a shorter time or something rarer.")


class Bound(NamedTuple):
    """A condition on the columns of `event`."""

    sql: str
    params: Sequence[Any]
    narrowed: "Bound | None" = None
    """What the index of terms can tell of it."""
    rest: "Bound | None" = None
    """What remains to be checked of what is narrowed."""
    counted: "Bound | None" = None
    """What the counts by minute can tell of it, where the index of terms cannot."""


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


class Walked(NamedTuple):
    """A stretch of the range whose every row was looked at."""

    first: tuple[Any, ...]
    last: tuple[Any, ...]
    rows: int
    found: int

    @property
    def share(self) -> float:
        return self.found / self.rows

    def rows_for(self, wanted: int) -> int:
        """How many rows are likely to hold so many matches, if there is one more at least."""
        return int(AMPLE * wanted * self.rows / max(self.found, 1)) + 1

    def width(self, wanted: int) -> Any:
        """How far these rows are likely to go, in units of the order's first column."""
        return abs(self.last[0] - self.first[0]) * self.rows_for(wanted) // self.rows


@dataclass
class Walk:
    """A page being filled with what matches within a range."""

    order: Order
    within: Sequence[Bound]
    match: Bound | None
    want: int
    names: tuple[str, ...] = LISTED
    """The columns to read."""
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
        return tuple(row[self.names.index(column)] for column in self.order.key)

    def _fill(self, clock: "Clock") -> None:
        if self.match is None:
            self._take(clock, self._by)
            return
        rows = WALK
        while True:
            found = self._walked(clock, self.match, rows)
            if len(self.rows) + len(found) >= self.want:
                self.rows += found
                return
            is_rare = len(found) < rows * DENSE
            if not found and self._take_few(clock, self.match):
                return
            ends = self._ends_of_walk(clock, rows)
            self.rows += found
            if len(ends) < 2:
                return
            self.reached = ends[1]
            walked = Walked(ends[0], ends[1], rows, len(found))
            if is_rare and self.match.counted and self.order is BY_TIME:
                self._take_minutes(clock, self.match, self.match.counted)
                return
            if is_rare:
                self._take_slices(clock, self.match, walked)
                return
            rows = min(MOST_WALKED, walked.rows_for(self.want - len(self.rows)))

    @property
    def _full(self) -> bool:
        return len(self.rows) >= self.want

    @property
    def _key(self) -> str:
        return ", ".join(self.order.key)

    @property
    def _by(self) -> str:
        return self.order.by(self.order.key[0])

    def _ends_of_walk(self, clock: "Clock", rows: int) -> list[tuple[Any, ...]]:
        where, params = self._ahead()
        return clock.fetch(
            ENDS_OF_WALK.format(key=self._key, where=where, by=self._by, walk=rows), params
        )

    def _walked(self, clock: "Clock", match: Bound, rows: int) -> list[tuple[Any, ...]]:
        where, params = self._ahead()
        return clock.fetch(
            WALKED.format(
                selected=selected(self.names), where=where, by=self._by, walk=rows, match=match.sql
            ),
            [*params, *match.params, self.want - len(self.rows)],
        )

    def _ahead(self, *bounds: Bound) -> tuple[str, list[Any]]:
        behind = [self.order.behind(self.reached)] if self.reached else []
        return all_of([*self.within, *behind, *bounds])

    def _take_few(self, clock: "Clock", match: Bound) -> bool:
        """Take all that is left, if the index of terms tells that it is little."""
        if match.narrowed is None:
            return False
        clock.execute(USE_INDEX)
        where, params = self._ahead(match.narrowed)
        rest, rest_params = all_of([match.rest] if match.rest else [])
        wanted = self.want - len(self.rows)
        told = clock.fetch(
            FEW.format(where=where, selected=selected(self.names), rest=rest, by=self._by),
            [*params, RARE + 1, *rest_params, wanted],
        )
        if told[0][0] > RARE:
            return False
        self.rows += [row[1:] for row in told if row[1] is not None]
        return True

    def _take_slices(self, clock: "Clock", match: Bound, walked: "Walked") -> None:
        start, far = walked.last, self._far_end(clock)
        width = max(walked.width(self.want - len(self.rows)), self.order.least)
        # Where no term narrows, the order's own index is the quickest way through a slice.
        by = self.order.by(self.order.unindexed) if match.narrowed else self._by
        while not self._full and start != far:
            end = self.order.further(start, width, far)
            self._take(clock, by, self.order.behind(start), self.order.upto(end))
            self.reached = start = end
            width *= GROWTH

    def _take_minutes(self, clock: "Clock", match: Bound, counted: Bound) -> None:
        """Take from the minutes that have what is counted, as long as there are some."""
        place = clock.fetch(COUNTED_TO, [])[0]
        tail = Bound("(tx, seq) > (%s, %s)", place)
        assert self.reached is not None
        some, upto = FEW_MINUTES, Bound("start <= %s", [self.reached[0]])
        while not self._full:
            starts = self._minutes(clock, counted, upto, some)
            starts += self._tail_minutes(clock, match, tail)
            starts = sorted(set(starts), reverse=True)[:some]
            if not starts:
                return
            where, params = self._ahead(match)
            self.rows += clock.fetch(
                IN_MINUTES.format(selected=selected(self.names), where=where, by=self._by),
                [starts, *params, self.want - len(self.rows)],
            )
            # Before all of its first moment.
            self.reached, upto = (starts[-1], -1, -1), Bound("start < %s", [starts[-1]])
            some = min(some * GROWTH, MOST_MINUTES)

    def _minutes(self, clock: "Clock", counted: Bound, upto: Bound, some: int) -> list[Any]:
        """Return the newest minutes that have some."""
        since = [bound for bound in self.within if bound.sql == SINCE]
        bounds = [counted, upto]
        bounds += [Bound("start > %s - interval '1 minute'", bound.params) for bound in since]
        where, params = all_of(bounds)
        return [row[0] for row in clock.fetch(MINUTES.format(where=where), [*params, some])]

    def _tail_minutes(self, clock: "Clock", match: Bound, tail: Bound) -> list[Any]:
        """Return the minutes of what is not counted yet."""
        where, params = self._ahead(tail, match)
        return [row[0] for row in clock.fetch(TAIL_MINUTES.format(where=where), params)]

    def _far_end(self, clock: "Clock") -> tuple[Any, ...]:
        where, params = all_of(self.within)
        by = self.order.by(self.order.key[0], backwards=True)
        return clock.fetch(FAR_END.format(key=self._key, where=where, by=by), params)[0]

    def _take(self, clock: "Clock", by: str, *bounds: Bound) -> None:
        """Add the next matching rows within the bounds."""
        where, params = all_of([*self.within, *bounds, *([self.match] if self.match else ())])
        self.rows += clock.fetch(
            FOUND.format(selected=selected(self.names), where=where, by=by),
            [*params, self.want - len(self.rows)],
        )


# Telling the time left costs as much as a small statement: it may be this share of what was told.
NEARLY = 0.9


class Clock:
    """Runs statements, each with what is left of the time."""

    def __init__(self, cursor: CursorWrapper, budget: float) -> None:
        self._cursor = cursor
        self._end = time.monotonic() + budget
        self._told = math.inf
        """Milliseconds that the database was last told it has for a statement."""

    def fetch(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        self.execute(sql, params)
        return self._cursor.fetchall()

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        left = int((self._end - time.monotonic()) * 1000)
        if left <= 0:
            raise QueryTimeout
        if left < self._told * NEARLY:
            self._cursor.execute(f"SET LOCAL statement_timeout = {left}")
            self._told = left
        self._cursor.execute(sql, params)


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
    narrowed = rest = None
    if condition.terms is not None:
        narrowed = Bound("terms @@ %s::tsquery", [condition.terms])
    if condition.where:
        rest = Bound(f"({condition.where})", condition.params)
    if narrowed is None or rest is None:
        whole = narrowed or rest
        counted = None if narrowed else query.counted()
        return whole and whole._replace(narrowed=narrowed, counted=counted and Bound(*counted))
    both = f"{narrowed.sql} AND {rest.sql}"
    return Bound(both, [*narrowed.params, *rest.params], narrowed, rest)
