"""The real Prefect SDK, unmodified, while the server is killed under it."""

import os
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.crash.up import Up
from tests.environments import environment_with
from tests.waiting import wait_until

EVENTS = 2_000

# The client's own word for "delivered" is that leaving its context does not raise.
SCRIPT = f"""
import asyncio
from prefect.events import Event, Resource
from prefect.events.clients import PrefectEventsClient

async def main():
    async with PrefectEventsClient(reconnection_attempts=30) as client:
        for number in range({EVENTS}):
            resource = Resource({{"prefect.resource.id": f"sdk.{{number}}"}})
            await client.emit(Event(event="crash.sdk.sent", resource=resource))
            await asyncio.sleep(0.002)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of an environment with the newest Prefect; skips where PyPI cannot be reached."""
    return environment_with("latest") / "bin" / "python"


def test_sdk_brings_all_its_events_through_a_kill(python: Path, up: Up, tmp_path: Path):
    sdk = subprocess.Popen(
        [python, "-c", SCRIPT],
        env=os.environ
        | {
            "PREFECT_API_URL": f"http://127.0.0.1:{up.port}/api",
            "PREFECT_HOME": str(tmp_path / "prefect"),
        },
    )
    try:
        wait_until(lambda: stored(up.dsn) > EVENTS // 4, what="a quarter stored")
        up.send(signal.SIGKILL)
        up.start()
        assert sdk.wait(120) == 0
    finally:
        sdk.kill()
        sdk.wait()
    assert stored(up.dsn) == EVENTS


def stored(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "select count(distinct resource_id) from event where event = 'crash.sdk.sent'"
        ).fetchone()
    assert row
    return row[0]
