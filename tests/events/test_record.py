"""Recording: each event once, and exactly as it was told."""

import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from django.db import connection

from apps.events.models import Event, Source
from apps.events.record import Recorded, record
from apps.events.row import COPY, Refused, copied, rows_of
from apps.query import Outcome
from eventfeed.database import dsn
from tests.events.telling import NOON, told
from tests.events.waiting import until


def nested(levels: int) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for _ in range(levels):
        payload = {"in": payload}
    return payload


again = msgspec.structs.replace


def test_retry_records_nothing_new(source: Source):
    drafts = [told(), told()]
    assert record(drafts, source_id=source.id) == Recorded(stored=2, known=0)
    assert record(drafts, source_id=source.id) == Recorded(stored=0, known=2)
    assert Event.objects.count() == 2


def test_retry_with_something_new_records_only_that(source: Source):
    first, second = told(), told()
    record([first], source_id=source.id)
    assert record([second, first], source_id=source.id) == Recorded(stored=1, known=1)


def test_repeat_within_a_batch_is_dropped(source: Source):
    draft = told()
    assert record([draft, told(), draft], source_id=source.id) == Recorded(stored=2, known=1)


def test_same_id_with_another_time_is_a_second_event(source: Source):
    draft = told()
    later = again(draft, occurred=NOON + timedelta(microseconds=1))
    assert record([draft, later], source_id=source.id).stored == 2
    first, second = Event.objects.filter(id=draft.id).order_by("occurred")
    assert first != second
    assert first.position != second.position


def test_same_moment_in_another_zone_is_the_same_event(source: Source):
    draft = told()
    elsewhere = again(draft, occurred=NOON.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert record([draft, elsewhere], source_id=source.id) == Recorded(stored=1, known=1)


def test_told_once_is_stored_once_whatever_its_time(source: Source):
    draft = told(once=True)
    later = again(draft, occurred=NOON + timedelta(seconds=1))
    assert record([draft, later], source_id=source.id) == Recorded(stored=1, known=1)
    latest = again(draft, occurred=NOON + timedelta(seconds=2))
    assert record([latest, told()], source_id=source.id) == Recorded(stored=1, known=1)


def test_event_comes_back_as_it_was_told(source: Source):
    odd = "tab\t, line\n, return\r, back\\slash, \\N, quote ' \" and ☃ 𝄞"
    draft = told(
        odd,
        occurred=datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        resource=odd,
        labels={odd: odd},
        related=[{"prefect.resource.id": "a", "prefect.resource.role": odd}] * 2,
        payload={odd: [odd, None, True, 1.5, 2**70, {"": {}}]},
        follows=uuid4(),
        system="flyte",
        outcome=Outcome.FAILED,
        message=odd,
        warnings=(odd, "NULL", "", "{,}"),
    )
    record([draft], source_id=source.id)
    event = Event.objects.get(id=draft.id)
    for name in ("occurred", "event", "resource", "related", "payload", "follows", "system"):
        assert getattr(event, name) == getattr(draft, name), name
    assert event.resource_id == odd
    assert event.message == odd
    assert event.warnings == list(draft.warnings)
    assert event.outcome_word == "failed"
    assert event.source == source
    assert timedelta(0) <= datetime.now(UTC) - event.received < timedelta(minutes=1)


def test_nothing_said_is_null(source: Source):
    draft = told()
    record([draft], source_id=source.id)
    event = Event.objects.get(id=draft.id)
    assert (event.follows, event.warnings, event.message) == (None, None, None)


def test_events_of_2023_are_stored_and_found(source: Source):
    draft = told(occurred=datetime(2023, 4, 1, tzinfo=UTC))
    record([draft], source_id=source.id)
    assert Event.objects.get(occurred__year=2023).id == draft.id


@pytest.mark.parametrize(
    ("draft", "path"),
    [
        pytest.param(told(payload={"a": "\0"}), "payload", id="NUL in the payload"),
        pytest.param(told("a\0b"), "event", id="NUL in the name"),
        pytest.param(told("\ud800"), "", id="half a surrogate pair"),
        pytest.param(told(payload=nested(100_000)), "payload", id="a bottomless payload"),
    ],
)
def test_refused_data_is_named_and_nothing_of_its_batch_is_stored(source: Source, draft, path: str):
    known = told()
    record([known], source_id=source.id)
    with pytest.raises(Refused) as refused:
        record([known, told(), draft, told()], source_id=source.id)
    assert (refused.value.index, refused.value.path) == (2, path)
    assert refused.value.say.endswith(".")
    assert Event.objects.count() == 1


def test_race_for_the_same_event_stores_it_once(source: Source):
    draft, other = told(), told()
    recorded = []
    with psycopg.connect(dsn()) as rival:
        with rival.cursor().copy(COPY) as copy:
            copy.write(copied(rows_of([draft], source_id=source.id)))

        def record_later() -> None:
            recorded.append(record([draft, other], source_id=source.id))
            connection.close()

        slower = threading.Thread(target=record_later)
        slower.start()
        with psycopg.connect(dsn(), autocommit=True) as watcher:
            until(lambda: watcher.execute(WAITING).fetchone() == (1,))
    slower.join()
    assert recorded == [Recorded(stored=1, known=1)]
    assert Event.objects.count() == 2


WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()
"""
