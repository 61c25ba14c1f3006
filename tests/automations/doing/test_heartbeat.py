"""An address elsewhere is called while the followers move, and only then."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from apps.automations.doing import heartbeat
from apps.automations.doing.heartbeat import keep_beating
from apps.events.follower import behind
from apps.events.models import Process, Source
from apps.events.record import record
from tests.automations.doing.receiving import answer
from tests.events.telling import told
from tests.waiting import wait_until


@pytest.fixture
def beating(empty_log: None, settings, receiver, monkeypatch) -> Iterator[Callable[..., None]]:
    monkeypatch.setattr(heartbeat, "EVERY", 0.05)
    settings.EVENTFEED_HEARTBEAT_URL = receiver.url
    stop, threads = threading.Event(), []

    def beat() -> None:
        keep_beating(["registry", "one-that-is-new"], stop)
        connection.close()

    def start() -> None:
        threads.append(threading.Thread(target=beat))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()


def test_it_is_called_again_and_again(beating, receiver):
    beating()
    wait_until(lambda: len(receiver.received) >= 3)
    assert {one.method for one in receiver.received} == {"GET"}


def test_a_follower_that_does_not_move_silences_it(beating, receiver, monkeypatch, caplog):
    monkeypatch.setattr(heartbeat, "STALLED", timedelta(0))
    record([told()], source_id=Source.objects.create(name="a").id)
    beating()
    wait_until(lambda: "does not move" in caplog.text)
    assert receiver.received == []


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away_silences_it_until_it_is_back(
    error, beating, receiver, monkeypatch, caplog
):
    errors = [error("the connection is closed")]
    monkeypatch.setattr(heartbeat, "behind", lambda name: gone(errors) or behind(name))
    beating()
    wait_until(lambda: len(receiver.received) >= 1)
    assert "No heartbeat is sent: the connection is closed" in caplog.text


def gone(errors: list[Exception]) -> None:
    if errors:
        raise errors.pop()


@pytest.mark.parametrize("name", ["registry", "outbox"])
def test_what_takes_no_step_silences_it_though_nothing_comes(
    name, beating, receiver, monkeypatch, caplog
):
    worker(**{"registry": 0, "one-that-is-new": 0, "outbox": 0} | {name: 500})
    beating()
    wait_until(lambda: f"{name} does not move" in caplog.text)
    assert receiver.received == []


def test_what_takes_steps_in_another_worker_goes_on(beating, receiver, monkeypatch):
    worker(**{"registry": 500, "one-that-is-new": 0, "outbox": 0})
    worker(registry=1)
    beating()
    wait_until(lambda: len(receiver.received) >= 2)


def test_what_nobody_ever_begins_silences_it(beating, receiver, monkeypatch, caplog):
    monkeypatch.setattr(heartbeat, "STALLED", timedelta(0))
    worker(registry=-1, outbox=-1)
    beating()
    wait_until(lambda: "one-that-is-new does not move" in caplog.text)
    assert "registry does not move" not in caplog.text


def worker(**steps: int) -> None:
    """A worker that tells how many seconds ago each took a step."""
    now = timezone.now()
    told = {"steps": steps}
    Process.objects.create(
        id=uuid4(), name="worker", pid=1, host="a", started=now, seen=now, counters=told
    )


def test_a_heartbeat_that_is_not_taken_is_said_and_goes_on(beating, receiver, caplog):
    receiver.answering = answer(500)
    beating()
    wait_until(lambda: len(receiver.received) >= 2)
    assert "not taken" in caplog.text


def test_without_an_address_nothing_is_called(beating, receiver, settings):
    settings.EVENTFEED_HEARTBEAT_URL = ""
    beating()
    assert receiver.received == []
