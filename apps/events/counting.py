"""Counting what matches: how many, when, and of which kinds.

What the rollups can tell comes from them; the rest from the rows, in bounded time; and what cannot
be counted in time is estimated from a sample, which says of how many.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from apps.events import search
from apps.events.models import Source
from apps.events.readings import (
    COUNTED,
    SPANS,
    Range,
    Reading,
    every,
    force_index,
    guess,
    is_counted,
    rolled,
    rows,
    total,
)
from apps.events.walk import QueryTimeout, in_time
from apps.events.words import kind_of_ids
from apps.query import Query
from apps.query.calendar import shifted
from apps.query.outcomes import Outcome
from apps.query.terms import ID, NAME, ROLE

__all__ = ["FACETS", "BadField", "Count", "Facet", "Histogram", "QueryTimeout", "Range", "Sample"]

DEFAULT_RANGE = timedelta(hours=24)
BOUND = 10_000
# Seconds: for an answer from the rollups, from rows before a sample is taken, from the sample, and
# for an exact count on demand.
ROLLED_BUDGET = 1.0
ROWS_BUDGET = 0.25
SAMPLE_BUDGET = 1.0
EXACT_BUDGET = 20.0

MOST_BUCKETS = 120
MINUTES = [60 * minutes for minutes in (1, 2, 5, 10, 15, 30)]
HOURS = [3_600 * hours for hours in (1, 2, 3, 6, 12, 24)]
STEPS = [1, 2, 5, 10, 15, 30, *MINUTES, *HOURS]
DAY = 86_400
# A Monday, at which buckets of any length begin.
ORIGIN = datetime(2001, 1, 1, tzinfo=UTC)

# Rows that a sample reads, about: labels are many an event.
SAMPLED = 20_000
FEW_SAMPLED = 2_000

TOP_SERIES = 7
TOP_VALUES = 10
MOST_HEADS = 300

LABELS_LEFT_OUT = [ID, NAME, ROLE]
LABEL = "label."

BUCKETS = """
    WITH told AS MATERIALIZED (
        SELECT date_bin(%s, at, %s) AS bucket, {key} AS key, sum(n) AS n
        FROM ({reading}) AS read GROUP BY 1, 2
    ), top AS (
        SELECT key FROM told WHERE key IS NOT NULL
        GROUP BY key ORDER BY sum(n) DESC, key LIMIT {top}
    )
    SELECT bucket, CASE WHEN is_top THEN key END, NOT is_top AND key IS NOT NULL, sum(n)::bigint
    FROM told, LATERAL (SELECT coalesce(key IN (SELECT key FROM top), false) AS is_top) AS known
    GROUP BY 1, 2, 3
"""
VALUES = """
    SELECT key, sum(n)::bigint, count(*) OVER () FROM (
        SELECT {key} AS key, n FROM ({reading}) AS read {beside}
    ) AS told WHERE key IS NOT NULL GROUP BY key ORDER BY 2 DESC, 1 LIMIT {top}
"""

# Of an id up to four of its dotted parts, without the last.
HEAD = r"coalesce(substring(resource_id from '^(?:[^.\s/:]+\.){1,4}'), '')"
EACH_ROLE = """
    CROSS JOIN LATERAL (
        SELECT DISTINCT one ->> 'prefect.resource.role' AS value
        FROM jsonb_array_elements(related) AS one
    ) AS each
"""
EACH_LABEL = """
    CROSS JOIN LATERAL (
        SELECT jsonb_object_keys(resource) AS value
        UNION SELECT name FROM jsonb_array_elements(related) AS one, jsonb_object_keys(one) AS name
    ) AS each WHERE value <> ALL (%s)
"""
EACH_VALUE = """
    CROSS JOIN LATERAL (
        SELECT resource ->> %s AS value
        UNION SELECT one ->> %s FROM jsonb_array_elements(related) AS one
    ) AS each
"""
FIRST_LABEL = """
    coalesce(resource ->> %s, (
        SELECT one ->> %s FROM jsonb_array_elements(related) AS one
        WHERE jsonb_exists(one, %s) LIMIT 1
    ))
