"""An address elsewhere is called while the followers move, and only then."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection

from apps.automations.doing import heartbeat
from apps.automations.doing.heartbeat import keep_beating
from apps.events.models import Source
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


def test_a_heartbeat_that_is_not_taken_is_said_and_goes_on(beating, receiver, caplog):
    receiver.answering = answer(500)
    beating()
    wait_until(lambda: len(receiver.received) >= 2)
    assert "not taken" in caplog.text


def test_without_an_address_nothing_is_called(beating, receiver, settings):
    settings.EVENTFEED_HEARTBEAT_URL = ""
    beating()
    assert receiver.received == []
