"""The real Prefect SDK and CLI, unmodified: the newest, and the last without a handshake."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.environments import environment_with
from tests.ingest.conftest import Eventfeed

PATIENCE = 120

Run = Callable[..., str]


@pytest.fixture(scope="session", params=["latest", "3.4.25"])
def environment(request: pytest.FixtureRequest) -> Path:
    return environment_with(request.param)


@pytest.fixture
def run(environment: Path, eventfeed: Eventfeed, tmp_path: Path) -> Run:
    """Run a program of the environment against Eventfeed and return what it prints."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": eventfeed.url.removesuffix("/events"),
        "DO_NOT_TRACK": "1",
    }

    def run(program: str, *arguments: str) -> str:
        done = subprocess.run(
            [environment / "bin" / program, *arguments],
            env=variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


EMIT_AND_EXIT = """
import sys
from prefect.events import emit_event

for number in range(100):
    emit_event(
        f"{sys.argv[1]}.happened",
        resource={"prefect.resource.id": f"{sys.argv[1]}.thing"},
        payload={"number": number},
    )
"""


def test_all_events_of_a_script_that_exits_at_once_are_stored(
    run: Run, eventfeed: Eventfeed
) -> None:
    said = run("python", "-c", EMIT_AND_EXIT, eventfeed.corner)
    assert len(eventfeed.stored()) == 100
    assert "pending items" not in said


def test_the_command_line_emits_an_event(run: Run, eventfeed: Eventfeed) -> None:
    said = run(
        "prefect",
        "event",
        "emit",
        f"{eventfeed.corner}.happened",
        "--resource-id",
        f"{eventfeed.corner}.thing",
        "--payload",
        '{"amount": 12.5}',
    )
    [stored] = eventfeed.stored()
    assert stored in said
    assert eventfeed.query("SELECT payload FROM event WHERE id = %s", stored) == [
        ({"amount": 12.5},)
    ]


# Leaving the client is what its users take for delivery.
WITH_THE_CLIENT = """
import asyncio, sys
from prefect.events import Event, Resource
from prefect.events.clients import PrefectEventsClient

corner = sys.argv[1]

def event(**fields):
    resource = Resource({"prefect.resource.id": f"{corner}.thing"})
    return Event(event=f"{corner}.happened", resource=resource, **fields)

async def send(events):
    async with PrefectEventsClient() as client:
        for one in events:
            await client.emit(one)
"""

POISON_IN_THE_MIDDLE = """
good = [event(payload={"number": number}) for number in range(800)]
poison = event(payload={"text": "\\0"})
asyncio.run(send([*good[:400], poison, *good[400:]]))
"""


def test_one_poison_event_of_the_client_costs_no_other(run: Run, eventfeed: Eventfeed) -> None:
    run("python", "-c", WITH_THE_CLIENT + POISON_IN_THE_MIDDLE, eventfeed.corner)
    numbers = "SELECT payload -> 'number' FROM event WHERE resource_id = %s ORDER BY tx, seq"
    stored = eventfeed.query(numbers, f"{eventfeed.corner}.thing")
    assert stored == [(number,) for number in range(800)]
    [(doorway, _, path, reason)] = eventfeed.rejections()
    assert (doorway, path) == ("WS /api/events/in", "payload.text")
    assert "U+0000" in reason


SENT_TWICE = """
events = [event() for _ in range(50)]
asyncio.run(send([*events, events[0]]))
asyncio.run(send(events))
"""


def test_what_the_client_sends_again_changes_nothing(run: Run, eventfeed: Eventfeed) -> None:
    run("python", "-c", WITH_THE_CLIENT + SENT_TWICE, eventfeed.corner)
    assert len(eventfeed.stored()) == 50


CHAINED = """
first = event()
asyncio.run(send([first, event(follows=first.id)]))
"""


def test_what_an_event_follows_is_kept(run: Run, eventfeed: Eventfeed) -> None:
    run("python", "-c", WITH_THE_CLIENT + CHAINED, eventfeed.corner)
    first, second = eventfeed.stored()
    assert str(eventfeed.query("SELECT follows FROM event WHERE id = %s", second)[0][0]) == first
