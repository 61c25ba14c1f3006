"""Partitions and retention: room ahead, nothing kept for ever, nothing lost in between."""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from apps.events import partitions as ours
from apps.events.log import Expired, head_sync, read_sync
from apps.events.models import Event, Rejection, Source
from apps.events.partitions import ensure, expire, partitions, sizes
from apps.events.record import record
from apps.events.rejections import Rejected, reject_sync
from apps.events.retention import prune
from apps.events.search import search
from eventfeed.database import dsn
from tests.events.telling import told
from tests.events.waiting import until_final

DAY = timedelta(days=1)


def today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def where(event_id: Any) -> str:
    """The partition an event lies in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass FROM event WHERE id = %s", [event_id])
        return cursor.fetchone()[0]


def long_ago(days: int) -> None:
    """Let everything in the log have been received so many days earlier."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE event SET received = received - make_interval(days => %s)", [days])
        cursor.execute("UPDATE once SET received = received - make_interval(days => %s)", [days])


def test_partitions_cover_the_retention_and_a_week_ahead(log: None, settings: Any):
    settings.EVENTFEED_RETENTION_DAYS = 5
    made = ensure()
    assert made == partitions()
    assert made[0].start == today() - 5 * DAY
    assert made[-1].end == today() + 8 * DAY
    assert all(one.end == two.start for one, two in pairwise(made))
    assert ensure() == []


@pytest.mark.parametrize(
    ("width", "days"), [("day", {1}), ("week", {7}), ("month", {28, 29, 30, 31})]
)
def test_width_is_a_setting(log: None, settings: Any, width: str, days: set[int]):
    settings.EVENTFEED_RETENTION_DAYS, settings.EVENTFEED_PARTITION = 60, width
    assert {(one.end - one.start).days for one in ensure()} <= days
    assert sum(one.start <= datetime.now(UTC) < one.end for one in partitions()) == 1


def test_another_width_fills_only_what_is_missing(log: None, settings: Any):
    settings.EVENTFEED_RETENTION_DAYS = 3
    ensure()
    settings.EVENTFEED_RETENTION_DAYS, settings.EVENTFEED_PARTITION = 40, "month"
    ensure()
    every = partitions()
    assert all(one.end == two.start for one, two in pairwise(every))
    assert every[0].start <= today() - 40 * DAY


def test_events_that_came_before_their_partition_move_into_it(source: Source):
    early = told(occurred=today() + 6 * DAY)
    old = told(occurred=datetime(2023, 4, 1, tzinfo=UTC))
    record([early, old], source_id=source.id)
    before = Event.objects.get(id=early.id)
    ensure()
    assert where(early.id) == f"event_{early.occurred:%Y%m%d}"
    assert where(old.id) == "event_default"
    after = Event.objects.get(id=early.id)
    assert (after.position, after.terms) == (before.position, before.terms)
    assert record([early, old], source_id=source.id).known == 2


def test_reader_that_holds_the_table_only_delays(source: Source, settings: Any):
    settings.EVENTFEED_RETENTION_DAYS = 0
    with psycopg.connect(dsn()) as reader:
        reader.execute("SELECT count(*) FROM event")
        made: list[Any] = []

        def make() -> None:
            made.extend(ensure())
            connection.close()

        making = threading.Thread(target=make)
        making.start()
        # A writer gets through between the tries.
        assert record([told()], source_id=source.id).stored == 1
    making.join()
    assert len(made) == 8


def test_reader_that_never_lets_go_is_told_of(
    log: None, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    settings.EVENTFEED_RETENTION_DAYS = 0
    monkeypatch.setattr(ours, "AHEAD", timedelta(0))
    monkeypatch.setattr(ours, "TRIES", 1)
    with psycopg.connect(dsn()) as reader:
        reader.execute("SELECT count(*) FROM event")
        assert ensure() == []
    assert "held" in caplog.text


def test_expired_partitions_are_dropped_whole(source: Source, settings: Any):
    settings.EVENTFEED_RETENTION_DAYS = 10
    ensure()
    gone, kept = told(occurred=today() - 9 * DAY), told(occurred=today())
    record([gone], source_id=source.id)
    place = head_sync()._replace(tx=1)
    long_ago(days=9)
    record([kept], source_id=source.id)
    until_final()
    settings.EVENTFEED_RETENTION_DAYS = 5
    dropped = expire()
    assert dropped[-1].end <= today() - 5 * DAY
    assert sent(search(None).events) == [kept.id]
    with pytest.raises(Expired) as expired:
        read_sync(place, 100)
    assert sent(read_sync(expired.value.floor, 100)) == [kept.id]


def sent(events: Iterable[Event]) -> list[UUID]:
    """Leave out what Eventfeed tells of itself: that partitions were dropped."""
    return [event.id for event in events if event.system != "eventfeed"]


def test_replay_of_2023_lives_as_long_as_anything_else(source: Source):
    ensure()
    replayed = [told(occurred=datetime(2023, 4, 1, tzinfo=UTC) + n * DAY) for n in range(5)]
    record(replayed[:3], source_id=source.id)
    long_ago(days=31)
    record(replayed[3:], source_id=source.id)
    assert expire() == []
    assert prune() == 3
    left = {event.id for event in Event.objects.all()}
    assert left == {draft.id for draft in replayed[3:]}


def test_what_was_told_once_and_rejections_are_pruned(source: Source):
    record([told(once=True)], source_id=source.id)
    long_ago(days=31)
    reject_sync(Rejected(source.id, "POST /api/events", "No.", b"{}"))
    reject_sync(Rejected(source.id, "POST /api/events", "Not this either.", b"{}"))
    old = Rejection.objects.earliest("id")
    Rejection.objects.filter(id=old.id).update(received=datetime(2023, 4, 1, tzinfo=UTC))
    ensure()
    record([told(once=True)], source_id=source.id)
    prune()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM once")
        assert cursor.fetchone() == (1,)
    assert [rejection.reason for rejection in Rejection.objects.all()] == ["Not this either."]


def test_command_lists_makes_and_drops(log: None, settings: Any):
    def say(do: str) -> str:
        out = StringIO()
        call_command("partitions", do, stdout=out)
        return out.getvalue()

    settings.EVENTFEED_RETENTION_DAYS = 3
    assert say("ensure").count("made event_") == 11
    assert say("ensure") == "Nothing had to be made.\n"
    assert say("list").count("events") == 12 == len(sizes())
    settings.EVENTFEED_RETENTION_DAYS = 1
    assert say("expire").count("dropped event_") == 2
