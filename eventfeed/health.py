"""What a supervisor asks: does the process live, and can it do its work."""

import asyncio
import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from apps.events.follower import behind
from apps.events.looking import Look
from apps.events.recorder import recorder
from eventfeed.followers import FOLLOWERS

LONGEST = 3.0
"""Seconds after which a database that says nothing does not answer."""


async def healthz(scope: Any, receive: Any, send: Any) -> None:
    """Answer as long as the process does, whatever the database is up to."""
    await _answer(send, 200, {"alive": True})


async def readyz(scope: Any, receive: Any, send: Any) -> None:
    """Answer 200 when events can be stored and read, 503 and why otherwise."""
    report = {"server": _server(scope), "recorder": _recorder(), **await _of_database()}
    report = {"ready": "trouble" not in report and report["recorder"] == "ok", **report}
    await _answer(send, 200 if report["ready"] else 503, report)


def _server(scope: Any) -> str:
    if "eventfeed.acknowledge" in scope.get("extensions", {}):
        return "ok"
    return "another: it answers pings before events are stored; run `manage.py web`"


def _recorder() -> str:
    return "waiting for the database" if recorder().away else "ok"


async def _of_database() -> dict[str, Any]:
    try:
        return await asyncio.wait_for(asyncio.wrap_future(look.begin()), LONGEST)
    except TimeoutError:
        return {"trouble": "the database does not answer"}


def _found() -> dict[str, Any]:
    try:
        missing = _missing_migrations()
        if missing:
            return {"trouble": f"{missing} migrations are missing: run `manage.py migrate`"}
        return {"followers": {one.name: _behind(one.name) for one in FOLLOWERS}}
    except Error as error:
        return {"trouble": f"the database cannot be reached: {error}"}


look = Look(_found, name="readyz")


def _missing_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _behind(name: str) -> dict[str, float]:
    events, time = behind(name)
    return {"events_behind": events, "seconds_behind": round(time / timedelta(seconds=1), 3)}


async def _answer(send: Any, status: int, report: dict[str, Any]) -> None:
    body = json.dumps({**report, "local_mode": settings.LOCAL_MODE}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
