"""Counts of a filter: by time in even buckets, by name, by resource."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from django.utils import timezone

from apps.events.readings import SPANS, Range, force_index, rolled, rows
from apps.events.rollups import is_cut
from apps.events.walk import all_of, in_time
from apps.feed.prefect.bodies import Refused
from apps.feed.prefect.filters import EventFilter
from apps.feed.prefect.pages import WHOLE_BUDGET, conditions_of
from apps.query.calendar import LAST_MOMENT, shifted

COUNTABLES = ("day", "time", "event", "resource")

# A Monday; every bucket of whatever width is a whole number of widths from it.
PIVOT = datetime(2024, 4, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
UNITS = {
    "week": timedelta(days=7),
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}
# Where no beginning is asked for: from the start of that day on.
DAYS = 180
MOST_BUCKETS = 1_000
MOST_ROWS = 10_000

BY_TIME = "SELECT date_bin(%s, at, %s), sum(n)::bigint FROM ({reading}) AS told GROUP BY 1"
BY_EVENT = """
    SELECT event, event, count(*), min(occurred), max(occurred)
    FROM event {where} GROUP BY event ORDER BY 3 DESC, 2 LIMIT %s
"""
# What a resource is called at last; found for those only that are told.
BY_RESOURCE = """
    WITH counted AS (
        SELECT resource_id, count(*) AS count, min(occurred) AS first, max(occurred) AS last
        FROM event {where} GROUP BY resource_id ORDER BY 2 DESC, 1 LIMIT %s
    )
    SELECT resource_id, named.label, counted.count, first, last
    FROM counted CROSS JOIN LATERAL (
        SELECT coalesce(
            resource ->> 'prefect.resource.name', resource ->> 'prefect.name', resource_id
        ) AS label
        FROM event WHERE occurred = last AND event.resource_id = counted.resource_id
        ORDER BY tx DESC, seq DESC LIMIT 1
    ) AS named
    ORDER BY 3 DESC, 2
"""
# From what is counted by the hour, so that the first and the last lie within an hour of these.
BY_NAME = """
    SELECT event, sum(n)::bigint, min(at), max(at) FROM ({reading}) AS told
    GROUP BY event HAVING sum(n) > 0 LIMIT %s
"""
WITH_ENDS = """
    SELECT name, name, count, coalesce(first.at, least), coalesce(last.at, most)
    FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
        AS told (name, count, least, most)
    LEFT JOIN LATERAL (
        SELECT occurred AS at FROM event WHERE event = name
            AND occurred >= least AND occurred < least + interval '1 hour'
        ORDER BY occurred LIMIT 1
    ) AS first ON true
    LEFT JOIN LATERAL (
        SELECT occurred AS at FROM event WHERE event = name
            AND occurred >= most AND occurred < least(most + interval '1 hour', %s)
        ORDER BY occurred DESC LIMIT 1
    ) AS last ON true
    ORDER BY 3 DESC, 2
