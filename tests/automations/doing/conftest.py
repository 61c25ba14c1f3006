"""A deliverer beside the test, and receivers on this machine."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from apps.automations.doing import outbox
from apps.automations.doing.outbox import deliver
from tests.automations.doing.receiving import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.end()


@pytest.fixture
def delivering(empty_log: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The outbox's thread, as the worker runs it; calling it ends it."""
    monkeypatch.setattr(outbox, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(outbox, "CLAIM_EVERY", 0.05)
    stop = threading.Event()

    def work() -> None:
        deliver(stop)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join()

    yield end
    end()


@pytest.fixture
def allowed(settings) -> None:
    """This machine may be called."""
    settings.EVENTFEED_ALLOWED_DESTINATIONS = ["127.0.0.1"]
