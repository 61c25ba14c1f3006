"""Events to watch for, and someone who watches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from channels.db import database_sync_to_async

from apps.events.draft import Draft
from apps.events.models import Source
from apps.events.record import record
from apps.feed.hub import Hub
from apps.feed.subscription import Sub
from apps.feed.viewer import Viewer
from apps.query.outcomes import Outcome

PATIENCE_SECONDS = 20


def draft(name: str = "invoice.paid", *, number: int = 0, **changes: Any) -> Draft:
    told: dict[str, Any] = {
        "id": uuid4(),
        "occurred": datetime.now(UTC),
        "event": name,
        "resource": {"prefect.resource.id": f"acme.invoice.{number}"},
        "outcome": Outcome.INFORMATION,
    }
    return Draft(**told | changes)


def store(*drafts: Draft) -> list[UUID]:
    """Record drafts in one transaction; return their ids."""
    source, _ = Source.objects.get_or_create(name="tests", defaults={"system": "custom"})
    record(drafts, source_id=source.id)
    return [draft.id for draft in drafts]


store_soon = database_sync_to_async(store)


class Watcher:
    """A viewer of a hub, and every frame it has been told."""

    def __init__(self, hub: Hub, q: str = "", *, asks: dict[str, Any] | None = None) -> None:
        self.frames: list[dict[str, Any]] = []
        wish = {"t": "sub", "q": q, "format": "json"} | (asks or {})
        self.viewer = Viewer(msgspec.convert(wish, Sub).read(datetime.now(UTC)))
        self.hub = hub
        self.heard = asyncio.Condition()
        self.open = asyncio.Event()
        self.open.set()

    async def __aenter__(self) -> Watcher:
        self.task = asyncio.create_task(self.watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def watch(self) -> None:
        async with aclosing(self.hub.watch(self.viewer)) as told:
            async for frame in told:
                async with self.heard:
                    self.frames.append(json.loads(frame))
                    self.heard.notify_all()
                await self.open.wait()

    async def until(self, fact: Callable[[], Any]) -> None:
        """Wait for a fact about the frames; raises what has ended the watching, if it did."""
        waiting = asyncio.create_task(self.wait_for(fact))
        await asyncio.wait({waiting, self.task}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done() and not fact():
            waiting.cancel()
            self.task.result()
        await waiting

    async def wait_for(self, fact: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self.heard:
            await self.heard.wait_for(fact)

    async def until_told(self, kind: str) -> dict[str, Any]:
        await self.until(lambda: self.of_kind(kind))
        return self.of_kind(kind)[-1]

    async def until_rows(self, count: int) -> list[dict[str, Any]]:
        await self.until(lambda: len(self.rows) >= count)
        return self.rows

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["t"] == kind]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for frame in self.of_kind("rows") for row in frame["rows"]]

    @property
    def ids(self) -> list[UUID]:
        return [UUID(row["event"]["id"]) for row in self.rows]

    @property
    def place(self) -> str:
        """Up to where it has been told."""
        return self.frames[-1].get("to") or self.frames[-1]["from"]


def assert_chained(frames: list[dict[str, Any]]) -> None:
    """Every frame begins where the one before it ended."""
    place = frames[0]["from"]
    for frame in frames[1:]:
        if frame["t"] in ("rows", "counts", "gap"):
            assert frame["from"] == place
        place = frame.get("to", place)
