"""The real worker: from an event to a receiver, also when it is killed on the way."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import psycopg
import pytest

from tests.automations.doing.receiving import Receiver
from tests.crash.up import CHECKOUT, Up
from tests.processes import command_of
from tests.waiting import wait_until

MADE = """
from apps.automations import keeping
from apps.automations.models import Automation
headers = {"X-Page": "{{ event|ui_url }}"}
action = {"type": "webhook", "url": URL, "headers": headers, "body": "{{ event.resource.id }}"}
trigger = {"type": "presence", "query": "event:order.failed", "for_each": ["resource"], "within": 1}
keeping.save(Automation(name="Failed orders", trigger=trigger, actions=[action]))
"""


@pytest.fixture
def up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Up]:
    monkeypatch.setenv("EVENTFEED_ALLOWED_DESTINATIONS", "127.0.0.1")
    up = Up(tmp_path / "data")
    up.start()
    yield up
    up.end()


def watched(up: Up, receiver: Receiver) -> None:
    """Make an automation that tells the receiver of each failed order."""
    variables = os.environ | {
        "EVENTFEED_DATA": str(up.data),
        "DJANGO_SETTINGS_MODULE": "eventfeed.settings",
    }
    variables.pop("DATABASE_URL", None)
    code = MADE.replace("URL", repr(receiver.url))
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    subprocess.run(command, cwd=CHECKOUT, env=variables, check=True)


def fail(up: Up, order: str) -> float:
    """Record that an order has failed; return when that was answered."""
    told = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "order.failed",
        "resource": {"prefect.resource.id": order},
    }
    httpx.post(f"http://127.0.0.1:{up.port}/api/events", json=[told]).raise_for_status()
    return time.monotonic()


def events(up: Up) -> list[str]:
    with psycopg.connect(up.dsn) as conn:
        found = conn.execute(
            "SELECT event FROM event WHERE event LIKE 'eventfeed.automation.%' ORDER BY tx, seq"
        )
        return [event for (event,) in found]


def worker(up: Up) -> psutil.Process:
    return next(one for one in up.processes() if "worker" in command_of(one))


def test_an_event_becomes_a_request_within_seconds(up: Up, receiver: Receiver):
    watched(up, receiver)
    # The automation is new to the worker; what it does first is not what it does later.
    fail(up, "order.1")
    wait_until(lambda: len(receiver.received) == 1, what="the first order is told of")
    told = fail(up, "order.2")
    wait_until(lambda: len(receiver.received) == 2, what="the second order is told of")
    assert time.monotonic() - told < 10
    assert [one.body for one in receiver.received] == [b"order.1", b"order.2"]
    page = receiver.received[0].headers["x-page"]
    assert page.startswith(f"http://127.0.0.1:{up.port}/events/")
    assert httpx.get(page).status_code == 200
    wait_until(lambda: len(events(up)) == 6, what="what was done is told")
    assert sorted(set(events(up))) == [
        "eventfeed.automation.action.executed",
        "eventfeed.automation.action.triggered",
        "eventfeed.automation.triggered",
    ]


def test_a_worker_killed_while_it_sends_sends_again(up: Up, receiver: Receiver):
    begun, wait = threading.Event(), threading.Event()
    thanks = receiver.answering

    def hesitating(to) -> None:
        begun.set()
        wait.wait(30)
        thanks(to)

    receiver.answering = hesitating
    watched(up, receiver)
    fail(up, "order.1")
    assert begun.wait(30)
    worker(up).kill()
    wait.set()
    receiver.answering = thanks
    wait_until(lambda: len(receiver.received) == 2, what="it is sent again")
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 1
    wait_until(lambda: len(events(up)) == 3, what="what was done is told once")
    with psycopg.connect(up.dsn) as conn:
        assert conn.execute("SELECT count(*) FROM firing").fetchone() == (1,)
        assert conn.execute("SELECT state FROM automation_task").fetchall() == [("done",)]


def test_what_sends_is_gone_when_the_worker_is(up: Up, receiver: Receiver):
    watched(up, receiver)
    fail(up, "order.1")
    wait_until(lambda: receiver.received, what="the order is told of")
    children = worker(up).children()
    assert any("doing.sending.process" in " ".join(command_of(one)) for one in children)
    worker(up).kill()
    psutil.wait_procs(children, timeout=20)
    assert not any(one.is_running() for one in children)
