"""Our own PostgreSQL is killed and cannot start: all is answered, and goes on when it can."""

import http.client
import json
import time
from pathlib import Path
from typing import Any

from tests.crash.up import Up
from tests.waiting import wait_until

LONGEST = 10.0


def test_pages_and_doors_answer_while_it_cannot_start(up: Up, tmp_path: Path) -> None:
    needed = up.data / "postgres" / "global" / "pg_control"
    away = needed.with_name("pg_control.away")
    assert up.get("/metrics").read().count(b"eventfeed_database_up 1") == 1
    # Which networks are whose is asked once, and then known through any outage.
    assert post(up.port, [{}]) == 422
    needed.rename(away)
    try:
        for process in up.postmasters():
            process.kill()
        wait_until(lambda: b"eventfeed_database_up 0" in up.get("/metrics").read(), what="away")
        for path in ("/", "/health", "/sources"):
            assert up.get(path).status == 503, path
        for value, status in (([{}], 422), ([event()], 503)):
            began = time.monotonic()
            assert post(up.port, value) == status
            assert time.monotonic() - began < LONGEST
    finally:
        away.rename(needed)
    wait_until(up.is_ready, what="ready again")
    wait_until(lambda: post(up.port, [event()]) < 300, what="stored")
    assert "Exception in thread" not in (tmp_path / "up.log").read_text()


def event() -> dict[str, Any]:
    return {
        "id": "0193c3a0-7b6a-7a33-8f62-0f0d4a3c1b11",
        "occurred": "2026-01-02T03:04:05Z",
        "event": "a.b",
        "resource": {"prefect.resource.id": "a"},
    }


def post(port: int, value: object) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(
        "POST", "/api/events", json.dumps(value), {"Content-Type": "application/json"}
    )
    return connection.getresponse().status
