"""The log as it was, for trying an automation on it: in slices, with the clock of all events.

Of every event only its place and its times are read, because each moves the clock; the rest is read
of those that fit a query, found by the index of terms. Each statement is a transaction of its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import accumulate
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
import psycopg
from django.db import connection

from apps.automations.decision import EPOCH, micros
from apps.automations.firing import DEPTH, depth_of
from apps.automations.models import Tick
from apps.events.audit import SOURCE
from apps.events.imported import imported_between
from apps.events.log import state_sync
from apps.events.models import Source
from apps.events.walk import match_of
from apps.query import Query

SLICE = 20_000
# Transactions overlap: this long before a moment may lie what was received after it.
OVERLAP = timedelta(minutes=1)
# From so many events before a place it is told how far the clock had come there.
BEFORE = 1_000

TRACK = """
    SELECT tx, seq, received, occurred FROM event
    WHERE (tx, seq) > (%s, %s) AND tx < %s ORDER BY tx, seq LIMIT %s
"""
CLOCK_AT = """
    SELECT max(received) FROM (
        SELECT received FROM event WHERE (tx, seq) <= (%s, %s) ORDER BY tx DESC, seq DESC LIMIT %s
    ) AS before
"""
FIRST_FROM = "SELECT tx, received FROM event WHERE (tx, seq) > (%s, 0) ORDER BY tx, seq LIMIT 1"
NOW = "SELECT clock_timestamp()"

BY_PLACE = "tx"
# Written so that the index of places does not narrow: that of terms does.
BY_TERMS = "tx + 0"
FITTING = """
    SELECT id, tx, seq, event, outcome, resource::text, related::text, source_id, {fits} FROM event
    WHERE occurred BETWEEN %s AND %s AND ({place}, seq) > (%s, %s) AND ({place}, seq) <= (%s, %s)
        AND ({any}) ORDER BY {place}, seq