"""
COLUMNS = {
    "event": "event",
    "outcome": "outcome::text",
    "source": "source_id::text",
    "system": "system",
}


class BadField(ValueError):
    """There is no counting by this."""


class Sample(NamedTuple):
    """What an estimate is made from: about so many of the events in the range."""

    read: int
    of: int


class Count(NamedTuple):
    """How many events match, or the bound that there are more than."""

    events: int
    more: bool


@dataclass(frozen=True)
class Series:
    """The counts of one value, a bucket each; `rest` is of all beyond the top values.

    The value is None for the rest, and for events without the label.
    """

    value: str | None
    rest: bool
    counts: list[int]

    @property
    def events(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class Histogram:
    """Counts in buckets of the same length, which begin at `since` and end at `until`."""

    by: str
    range: Range
    step: timedelta
    series: list[Series]
    sample: Sample | None

    @property
    def starts(self) -> list[datetime]:
        return list(every(self.step, self.range))

    @property
    def events(self) -> int:
        return sum(one.events for one in self.series)


class Value(NamedTuple):
    """A value of a facet, and how a query asks for it: any of `asked`."""

    text: str
    events: int
    asked: tuple[str, ...]


@dataclass(frozen=True)
class Facet:
    """The most frequent values of a field, and how many values there are."""

    field: str
    values: list[Value]
    distinct: int
    sample: Sample | None


class Statement(NamedTuple):
    """What to ask of a reading, given its SQL and parameters."""

    sql: Callable[[str], str]
    params: Callable[[list[Any]], list[Any]]

    def of(self, reading: Reading) -> tuple[str, list[Any]]:
        return self.sql(reading.sql), self.params(reading.params)


@dataclass
class Asking:
    """A query over a range, and what is known of how much there is to read."""

    query: Query | None
    within: Range
    is_long: bool = False
    """Whether its rows were found to take too long."""

    def ask(
        self, statement: Statement, *, spans: Iterable[int], sampled: int
    ) -> tuple[list[tuple[Any, ...]], Sample | None]:
        """Run a statement over the rollups, else over rows, else over a sample of them."""
        spans = tuple(spans)
        if spans and is_counted(self.query):
            with suppress(QueryTimeout), in_time(ROLLED_BUDGET, one_snapshot=True) as clock:
                reading = rolled(clock, self.query, self.within, spans)
                if reading is not None:
                    return clock.fetch(*statement.of(reading)), None
        if not self.is_long and (self.matching is None or self.matching <= sampled):
            with suppress(QueryTimeout), in_time(ROWS_BUDGET) as clock:
                force_index(clock, self.query)
                return clock.fetch(*statement.of(rows(self.query, self.within))), None
            self.is_long = True
        return self._ask_sample(statement, sampled)

    def _ask_sample(
        self, statement: Statement, sampled: int
    ) -> tuple[list[tuple[Any, ...]], Sample | None]:
        share = min(1.0, sampled / max(self.there, 1))
        with in_time(SAMPLE_BUDGET) as clock:
            told = clock.fetch(*statement.of(rows(self.query, self.within, share=share)))
        if share == 1:
            return told, None
        most = self.there if self.matching is None else self.matching
        return scaled(told, share, most), Sample(sampled, self.there)

    @cached_property
    def matching(self) -> int | None:
        """How many match, when the rollups can tell."""
        return _rolled_total(self.query, self.within)

    @cached_property
    def there(self) -> int:
        """How many events the range holds."""
        known = _rolled_total(None, self.within)
        if known is not None:
            return known
        with in_time(SAMPLE_BUDGET) as clock:
            return guess(clock)


def count(
    query: Query | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    exact: bool = False,
) -> Count:
    """Count what matches from `since` to `until`: up to 10,000 unless more is known, or exactly.

    Raises QueryTimeout.
    """
    # As a page has it, the last moment belongs to the range.
    within = Range(since, until and shifted(until, timedelta(microseconds=1)))
    if (known := _rolled_total(query, within)) is not None:
        return Count(known, more=False)
    if not exact:
        counted = search.count(query, since=since, until=until, limit=BOUND + 1)
        return Count(min(counted, BOUND), more=counted > BOUND)
    with in_time(EXACT_BUDGET) as clock:
        return Count(total(clock, rows(query, within)), more=False)


def histogram(
    query: Query | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    by: str = "outcome",
    now: datetime | None = None,
) -> Histogram:
    """Count by time in at most about 120 buckets, each stacked by the top values of a field.

    `by` is outcome, event, source, system or `label.KEY`. The range, the last 24 hours unless
    given or asked for by the query, is widened to whole buckets. Raises BadField, QueryTimeout.
    """
    asked = default_range(query, since, until, now or datetime.now(UTC))
    step = step_of(asked)
    within = whole_buckets(asked, step)
    key, params = _series_key(by)
    statement = Statement(
        lambda reading: BUCKETS.format(key=key, reading=reading, top=TOP_SERIES),
        lambda reading: [timedelta(seconds=step), ORIGIN, *params, *reading],
    )
    spans = [span for span in SPANS if step % span == 0]
    spans = spans if by in COUNTED else []
    told, sample = Asking(query, within).ask(statement, spans=spans, sampled=SAMPLED)
    return Histogram(by, within, timedelta(seconds=step), _series(told, by, within, step), sample)


def facet(
    query: Query | None,
    field: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    now: datetime | None = None,
) -> Facet:
    """Count the events of a range, the last 24 hours unless given, by the values of a field.

    Those are FACETS and `label.KEY`. Raises BadField, QueryTimeout.
    """
    within = default_range(query, since, until, now or datetime.now(UTC))
    return facet_of(Asking(query, within), field)


def facet_of(asking: Asking, field: str) -> Facet:
    """Do what `facet` does, with what others of the same asking have found out."""
    key, beside, params = _facet_key(field)
    top = MOST_HEADS if field == "kind" else TOP_VALUES
    statement = Statement(
        lambda reading: VALUES.format(key=key, reading=reading, beside=beside, top=top),
        lambda reading: [*reading, *params],
    )
    spans = SPANS if field in COUNTED else ()
    told, sample = asking.ask(statement, spans=spans, sampled=FEW_SAMPLED)
    values = [(key, events) for key, events, _ in told]
    if field == "kind":
        kinds = _kinds(values)
        return Facet(field, kinds[:TOP_VALUES], len(kinds), sample)
    named = _names(field, [key for key, _ in values])
    shown = [Value(named[key], events, (named[key],)) for key, events in values]
    return Facet(field, shown, told[0][2] if told else 0, sample)


def default_range(
    query: Query | None, since: datetime | None, until: datetime | None, now: datetime
) -> Range:
    """Return a range with two ends: the query's own, or 24 hours where nobody says a beginning."""
    if query and not since and not until and (own := range_of(query, now)):
        return own
    until = until or now
    since = since or shifted(until, -DEFAULT_RANGE)
    return Range(since, max(since, until))


