"""The follower that counts what each source sends: its page needs no look into the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from statistics import median
from typing import Any

from apps.events.models import Event

KEPT = timedelta(hours=25)
PRUNE_EVERY = timedelta(minutes=10)

# In the order of their keys, so that overlapping batches lock rows in the same order.
COUNT = """
    INSERT INTO source_seen
        (source_id, events, first, last, last_id, last_tx, last_seq, lag)
    SELECT told.* FROM unnest(
        %s::int[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::uuid[], %s::bigint[],
        %s::bigint[], %s::float8[]
    ) AS told (source_id, events, first, last, last_id, last_tx, last_seq, lag)
    JOIN source ON source.id = told.source_id
    ON CONFLICT (source_id) DO UPDATE SET
        events = source_seen.events + excluded.events,
        last = excluded.last,
        last_id = excluded.last_id,
        last_tx = excluded.last_tx,
        last_seq = excluded.last_seq,
        lag = excluded.lag
"""
COUNT_MINUTES = """
    INSERT INTO source_minute (source_id, minute, events)
    SELECT told.* FROM unnest(%s::int[], %s::timestamptz[], %s::int[])
        AS told (source_id, minute, events)
    JOIN source ON source.id = told.source_id
    ON CONFLICT (source_id, minute) DO UPDATE SET events = source_minute.events + excluded.events
"""
PRUNE = "DELETE FROM source_minute WHERE minute < %s"


class SourceCounts:
    name = "sources"
    reads = frozenset({"id", "occurred", "received", "source_id"})

    def __init__(self) -> None:
        self.pruned: datetime | None = None

    def handle(self, events: list[Event], cursor: Any) -> None:
        cursor.execute(COUNT, columns(counts(events)))
        cursor.execute(COUNT_MINUTES, columns(minutes(events)))
        self.prune(events[-1].received, cursor)

    def prune(self, now: datetime, cursor: Any) -> None:
        if self.pruned is None or now - self.pruned >= PRUNE_EVERY:
            cursor.execute(PRUNE, [now - KEPT])
            self.pruned = now


def counts(events: Iterable[Event]) -> Iterator[tuple[Any, ...]]:
    """Yield a row of `source_seen` for each source among the events."""
    # Sorting is stable: within a source they stay in the order of the log.
    for source_id, of_source in groupby(sorted(events, key=source_of), key=source_of):
        told = list(of_source)
        last = told[-1]
        lag = median((event.received - event.occurred).total_seconds() for event in told)
        first = told[0].received
        yield source_id, len(told), first, last.received, last.id, last.tx, last.seq, lag


def minutes(events: Iterable[Event]) -> list[tuple[Any, ...]]:
    """Return rows of `source_minute`."""
    counted = Counter((event.source_id, minute_of(event.received)) for event in events)
    return [(*key, count) for key, count in sorted(counted.items())]


def columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def source_of(event: Event) -> int:
    return event.source_id


def minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


source_counts = SourceCounts()
