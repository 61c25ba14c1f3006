import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.crash.up import Up
from tests.waiting import wait_until


@dataclass
class Eventfeed:
    """A running Eventfeed, and one test's own corner of it."""

    port: int
    dsn: str
    corner: str = field(default_factory=lambda: f"test-{uuid4().hex[:12]}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/events"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/events/in"

    def event(self, **fields: Any) -> dict[str, Any]:
        """Make an event of this test."""
        return {
            "id": str(uuid4()),
            "occurred": "2026-01-02T03:04:05.678901Z",
            "event": f"{self.corner}.happened",
            "resource": {"prefect.resource.id": f"{self.corner}.thing"},
            **fields,
        }

    def post(self, body: object, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(self.url, content=content, headers=headers, timeout=60)

    def stored(self) -> list[str]:
        """Return the ids of this test's events, as committed by now."""
        return [
            str(id)
            for (id,) in self.query(
                "SELECT id FROM event WHERE resource_id = %s ORDER BY tx, seq",
                f"{self.corner}.thing",
            )
        ]

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.stored()) == count, what=f"{count} events stored")

    def rejections(self) -> list[tuple[Any, ...]]:
        """Return doorway, index, path and reason of what was refused with this test's bytes."""
        return self.query(
            "SELECT doorway, index, path, reason FROM rejection"
            " WHERE position(%s::bytea in body) > 0 ORDER BY id",
            self.corner.encode(),
        )

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(sql.encode(), values).fetchall()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("ingest") / "data")
    up.start()
    yield up
    up.end()


@pytest.fixture
def eventfeed(running: Up) -> Eventfeed:
    return Eventfeed(running.port, running.dsn)
