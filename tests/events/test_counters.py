"""What a process counts, and tells of itself in a row that others read."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from django.utils import timezone

from apps.events.counters import FORGOTTEN, Life, Teller, counters, gauges
from apps.events.models import Process, Source
from apps.events.recorder import Recorder
from apps.events.rejections import Rejected, reject_sync
from apps.events.worker import run_worker
from eventfeed.database import dsn
from tests.events.telling import told
from tests.events.waiting import until


@pytest.fixture
def life(db: None) -> Iterator[Life]:
    yield Life("web")
    gauges.pop("of_a_test", None)


def test_a_row_says_who_and_what(life: Life):
    gauges["of_a_test"] = lambda: 3
    life.tell()
    row = Process.objects.get(id=life.id)
    assert (row.name, row.counters["of_a_test"]) == ("web", 3)
    assert row.pid > 1
    assert row.host
    assert row.started <= row.seen


def test_a_process_has_one_row_whatever_it_tells(life: Life):
    life.tell()
    first = Process.objects.get()
    life.tell()
    assert Process.objects.get().seen > first.seen


def test_what_was_lately_is_told_beside_the_sums(life: Life):
    life.tell()
    counters.batch(7, of=9)
    counters.overloaded(41)
    counters.tell(["billing", "billing", "shipping"])
    life.tell()
    told = Process.objects.get().counters
    assert told["lately"]["stored"] == 7
    assert told["lately"]["refused"] == {"41": 1}
    assert told["lately"]["told"] == {"billing": 2, "shipping": 1}
    assert told["largest"] >= 9
    assert told["stored"] >= 7


def test_lately_is_a_minute_not_a_life(life: Life):
    life.tell()
    counters.batch(5, of=5)
    life.tell()
    for entry in life.lately:
        entry.at -= 61
    life.tell()
    assert Process.objects.get().counters["lately"]["stored"] == 0


def test_rows_of_the_dead_are_forgotten_and_those_of_the_living_kept(life: Life):
    other = Life("worker")
    other.tell()
    Process.objects.filter(id=other.id).update(seen=timezone.now() - timedelta(minutes=1))
    life.tell()
    assert Process.objects.count() == 2
    Process.objects.filter(id=other.id).update(seen=timezone.now() - 2 * FORGOTTEN)
    life.tell()
    assert Process.objects.get().id == life.id


def test_a_process_that_ends_takes_its_row_along(life: Life):
    life.tell()
    life.end()
    assert not Process.objects.exists()


async def test_stored_and_known_events_are_counted(source: Source):
    recorder = Recorder()
    stored, known, batches = counters.stored, counters.known, counters.batches
    draft = told()
    await recorder.record([draft, told()], source_id=source.id)
    await recorder.record([draft], source_id=source.id)
    await recorder.close()
    assert counters.stored == stored + 2
    assert counters.known == known + 1
    assert counters.batches == batches + 2


def test_rejections_are_counted_by_what_was_wrong(source: Source):
    before = counters.rejected["malformed"], counters.rejected["wrong value"]
    for type in ("json_invalid", "never_heard_of"):
        reject_sync(Rejected(source.id, "POST /x", "No JSON at byte 3.", b"{", type=type))
    after = counters.rejected["malformed"], counters.rejected["wrong value"]
    assert after == (before[0] + 1, before[1] + 1)


@pytest.mark.usefixtures("log")
def test_the_worker_tells_of_itself_until_it_ends():
    stop = threading.Event()
    worker = threading.Thread(target=run_worker, args=[[], stop])
    worker.start()
    until(lambda: Process.objects.filter(name="worker").exists())
    stop.set()
    worker.join()
    until(lambda: not Process.objects.exists())


@pytest.mark.usefixtures("log")
def test_a_table_that_is_locked_keeps_no_process_from_ending():
    teller = Teller("web")
    teller.LEAVE = 0.1
    with psycopg.connect(dsn()) as conn:
        conn.execute("LOCK TABLE process IN ACCESS EXCLUSIVE MODE")
        teller.start()
        teller.stop()
    until(lambda: not Process.objects.exists())
