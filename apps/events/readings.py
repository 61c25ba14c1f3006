"""What counts are read from: the rollups with the log's tail, the rows, or a sample of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from apps.events.models import Event
from apps.events.rollups import COUNTED_NAME, HOUR, MINUTE, NAME, is_cut
from apps.events.walk import Bound, Clock, all_of, match_of
from apps.query import Clause, Query
from apps.query.calendar import LAST_MOMENT, shifted
from apps.query.terms import ID, Terms, terms_of

# What the rollups tell apart.
COUNTED = frozenset({"event", "outcome", "source", "system"})
SPANS = (HOUR, MINUTE)

PLACE = "SELECT tx, seq FROM follower WHERE name = %s"
KEYS = """
    SELECT event, outcome, source_id, system, (SELECT name FROM source WHERE id = source_id)
    FROM (SELECT DISTINCT event, outcome, source_id, system FROM event_count {where}) AS keys
"""
WANTED = """
    JOIN unnest(%s::text[], %s::smallint[], %s::int[], %s::text[])
    AS wanted (event, outcome, source_id, system) USING (event, outcome, source_id, system)
"""
ROLLED = """
    SELECT start AS at, event, outcome, source_id, system, events::integer AS n
    FROM event_count {wanted} {where}
"""
KINDS_OF_ROWS = f"""
    SELECT occurred AS at, {COUNTED_NAME} AS event, outcome, source_id, system, 1 AS n
    FROM event {{where}}
"""  # noqa: S608 - of constants
ROWS = """
    SELECT occurred AS at, event, outcome, source_id, system, 1 AS n,
        resource_id, resource, related
    FROM event {sample} {where}
"""
SUM = "SELECT coalesce(sum(n), 0)::bigint FROM ({reading}) AS told"
# Where the rollups cannot tell in time: what the planner believes, of everything.
GUESS = """
    SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint
    FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
    WHERE inhparent = 'event'::regclass
"""
# The planner takes every term for a frequent one; the index of terms is right for the rare.
FORCE_INDEX = """
    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true)
