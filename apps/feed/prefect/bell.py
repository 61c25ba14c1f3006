"""One listener to the log for every stream of a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from apps.events.log import Wakeups

LEAVE_SECONDS = 1.0


class Bell:
    """Rings when the log may have grown; listens only while somebody wants to hear it."""

    def __init__(self) -> None:
        self._hearers: set[asyncio.Event] = set()
        self._listening: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._hearers)

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set at each ring; who waits for it clears it."""
        rung = asyncio.Event()
        self._hearers.add(rung)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        try:
            yield rung
        finally:
            self._hearers.discard(rung)
            await self._rest()

    async def _rest(self) -> None:
        """Listen no more when nobody is left."""
        if self._hearers or self._listening is None:
            return
        listening, self._listening = self._listening, None
        listening.cancel()
        # Not until it has ended: psycopg waits for a database that stands still to cancel.
        await asyncio.wait({listening}, timeout=LEAVE_SECONDS)

    async def _listen(self) -> None:
        async with Wakeups(lost=self._be_silent) as wakeups:
            async for _ in wakeups:
                for rung in self._hearers:
                    rung.set()

    def _be_silent(self, error: Exception) -> None:
        """The hub and the worker say that the database is away; streams go on when it is back."""


bell = Bell()
