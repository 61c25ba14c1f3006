"""Events that have been answered for already and wait in memory to be stored.

The one exception to "success means committed": where we stand between a workflow and its admin,
the admin's answer counts, and must not wait for a database of ours that is away.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakSet

from apps.accounts.access import AccessAway
from apps.events.counters import gauges
from apps.events.recorder import DatabaseAway, Overloaded

logger = logging.getLogger(__name__)

LATER = (DatabaseAway, Overloaded, AccessAway)


@dataclass
class Missed:
    """How many events were answered for and never stored, since this process began."""

    events: int = 0


missed = Missed()
backlogs: WeakSet[Any] = WeakSet()
gauges["grpc_waiting"] = lambda: sum(map(len, backlogs))
gauges["grpc_dropped"] = lambda: missed.events


class Sized(Protocol):
    @property
    def size(self) -> int: ...


S = TypeVar("S", bound=Sized)


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False)
class Waiting(Generic[S]):
    """An event that waits until it is stored, or given up."""

    event: S
    done: asyncio.Future[None] = field(default_factory=_future)


class Backlog(Generic[S]):
    """Stores events in the background, for as long as it takes, within a bound."""

    MOST_BYTES = 64 * 1024 * 1024
    OVERHEAD = 1024
    """Bytes that an event takes here beside its own."""
    AT_ONCE = 64
    PATIENCE = 1.0
    """Seconds that a call waits for its event to be stored, before it is answered all the same."""
    AGAIN_AFTER = 1.0

    def __init__(self, store: Callable[[S], Awaitable[None]], *, is_away: Callable[[], bool]):
        self._store = store
        self._is_away = is_away
        self._queue: deque[Waiting[S]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._unstored: set[Waiting[S]] = set()
        self._bytes = 0
        backlogs.add(self)

    def __len__(self) -> int:
        return len(self._unstored)

    async def take(self, event: S) -> None:
        """Have an event stored; returns when it is, or at once when that will take a while."""
        behind = bool(self._queue) or self._is_away()
        waiting = self._put(event)
        if waiting is not None and not behind:
            await asyncio.wait({waiting.done}, timeout=self.PATIENCE)

    async def close(self, *, within: float) -> None:
        """Store what waits, and count what could not be stored in that many seconds."""
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=within)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._unstored:
            self._miss(len(self._unstored), "the server has ended before the database was back")

    def _put(self, event: S) -> Waiting[S] | None:
        if self._bytes + self._cost(event) > self.MOST_BYTES:
            self._miss(1, f"{len(self):,} wait already for the database")
            return None
        waiting = Waiting(event)
        self._bytes += self._cost(event)
        self._unstored.add(waiting)
        self._queue.append(waiting)
        if len(self._workers) < self.AT_ONCE:
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return waiting

    async def _work(self) -> None:
        while self._queue:
            waiting = self._queue.popleft()
            await self._until_stored(waiting.event)
            self._bytes -= self._cost(waiting.event)
            self._unstored.discard(waiting)
            waiting.done.set_result(None)

    async def _until_stored(self, event: S) -> None:
        while True:
            try:
                return await self._store(event)
            except LATER:
                await asyncio.sleep(self.AGAIN_AFTER)
            except Exception:
                logger.exception("An event could not be stored.")
                return self._miss(1, "of the error above")

    def _cost(self, event: S) -> int:
        return event.size + self.OVERHEAD

    def _miss(self, events: int, why: str) -> None:
        missed.events += events
        logger.error("Events were answered for and not stored: %s more, because %s.", events, why)
