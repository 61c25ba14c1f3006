"""Rollups are the counts of the rows there are, whatever comes late, twice or is taken away."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from apps.events import partitions
from apps.events.draft import Draft
from apps.events.follower import step
from apps.events.models import Event, EventCount, Source
from apps.events.record import record
from apps.events.retention import prune
from apps.events.rollups import HOUR, LONGEST_NAME, MINUTE, Rollups
from apps.query import Outcome
from tests.events.telling import told
from tests.events.waiting import until_final

NOW = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
UNITS: dict[int, dict[str, Any]] = {MINUTE: {}, HOUR: {"minute": 0}}


class Killed(Exception):
    pass


def happen(source: Source, *drafts: Draft) -> None:
    record(list(drafts), source_id=source.id)
    until_final()


def roll_up(follower: Rollups | None = None) -> None:
    while step(follower or Rollups()):
        pass


def counted() -> Counter[tuple[Any, ...]]:
    """What the rollups hold."""
    rows = EventCount.objects.filter(events__gt=0).values_list(
        "span", "start", "event", "outcome", "source_id", "system", "events"
    )
    return Counter({tuple(row[:-1]): row[-1] for row in rows})


def there() -> Counter[tuple[Any, ...]]:
    """What they must hold, by the rows."""
    rows = Event.objects.values_list("occurred", "event", "outcome", "source_id", "system")
    return Counter(
        (
            span,
            occurred.replace(second=0, microsecond=0, **cut),
            name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "…",
            *others,
        )
        for occurred, name, *others in rows
        for span, cut in UNITS.items()
    )


def test_counts_are_those_of_the_rows(source: Source):
    happen(
        source,
        *(told(name, occurred=NOW + timedelta(seconds=at)) for at, name in enumerate("abcab" * 30)),
        told("a", occurred=NOW, outcome=Outcome.FAILED),
    )
    roll_up()
    assert counted() == there()
    assert sum(counted().values()) == 2 * 151


def test_late_events_go_to_their_minute(source: Source):
    happen(source, told(occurred=NOW))
    roll_up()
    late = NOW - timedelta(hours=5)
    happen(source, told(occurred=late), told(occurred=datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)))
    roll_up()
    assert EventCount.objects.filter(span=MINUTE, start=late).get().events == 1
    assert counted() == there()


def test_what_a_kill_has_undone_is_counted_once(source: Source):
    class Fatal(Rollups):
        def handle(self, events: list[Event], cursor: Any) -> None:
            super().handle(events, cursor)
            raise Killed

    happen(source, told("a"), told("b"))
    with pytest.raises(Killed):
        step(Fatal())
    assert not counted()
    roll_up()
    assert counted() == there()


def test_names_too_long_for_the_index_are_counted_cut(source: Source):
    happen(source, told("€" * 1_024), told("€" * 1_023 + "x"))
    roll_up()
    assert counted() == there()
    assert EventCount.objects.filter(span=MINUTE).get().events == 2


def test_a_dropped_partition_takes_its_counts_along(source: Source, settings):
    settings.EVENTFEED_RETENTION_DAYS = 30
    partitions.ensure()
    happen(source, told("old", occurred=NOW - timedelta(days=20)), told("new", occurred=NOW))
    roll_up()
    settings.EVENTFEED_RETENTION_DAYS = 7
    assert partitions.expire()
    assert not EventCount.objects.filter(event="old").exists()
    until_final()
    roll_up()
    assert counted() == there()


def test_what_is_pruned_by_rows_is_uncounted_if_it_was_counted(source: Source, settings):
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    happen(source, told("a", occurred=long_ago), told("b", occurred=long_ago))
    roll_up()
    happen(source, told("a", occurred=long_ago))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE event SET received = now() - interval '99 days' WHERE event = 'a'")
    assert prune() == 2
    roll_up()
    assert counted() == there()
    assert not EventCount.objects.filter(event="a").exists()