"""
# The ends of so many names are looked up one by one.
FEW_NAMES = 200


class Counted(msgspec.Struct):
    """What is to be counted; how wide a bucket is, in units."""

    filter: EventFilter
    time_unit: Literal["week", "day", "hour", "minute", "second"] = "day"
    time_interval: Annotated[float, msgspec.Meta(ge=0.01)] = 1.0


class EventCount(msgspec.Struct):
    value: str
    label: str
    count: int
    start_time: datetime
    end_time: datetime


def counted(asked: Counted, countable: str) -> list[EventCount]:
    """Count by `day`, `time`, `event` or `resource`; raises Refused, QueryTimeout."""
    if countable == "event":
        return _by_counts(asked.filter) or _by_group(asked.filter, BY_EVENT)
    if countable == "resource":
        return _by_group(asked.filter, BY_RESOURCE)
    if countable == "day":
        asked = msgspec.structs.replace(asked, time_unit="day", time_interval=1.0)
    return _by_time(asked)


def _by_counts(asked: EventFilter) -> list[EventCount]:
    """Count by name from what is counted already; nothing where that does not tell."""
    within = Range(asked.since, asked.until and shifted(asked.until, MICROSECOND))
    with in_time(WHOLE_BUDGET, one_snapshot=True) as clock:
        reading = rolled(clock, asked.query(), within)
        if reading is None:
            return []
        told = clock.fetch(BY_NAME.format(reading=reading.sql), [*reading.params, FEW_NAMES + 1])
        if len(told) > FEW_NAMES or any(is_cut(name) for name, *_ in told):
            return []
        columns = [list(column) for column in zip(*told, strict=True)] or [[]] * 4
        ended = clock.fetch(WITH_ENDS, [*columns, within.until or LAST_MOMENT])
    return [EventCount(*row) for row in ended]


def _by_group(asked: EventFilter, statement: str) -> list[EventCount]:
    where, params = all_of(conditions_of(asked))
    with in_time(WHOLE_BUDGET) as clock:
        force_index(clock, asked.query())
        told = clock.fetch(statement.format(where=where), [*params, MOST_ROWS])
    return [EventCount(*row) for row in told]


def _by_time(asked: Counted) -> list[EventCount]:
    width = width_of(asked)
    buckets = list(buckets_of(asked, width, timezone.now()))
    if not buckets:
        return []
    counts = _counts(asked.filter, width, first=buckets[0][0], last=buckets[-1][1])
    return [
        EventCount(str(index), start.isoformat(), counts.get(start, 0), start, end)
        for index, (start, end) in enumerate(buckets)
    ]


def width_of(asked: Counted) -> timedelta:
    """Return how wide a bucket is; raises Refused for one no calendar holds."""
    try:
        return UNITS[asked.time_unit] * asked.time_interval
    except OverflowError:
        raise Refused("The given interval is longer than any calendar.") from None


def buckets_of(
    asked: Counted, width: timedelta, now: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield first and last moment of each bucket of the span; raises Refused for too many."""
    since = asked.filter.since or _start_of_day(now) - timedelta(days=DAYS)
    until = asked.filter.until or now
    number = math.ceil((until - since) / width)
    if number > MOST_BUCKETS:
        raise Refused(
            f"The given interval would create {number} buckets, which is too many. Please "
            "increase the interval or reduce the time range to produce "
            f"{MOST_BUCKETS} buckets or fewer."
        )
    end = _end_of_unit(now, asked.time_unit) if until >= now else until
    try:
        start = PIVOT + (since - PIVOT) // width * width
        while start < end:
            yield start, start + width - MICROSECOND
            start += width
    except OverflowError:
        raise Refused("The given range leaves the calendar.") from None


def _counts(
    asked: EventFilter, width: timedelta, *, first: datetime, last: datetime
) -> dict[datetime, int]:
    """Return how many events of the filter lie in each bucket that has some."""
    query = asked.query()
    within = Range(
        max(first, asked.since or first),
        shifted(min(last, asked.until or last), MICROSECOND),
    )
    with in_time(WHOLE_BUDGET, one_snapshot=True) as clock:
        force_index(clock, query)
        spans = [span for span in SPANS if not width % timedelta(seconds=span)]
        # Where nothing but times is asked, the counts that are kept by the minute tell it.
        reading = (spans and rolled(clock, query, within, spans)) or rows(query, within)
        told = clock.fetch(BY_TIME.format(reading=reading.sql), [width, PIVOT, *reading.params])
    return {start.astimezone(UTC): count for start, count in told}


def _start_of_day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _end_of_unit(now: datetime, unit: str) -> datetime:
    """Return the last moment of the week, day, … that it is now."""
    start: Any = PIVOT + (now - PIVOT) // UNITS[unit] * UNITS[unit]
    return start + UNITS[unit] - MICROSECOND