"""

# When it was received, or the clock of a tick; and when it occurred, which a tick did not.
Row = tuple[int, int, datetime, datetime | None]
RESOURCE = msgspec.json.Decoder(dict[str, str])
RELATED = msgspec.json.Decoder(list[dict[str, str]])
PLACE = itemgetter(0, 1)
PLACE_AND_TIME = itemgetter(0, 1, 2)


@dataclass(frozen=True)
class Slice:
    """A piece of the log, behind `start` and up to `end`: all its events and ticks in order."""

    start: tuple[int, int]
    end: tuple[int, int]
    rows: Sequence[Row]
    clocks: Sequence[datetime]
    """How far the clock had come with each."""
    is_last: bool

    @cached_property
    def occurred(self) -> list[datetime]:
        """When its events occurred."""
        return [row[3] for row in self.rows if row[3] is not None]

    def upto(self, until: datetime) -> Slice:
        """Return what comes before the clock passes a moment."""
        ends = bisect_right(self.clocks, until)
        return self if ends == len(self.clocks) else self._cut(slice(ends), is_last=True)

    def since(self, moment: datetime) -> Slice:
        """Return what comes from where the clock reaches a moment."""
        return self._cut(slice(bisect_left(self.clocks, moment), None), is_last=self.is_last)

    def _cut(self, part: slice, *, is_last: bool) -> Slice:
        rows, clocks = self.rows[part], self.clocks[part]
        return Slice(self.start, self.end, rows, clocks, is_last)


@dataclass
class Past:
    """The log from a place on, up to where it is final now."""

    place: tuple[int, int]
    clock: datetime = EPOCH
    horizon: int = field(default_factory=lambda: state_sync().horizon)

    @classmethod
    def since(cls, moment: datetime) -> Past:
        """Return the log from somewhat before its clock reaches a moment."""
        horizon = state_sync().horizon
        return cls((_tx_of(moment - OVERLAP, horizon), 0), horizon=horizon)

    @staticmethod
    def begun() -> datetime | None:
        """Return when the first event was received that is still there; None without any."""
        first = _rows(FIRST_FROM, [0])
        return first[0][1] if first else None

    @classmethod
    def behind(cls, place: tuple[int, int]) -> Past:
        """Return the log behind a place, with the clock as it was there."""
        [[clock]] = _rows(CLOCK_AT, [*place, BEFORE])
        return cls(place, clock or EPOCH)

    def slices(self) -> Iterator[Slice]:
        """Yield one after the other; the last one may be empty."""
        is_first, is_last = True, False
        while not is_last:
            rows = _rows(TRACK, [*self.place, self.horizon, SLICE])
            is_last = len(rows) < SLICE
            end = (self.horizon, 0) if is_last else PLACE(rows[-1])
            if ticks := _ticks(self.place, end, is_first):
                rows = sorted([*rows, *ticks], key=PLACE_AND_TIME)
            clocks = list(accumulate((row[2] for row in rows), max, initial=self.clock))
            yield Slice(self.place, end, rows, clocks[1:], is_last)
            self.place, self.clock, is_first = end, clocks[-1], False


class Seen:
    """An event of the past as a machine sees it; its labels are read when they matter."""

    __slots__ = (
        *("id", "tx", "seq", "event", "outcome", "_resource", "_related"),
        *("received", "at", "is_imported", "is_ours"),
    )

    def __init__(self, told: Sequence[Any], row: Row, is_imported: bool, is_ours: bool) -> None:
        self.id, self.tx, self.seq, self.event, self.outcome = told[:5]
        self._resource, self._related = told[5:7]
        _, _, received, occurred = row
        self.received = micros(received)
        self.at = min(micros(occurred or received), self.received)
        self.is_imported, self.is_ours = is_imported, is_ours

    @property
    def resource(self) -> Mapping[str, str]:
        return RESOURCE.decode(self._resource)

    @property
    def related(self) -> Sequence[Mapping[str, str]]:
        return RELATED.decode(self._related)

    @property
    def depth(self) -> int:
        is_told = self.is_ours and (DEPTH in self._resource or DEPTH in self._related)
        return depth_of(self) if is_told else 0


class Fit(NamedTuple):
    """An event that fits queries: which of the rows of its slice it is, and their numbers."""

    at: int
    seen: Seen
    queries: frozenset[int]


def fitting(queries: Sequence[Query], part: Slice) -> Iterator[Fit]:
    """Yield the events that fit any of the queries, in the order of the log."""
    if not part.occurred:
        return
    found = _found(queries, part)
    if not found:
        return
    imported = imported_between(found[0][1], found[-1][1])
    ours = set(Source.objects.filter(name=SOURCE).values_list("id", flat=True))
    rows, at, end = part.rows, 0, len(part.rows)
    only = frozenset({0}) if len(queries) == 1 else None
    for told in found:
        place = told[1:3]
        while at < end and PLACE(rows[at]) < place:
            at += 1
        if at < end and PLACE(rows[at]) == place:
            seen = Seen(told, rows[at], told[1] in imported, told[7] in ours)
            yield Fit(at, seen, only or frozenset([n for n, fits in enumerate(told[8:]) if fits]))


def _found(queries: Sequence[Query], part: Slice) -> list[tuple[Any, ...]]:
    matches = [match_of(query) for query in queries]
    each = [f"({match.sql})" if match else "TRUE" for match in matches]
    asked = [param for match in matches if match for param in match.params]
    alone = len(queries) == 1
    sql = FITTING.format(
        fits="TRUE" if alone else ", ".join(each),
        any=" OR ".join(each),
        place=BY_TERMS if all(match and match.narrowed for match in matches) else BY_PLACE,
    )
    bounds = [min(part.occurred), max(part.occurred), *part.start, *PLACE(part.rows[-1])]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*([] if alone else asked), *bounds, *asked])
        return cursor.fetchall()


def now() -> datetime:
    """Return the database's clock."""
    [[told]] = _rows(NOW, [])
    return told


def _ticks(start: tuple[int, int], end: tuple[int, int], with_start: bool) -> list[Row]:
    than = ">=" if with_start else ">"
    told = Tick.objects.extra(  # noqa: S610 - of constants
        where=[f"(tx, seq) {than} (%s, %s)", "(tx, seq) <= (%s, %s)"], params=[*start, *end]
    )
    return [(tx, seq, at, None) for tx, seq, at in told.values_list("tx", "seq", "at")]


def _tx_of(moment: datetime, horizon: int) -> int:
    """Find the transaction with which the log comes to a moment; `received` grows along it."""
    low, high = 0, horizon
    if first := _rows(FIRST_FROM, [0]):
        low = first[0][0]
    while low < high:
        middle = (low + high) // 2
        found = _rows(FIRST_FROM, [middle])
        if not found or found[0][1] >= moment:
            high = middle
        else:
            low = found[0][0] + 1
    return low


def _rows(sql: Any, params: Sequence[Any]) -> list[Any]:
    # Not Django's own cursor, which reads times in Python.
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, params, binary=True).fetchall()
