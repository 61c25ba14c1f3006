"""What a supervisor hears while the database comes and goes."""

import time
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from pytest_django.fixtures import Settings

from eventfeed import health
from eventfeed.asgi import application
from tests.eventfeed.waiting import until
from tests.events.wire import Wire, wire


@pytest.fixture
async def cuttable(transactional_db: None) -> AsyncIterator[Wire]:
    """The way of Django's pool to the database."""
    straight = DatabaseWrapper.get_connection_params
    async with wire() as cuttable:

        def through_wire(self: DatabaseWrapper) -> dict[str, Any]:
            return {**straight(self), "host": "127.0.0.1", "port": cuttable.port}

        close_pool()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DatabaseWrapper, "get_connection_params", through_wire)
            yield cuttable
            cuttable.flowing.set()
            await until(looking, lambda is_so: not is_so)
            close_pool()


def close_pool() -> None:
    cast("DatabaseWrapper", connections["default"]).close_pool()


async def looking() -> bool:
    return health.look.is_under_way


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    settings.LOCAL_MODE = True
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_a_database_that_stands_still_is_said_soon(
    client: httpx.AsyncClient, cuttable: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await client.get("/readyz")).status_code == 200
    monkeypatch.setattr(health, "LONGEST", 0.2)
    cuttable.flowing.clear()
    began = time.monotonic()
    for _ in range(3):
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["trouble"] == "the database does not answer"
    assert time.monotonic() - began < 3
    assert (await client.get("/healthz")).status_code == 200
    monkeypatch.setattr(health, "LONGEST", 3.0)
    cuttable.flowing.set()
    await until(lambda: client.get("/readyz"), lambda answer: answer.status_code == 200)


async def test_a_database_that_is_away_is_said_soon(
    client: httpx.AsyncClient, cuttable: Wire
) -> None:
    cuttable.cut()
    began = time.monotonic()
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["trouble"].startswith("the database")
    assert time.monotonic() - began < health.LONGEST + 2
