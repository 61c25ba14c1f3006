"""Counting all that matches, however long it takes: slice by slice, so that one sees how far it is.

A slice is as long as what a few seconds can count. None holds a transaction open for longer.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from apps.events.readings import Range
from apps.events.walk import Bound, QueryTimeout, all_of, in_time, match_of
from apps.query import Query
from apps.query.calendar import shifted

COUNT = "SELECT count(*) FROM event {where}"
ENDS = "SELECT min(occurred), max(occurred) FROM event {where}"

# Seconds that a slice may take.
BUDGET = 5.0
FIRST = timedelta(minutes=10)
SHORTEST = timedelta(milliseconds=1)


class Counted(NamedTuple):
    """So many events match from `back_to` on."""

    events: int
    back_to: datetime
    part: float
    """Which part of the time has been looked at, 0 to 1."""


def count_all(
    query: Query | None, *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[Counted]:
    """Count from the newest back, and tell after each slice; raises QueryTimeout.

    What arrives meanwhile is counted when it lies before what has been looked at.
    """
    ends = _ends(since, until)
    if ends is None:
        return
    oldest, newest = ends
    match = match_of(query)
    # Behind the newest: a slice holds its beginning and not its end.
    end, width, events = shifted(newest, timedelta(microseconds=1)), FIRST, 0
    while True:
        start = max(oldest, shifted(end, -width))
        try:
            events += _count(match, start, end)
        except QueryTimeout:
            if width <= SHORTEST:
                raise
            width /= 8
            continue
        end, width = start, width * 2
        yield Counted(events, end, 1 - (end - oldest) / max(newest - oldest, SHORTEST))
        if end == oldest:
            return


def _count(match: Bound | None, start: datetime, end: datetime) -> int:
    within = Range(start, end).of("occurred")
    where, params = all_of([*within, *([match] if match else ())])
    with in_time(BUDGET) as clock:
        return int(clock.fetch(COUNT.format(where=where), params)[0][0])


def _ends(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime] | None:
    """Return when the oldest and the newest event of the range occurred, None without any."""
    bounds = []
    if since is not None:
        bounds.append(Bound("occurred >= %s", [since]))
    if until is not None:
        bounds.append(Bound("occurred <= %s", [until]))
    where, params = all_of(bounds)
    with connection.cursor() as cursor:
        cursor.execute(ENDS.format(where=where), params)
        oldest, newest = cursor.fetchone()
    return (oldest, newest) if oldest else None