def range_of(query: Query, now: datetime) -> Range | None:
    """Return the range that the query asks for where it says a beginning, and it is not empty."""
    since, until = query.occurred_within(now)
    until = until or now
    return Range(since, until) if since and since < until else None


def step_of(within: Range) -> int:
    """Return the seconds of a bucket, so that a range has at most about 120 of them."""
    assert within.since is not None
    assert within.until is not None
    seconds = (within.until - within.since).total_seconds()
    fitting = (step for step in STEPS if seconds <= step * MOST_BUCKETS)
    return next(fitting, 0) or DAY * -(-int(seconds) // (DAY * MOST_BUCKETS))


def whole_buckets(within: Range, step: int) -> Range:
    """Widen a range to whole buckets."""
    assert within.since is not None
    assert within.until is not None
    width = timedelta(seconds=step)
    first = shifted(within.since, -((within.since - ORIGIN) % width))
    last = shifted(within.until, (ORIGIN - within.until) % width)
    return Range(first, max(last, shifted(first, width)))


def scaled(told: list[tuple[Any, ...]], share: float, most: int) -> list[tuple[Any, ...]]:
    """Scale the counts of a sample: the last number of a bucket, the second of a value.

    All buckets together are of no more events than `most`, and so is each value: an event may have
    several.
    """
    place = 3 if told and len(told[0]) == 4 else 1
    counts = [row[place] for row in told]
    largest = sum(counts) if place == 3 else max(counts, default=0)
    times = max(1.0, min(1 / share, most / max(largest, 1)))
    return [(*row[:place], int(row[place] * times), *row[place + 1 :]) for row in told]


def _rolled_total(query: Query | None, within: Range) -> int | None:
    """Return how many match, when the rollups can tell in time."""
    if not is_counted(query):
        return None
    with suppress(QueryTimeout), in_time(ROLLED_BUDGET, one_snapshot=True) as clock:
        reading = rolled(clock, query, within)
        return None if reading is None else total(clock, reading)
    return None


def _series_key(by: str) -> tuple[str, list[Any]]:
    if by in COLUMNS:
        return COLUMNS[by], []
    if key := label_of(by):
        return FIRST_LABEL, [key] * 3
    raise BadField(f"“{by[:80]}” cannot be stacked by; write {', '.join(COLUMNS)} or label.KEY.")


def _facet_key(field: str) -> tuple[str, str, list[Any]]:
    """Return the key to count by, what stands beside the rows for it, and its parameters."""
    if field in COLUMNS:
        return COLUMNS[field], "", []
    if field in EACH:
        return EACH[field]
    if key := label_of(field):
        return "value", EACH_VALUE, [key, key]
    raise BadField(f"“{field[:80]}” is no facet; write {', '.join(FACETS)} or label.KEY.")


EACH: Mapping[str, tuple[str, str, list[Any]]] = {
    "kind": (HEAD, "", []),
    "role": ("value", EACH_ROLE, []),
    "label": ("value", EACH_LABEL, [LABELS_LEFT_OUT]),
}
FACETS = (*COLUMNS, *EACH)


def label_of(field: str) -> str:
    """Return the key of `label.KEY`, "" for other fields; raises BadField."""
    if "\0" in field:
        raise BadField("No label's key has U+0000 in it.")
    return field[len(LABEL) :] if field.startswith(LABEL) else ""


def _series(told: Iterable[tuple[Any, ...]], by: str, within: Range, step: int) -> list[Series]:
    """Gather buckets into series: outcomes in their own order, other values the largest first."""
    assert within.since is not None
    starts = list(every(timedelta(seconds=step), within))
    counts: dict[tuple[str | None, bool], list[int]] = {}
    for bucket, key, rest, events in told:
        # At the beginning of all times no bucket begins where the range does.
        at = max(0, bisect_right(starts, bucket) - 1)
        counts.setdefault((key, rest), [0] * len(starts))[at] += events
    named = _names(by, [key for key, _ in counts if key is not None])
    order = sorted(counts, key=lambda one: (one[0] is None, one[1], _rank(by, one[0], counts[one])))
    return [Series(key and named[key], rest, counts[key, rest]) for key, rest in order]


def _rank(by: str, key: str | None, counts: list[int]) -> tuple[int, str]:
    return (int(key or 0) if by == "outcome" else -sum(counts), key or "")


def _names(field: str, keys: list[str]) -> dict[str, str]:
    """Return what the keys of a column are called."""
    if field == "outcome":
        return {key: Outcome(int(key)).word for key in keys}
    if field == "source":
        names = dict(Source.objects.filter(id__in=map(int, keys)).values_list("id", "name"))
        return {key: names.get(int(key), key) for key in keys}
    return {key: key for key in keys}


def _kinds(heads: Iterable[tuple[str, int]]) -> list[Value]:
    """Join heads of ids that are of one kind; a query asks for them by what they begin with."""
    events: Counter[str] = Counter()
    asked: dict[str, list[str]] = {}
    for head, counted in heads:
        kind = kind_of_ids(head).text if head else "resource"
        events[kind] += counted
        asked.setdefault(kind, []).extend([f"{head}*"] if head else [])
    return [Value(kind, counted, tuple(asked[kind])) for kind, counted in events.most_common()]
