"""The worker: it goes on, whatever fails."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from apps.events import housekeeping, steps, worker
from apps.events.follower import Follower
from apps.events.models import Event, Source
from apps.events.partitions import partitions
from apps.events.record import record
from apps.events.worker import run_worker
from eventfeed.database import dsn
from tests.events.telling import told
from tests.events.waiting import until


@dataclass
class Listener:
    """Remembers what it was told; fails as often as it is meant to."""

    name: str = "listener"
    reads: frozenset[str] = frozenset({"event"})
    failures: int = 0
    heard: list[str] = field(default_factory=list)

    def handle(self, events: list[Event], cursor: CursorWrapper) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("It was meant to fail.")
        self.heard += [event.event for event in events]


@dataclass
class Clockwork:
    """Follows at a pace of its own, because it does things when time passes too."""

    name: str = "clockwork"

    def step(self) -> int:
        return 0


@pytest.fixture
def run(log: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Run workers in threads until the test ends."""
    monkeypatch.setattr(worker, "AWAY", 0.05)
    monkeypatch.setattr(worker, "REST", 0.05)
    monkeypatch.setattr(worker, "CLAIM_EVERY", 0.05)
    monkeypatch.setattr(housekeeping, "ROUND", 0.05)
    stop, threads = threading.Event(), []

    def work(followers: list[Follower]) -> None:
        run_worker(followers, stop)
        connection.close()

    def run(*followers: Follower) -> None:
        threads.append(threading.Thread(target=work, args=[list(followers)]))
        threads[-1].start()

    yield run
    stop.set()
    for thread in threads:
        thread.join()


def test_worker_tells_its_followers_of_commits(run, source: Source):
    one, two = Listener("one"), Listener("two")
    run(one, two)
    for name in "abc":
        record([told(name)], source_id=source.id)
    until(lambda: one.heard == two.heard == ["a", "b", "c"])


def test_failing_follower_gets_the_same_events_again_and_harms_no_other(run, source: Source):
    failing, other = Listener("failing", failures=2), Listener("other")
    record([told("a")], source_id=source.id)
    run(failing, other)
    until(lambda: failing.heard == other.heard == ["a"])
    assert failing.failures == 0


def test_a_follower_is_said_to_step_while_nothing_comes_and_not_while_it_fails(run, source: Source):
    idle, failing = Listener("idle"), Listener("never-well", failures=10_000)
    record([told("a")], source_id=source.id)
    run(idle, failing)
    until(lambda: "idle" in steps.ages())
    stepped = steps.ages()["idle"]
    until(lambda: steps.ages()["idle"] < stepped)
    assert "never-well" not in steps.ages()


def test_while_nothing_comes_those_look_often_for_whom_time_passes(
    run, source: Source, monkeypatch: pytest.MonkeyPatch
):
    looks: Counter[str] = Counter()
    monkeypatch.setattr(worker, "TICK", 0.02)
    monkeypatch.setattr(worker, "took", lambda name: looks.update([name]))
    listener = Listener()
    run(listener, Clockwork())
    until(lambda: looks["clockwork"] > 100)
    assert looks["listener"] < looks["clockwork"] / 2
    record([told("a")], source_id=source.id)
    until(lambda: listener.heard == ["a"])


def test_follower_runs_in_one_process_at_a_time(run, source: Source):
    one, two = Listener(), Listener()
    run(one)
    record([told("a")], source_id=source.id)
    until(lambda: one.heard == ["a"])
    run(two)
    record([told("b")], source_id=source.id)
    until(lambda: one.heard == ["a", "b"])
    assert two.heard == []


def test_worker_comes_back_after_losing_its_connections(run, source: Source):
    listener = Listener()
    run(listener)
    record([told("a")], source_id=source.id)
    until(lambda: listener.heard == ["a"])
    with psycopg.connect(dsn(), autocommit=True) as killer:
        killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
    record([told("b")], source_id=source.id)
    until(lambda: listener.heard == ["a", "b"])


def test_worker_makes_partitions_by_itself(run):
    run()
    until(lambda: len(partitions()) > 30)


def test_lists_of_what_was_written_lately_are_flushed(source: Source):
    record([told() for _ in range(100)], source_id=source.id)
    housekeeping.flush()
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('event_default_terms_idx')")
        assert cursor.fetchone() == (0,)


def test_log_is_analyzed_when_it_has_grown(source: Source):
    record([told() for _ in range(10_000)], source_id=source.id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")

    def analyzed() -> bool:
        housekeeping.analyze()
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'event'::regclass")
            return cursor.fetchone()[0] >= 10_000

    until(analyzed)