"""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Range(NamedTuple):
    """`since <= occurred < until`; None is open, and so is the end of all times."""

    since: datetime | None
    until: datetime | None

    def of(self, column: str) -> list[Bound]:
        bounds = []
        if self.since is not None:
            bounds.append(Bound(f"{column} >= %s", [self.since]))
        if self.until is not None and self.until < LAST_MOMENT:
            bounds.append(Bound(f"{column} < %s", [self.until]))
        return bounds


class Piece(NamedTuple):
    """A part of a range, covered by counts of so many seconds, or by rows when that is 0."""

    span: int
    range: Range


class Reading(NamedTuple):
    """A SELECT of `at, event, outcome, source_id, system, n`; of rows their resources, too."""

    sql: str
    params: list[Any]


def is_counted(query: Query | None) -> bool:
    """Whether the query asks for nothing but what the rollups tell apart."""
    return query is None or all(map(_is_counted, query.clauses))


def _is_counted(clause: Clause) -> bool:
    if clause.field is None:
        return bool(clause.parts) and all(map(_is_counted, clause.parts))
    return clause.field in COUNTED


def rolled(
    clock: Clock, query: Query | None, within: Range, spans: Sequence[int] = SPANS
) -> Reading | None:
    """Read counts, each event at the start of its span, and rows where no whole span fits.

    None when the rollups cannot tell. The clock must hold one snapshot: what the follower has
    not come to is read from the log's tail.
    """
    if not is_counted(query):
        return None
    wanted, params = "", list[Any]()
    if query is not None and query.clauses:
        keys = _matching(clock, query, within)
        if keys is None:
            return None
        wanted, params = WANTED, [list(column) for column in zip(*keys, strict=True)] or [[]] * 4
    place = (clock.fetch(PLACE, [NAME]) or [(0, 0)])[0]
    match = match_of(query)
    matching = [match] if match else []
    readings = []
    parts = pieces(within, spans)
    for piece in parts:
        if piece.span:
            bounds = [Bound("span = %s", [piece.span]), *piece.range.of("start")]
            where, bound = all_of(bounds)
            readings.append(Reading(ROLLED.format(wanted=wanted, where=where), [*params, *bound]))
        else:
            readings.append(_kinds([*piece.range.of("occurred"), *matching]))
    if counted := [piece.range for piece in parts if piece.span]:
        tail = Range(counted[0].since, counted[-1].until)
        behind = Bound("(tx, seq) > (%s, %s)", place)
        readings.append(_kinds([behind, *tail.of("occurred"), *matching]))
    return Reading(
        " UNION ALL ".join(f"({reading.sql})" for reading in readings),
        [param for reading in readings for param in reading.params],
    )


def _kinds(bounds: Sequence[Bound]) -> Reading:
    where, params = all_of(bounds)
    return Reading(KINDS_OF_ROWS.format(where=where), params)


def _matching(clock: Clock, query: Query, within: Range) -> list[tuple[Any, ...]] | None:
    """Return the keys of the counts that match; None where a name is cut and nobody can tell."""
    hours = Range(within.since and floor(within.since, HOUR), within.until)
    where, params = all_of([Bound("span = %s", [HOUR]), *hours.of("start")])
    keys = clock.fetch(KEYS.format(where=where), params)
    if any(is_cut(key[0]) for key in keys):
        return None
    return [key[:4] for key in keys if _matches(query, *key)]


def _matches(
    query: Query, event: str, outcome: int, source_id: int, system: str, source: str | None
) -> bool:
    """Ask the query of an event with nothing else to it."""
    return query.matches(*_told(event, outcome, system, source or ""))


@lru_cache(maxsize=4_096)
def _told(event: str, outcome: int, system: str, source: str) -> tuple[Event, Terms]:
    told = Event(
        event=event, outcome=outcome, system=system, resource={ID: ""}, related=[], payload={}
    )
    told.source_name = source
    return told, terms_of(told)


def pieces(within: Range, spans: Sequence[int] = SPANS) -> list[Piece]:
    """Cover a range by whole spans, by the long ones where they fit, and by rows at its ends."""
    if not spans:
        return [Piece(0, within)]
    since, until = within
    first = None if since is None else ceil(since, spans[0])
    last = None if until is None else floor(until, spans[0])
    if first is not None and last is not None and first >= last:
        return pieces(within, spans[1:])
    found = [Piece(spans[0], Range(first, last))]
    if since is not None and first is not None and since < first:
        found = pieces(Range(since, first), spans[1:]) + found
    if until is not None and last is not None and last < until:
        found += pieces(Range(last, until), spans[1:])
    return found


def rows(query: Query | None, within: Range, *, share: float = 1.0) -> Reading:
    """Read the matching rows, or about this share of them: of its pages, each whole."""
    match = match_of(query)
    where, params = all_of([*within.of("occurred"), *([match] if match else ())])
    sample = "" if share >= 1 else f"TABLESAMPLE SYSTEM ({100 * share:.6f}) REPEATABLE (1)"
    return Reading(ROWS.format(sample=sample, where=where), params)


def force_index(clock: Clock, query: Query | None) -> None:
    """Have what follows find rows by their terms, when the query has any."""
    if query is not None and query.sql().terms is not None:
        clock.fetch(FORCE_INDEX, [])


def total(clock: Clock, reading: Reading) -> int:
    return int(clock.fetch(SUM.format(reading=reading.sql), reading.params)[0][0])


def guess(clock: Clock) -> int:
    return int(clock.fetch(GUESS, [])[0][0])


def floor(moment: datetime, span: int) -> datetime:
    return moment - (moment - EPOCH) % timedelta(seconds=span)


def ceil(moment: datetime, span: int) -> datetime:
    start = floor(moment, span)
    return start if start == moment else shifted(start, timedelta(seconds=span))


def every(span: timedelta, within: Range) -> Iterator[datetime]:
    """Yield the starts of the spans of a range with two ends."""
    assert within.since is not None
    assert within.until is not None
    start = within.since
    while start < within.until:
        yield start
        start = shifted(start, span)
