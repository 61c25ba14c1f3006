"""Group commit: while one batch is being written, the next one gathers by itself."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.pq.abc import PGconn
from psycopg.rows import TupleRow

from apps.events.absence import Absence
from apps.events.away import DatabaseAway
from apps.events.copying import Returned, copy_in
from apps.events.counters import counters, gauges
from apps.events.draft import Draft
from apps.events.log import CHECK
from apps.events.record import (
    STORED,
    TRIES,
    BadData,
    Recorded,
    first_told,
    is_again,
    once,
    stored_of,
    telling_bad_data,
    told_once,
    unique,
    without,
)
from apps.events.row import COPY, Row, copied, rows_of
from eventfeed.database import dsn

__all__ = ["DatabaseAway", "Overloaded", "Recorder", "recorder"]

logger = logging.getLogger(__name__)

MEBIBYTE = 1024 * 1024
# An open transaction of a process that stands still would hold every reader back.
SESSION = "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '5s'"


class Overloaded(Exception):
    """More waits to be written than we want to hold: send it again in a moment."""


@dataclass(eq=False)
class Request:
    """Rows that are stored together or not at all, and whoever waits for them."""

    rows: Sequence[Row]
    source_id: int
    patient: bool
    hold: float
    """Seconds that it is held while the database is away."""
    done: asyncio.Future[Recorded] = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self.size = sum(len(row.line) for row in self.rows)

    @property
    def wanted(self) -> bool:
        return not self.done.done()

    def recorded(self, stored: set[int]) -> None:
        if self.wanted:
            new = sum(id(row) in stored for row in self.rows)
            self.done.set_result(Recorded(new, len(self.rows) - new))

    def fail(self, error: Exception) -> None:
        if self.wanted:
            self.done.set_exception(error)


@dataclass
class Load:
    """How much of the queue something takes."""

    events: int = 0
    bytes: int = 0

    def take(self, request: Request) -> None:
        self.events += len(request.rows)
        self.bytes += request.size

    def let_go(self, request: Request) -> None:
        self.events -= len(request.rows)
        self.bytes -= request.size


NOTHING = Load()


class Recorder:
    """The one writer of a process: it takes what has queued up and commits it together."""

    PART = 10
    TURN = 200
    """Events of a request after which the next one has its turn to be prepared."""
    GATHER_EVENTS = 48
    """Events that are enough for a commit of their own; fewer wait for those that come at once."""
    GATHER_TURNS = 8
    BATCH_EVENTS = 2_000
    BATCH_BYTES = 16 * MEBIBYTE
    QUEUE_EVENTS = 20_000
    QUEUE_BYTES = 64 * MEBIBYTE
    SHARE = 0.5
    """How much of the queue one source may fill, so that its flood leaves room for others."""
    HOLD = 3.0
    """Seconds that a request is held while the database is away, unless it says for how long."""
    STALLED = 30.0
    """Seconds after which a batch that neither ends nor fails counts as lost."""
    BACKOFF = (0.1, 0.2, 0.4, 0.7, 1.0)
    WARY = 100
    """Batches that are looked up before they are copied, once a sender has repeated itself.

    Otherwise the unique index finds out: few batches hold what is stored, and looking costs a
    small batch a fifth of its time.
    """

    def __init__(self, dsn: Callable[[], str] = dsn) -> None:
        self._dsn = dsn
        self._queue: deque[Request] = deque()
        self._load = Load()
        self._shares: defaultdict[int, Load] = defaultdict(Load)
        self._queued = asyncio.Event()
        self._room = asyncio.Event()
        self._conn: AsyncConnection[TupleRow] | None = None
        self._away = False
        self._absence = Absence("Recording", logger)
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: asyncio.Task[None] | None = None
        self._current: list[Request] = []
        self._wary = 0
        self._turns = asyncio.Lock()

    async def record(
        self, drafts: Sequence[Draft], *, source_id: int, hold: float | None = None
    ) -> Recorded:
        """Store drafts; returns after the commit. Raises Overloaded, DatabaseAway, Refused.

        `hold` is for how many seconds to wait for a database that is away.
        """
        rows = await self._prepared(drafts, source_id)
        hold = self.HOLD if hold is None else hold
        request = Request(rows, source_id, patient=False, hold=hold)
        if not self._has_room(request):
            counters.overloaded(source_id)
            raise Overloaded("Too much is waiting to be written; send it again in a moment.")
        return await self._submit(request)

    async def _prepared(self, drafts: Sequence[Draft], source_id: int) -> list[Row]:
        """Make rows, where a bad draft fails its own request and the writer waits for PostgreSQL.

        In small parts, because nothing else runs meanwhile, the writer least of all: at 100 a part
        PostgreSQL waited for it a third of the time. And one request after the other: if all were
        ready at the same time, PostgreSQL would wait for them, and then they for it.
        """
        if len(drafts) <= self.PART:
            return rows_of(drafts, source_id=source_id)
        rows: list[Row] = []
        for start in range(0, len(drafts), self.TURN):
            turn = drafts[start : start + self.TURN]
            async with self._turns:
                for first in range(0, len(turn), self.PART):
                    if rows:
                        await asyncio.sleep(0)
                    part = turn[first : first + self.PART]
                    rows += rows_of(part, source_id=source_id, first=start + first)
        return rows

    async def record_waiting(self, rows: Sequence[Row], *, source_id: int) -> Recorded:
        """Store what `rows_of` has made, however long the database is away or the queue full."""
        request = Request(rows, source_id, patient=True, hold=self.HOLD)
        while not self._has_room(request):
            self._room.clear()
            await self._room.wait()
        return await self._submit(request)

    @property
    def away(self) -> bool:
        """Whether the database has not answered since it was lost."""
        return self._away

    @property
    def queued(self) -> int:
        """How many events wait for their batch."""
        return self._load.events

    @property
    def queued_bytes(self) -> int:
        """How large the events are that wait for their batch."""
        return self._load.bytes

    @property
    def usable(self) -> bool:
        """Whether it takes drafts in the running loop."""
        return not self._closed and self._loop in (None, asyncio.get_running_loop())

    async def close(self) -> None:
        """Write what is queued, for as long as a request is held, and end."""
        self._closed = True
        self._queued.set()
        asyncio.get_running_loop().call_later(
            self.HOLD, self._give_up, [*self._current, *self._queue]
        )
        if self._writer is not None:
            await self._writer

    def _has_room(self, request: Request) -> bool:
        if not self._fits(request):
            self._forget_unwanted()
        return self._fits(request)

    def _fits(self, request: Request) -> bool:
        share = self._shares.get(request.source_id, NOTHING)
        return self._fits_in(1.0, self._load, request) and self._fits_in(self.SHARE, share, request)

    def _fits_in(self, part: float, load: Load, request: Request) -> bool:
        """Say whether a part of the queue has room: any request fits into one that is empty."""
        return not load.events or (
            load.events + len(request.rows) <= self.QUEUE_EVENTS * part
            and load.bytes + request.size <= self.QUEUE_BYTES * part
        )

    def _forget_unwanted(self) -> None:
        for request in [request for request in self._queue if not request.wanted]:
            self._leave(request)
        self._queue = deque(request for request in self._queue if request.wanted)

    async def _submit(self, request: Request) -> Recorded:
        if not request.rows:
            return Recorded(0, 0)
        if self._closed:
            raise DatabaseAway("The server is ending; send it again.")
        self._load.take(request)
        self._shares[request.source_id].take(request)
        self._queue.append(request)
        self._queued.set()
        if self._away:
            self._give_up_later([request])
        if self._writer is None:
            self._loop = asyncio.get_running_loop()
            self._writer = asyncio.create_task(self._write_forever())
        return await request.done

    def _leave(self, request: Request) -> None:
        """Give back the room of a request that waits no longer."""
        self._load.let_go(request)
        share = self._shares[request.source_id]
        share.let_go(request)
        if not share.events:
            del self._shares[request.source_id]

    async def _write_forever(self) -> None:
        while self._queue or not self._closed:
            await self._gather()
            self._queued.clear()
            batch = self._current = self._take()
            try:
                await (self._settle(batch) if batch else self._rest())
            except Exception as error:
                logger.exception("A batch could not be written.")
                await self._disconnect()
                for request in batch:
                    request.fail(DatabaseAway(f"It could not be written: {error}"))
        await self._disconnect()

    async def _gather(self) -> None:
        """Let a few more come to share a commit: those whose answers have just gone out.

        It ends when some turns of the loop brought nobody, so one who is alone hardly waits.
        """
        turns = 0
        while turns < self.GATHER_TURNS and 0 < self._load.events < self.GATHER_EVENTS:
            known = len(self._queue)
            await asyncio.sleep(0)
            turns = turns + 1 if len(self._queue) <= known else 0

    async def _rest(self) -> None:
        """Wait for requests; while the database is away, see whether it is back."""
        try:
            async with asyncio.timeout(self.BACKOFF[-1] if self._away else None):
                await self._queued.wait()
        except TimeoutError:
            await self._look()

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(self.HOLD):
                conn = self._conn or await self._connect()
                await conn.execute("SELECT 1")
        except (psycopg.Error, OSError, TimeoutError):
            await self._disconnect()
        else:
            self._came_back()

    def _take(self) -> list[Request]:
        """Take at least one request, and as many more as fit."""
        batch: list[Request] = []
        events = size = 0
        while self._queue:
            request = self._queue[0]
            events += len(request.rows)
            size += request.size
            if batch and (events > self.BATCH_EVENTS or size > self.BATCH_BYTES):
                break
            batch.append(self._queue.popleft())
            self._leave(request)
        self._room.set()
        return batch

    async def _settle(self, batch: list[Request]) -> None:
        """Write a batch; while data in it is refused, write its halves."""
        try:
            stored = await self._write(batch)
        except BadData as error:
            if len(batch) == 1:
                batch[0].fail(error.refused(batch[0].rows))
                return
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
        else:
            counters.batch(len(stored), sum(len(request.rows) for request in batch))
            for request in batch:
                request.recorded(stored)

    async def _write(self, batch: list[Request]) -> set[int]:
        """Write until it is committed or refused, or nobody waits for it any more."""
        tries = 0
        # After a connection lost in COMMIT nobody knows the outcome: the same rows go round again,
        # and those that are stored are left out.
        while rows := [row for request in batch if request.wanted for row in request.rows]:
            tries += 1
            try:
                async with asyncio.timeout(self.STALLED):
                    with self._watched():
                        new = await self._store(rows)
            except (psycopg.Error, OSError, TimeoutError) as error:
                # Something is stored already, or may be: look first, for a while.
                self._wary = self.WARY
                if is_again(error) and tries < TRIES:
                    continue
                if tries >= TRIES and not is_away(error):
                    raise
                await self._lost(error, tries)
            else:
                self._came_back()
                return {id(row) for row in new}
        return set()

    async def _store(self, rows: list[Row]) -> list[Row]:
        conn = self._conn or await self._connect()
        new = unique(rows)
        if self._wary:
            self._wary -= 1
            stored = await conn.execute(STORED, stored_of(new))
            new = without(new, await stored.fetchall())
        return await self._copy(conn.pgconn, new) if new else []

    async def _copy(self, pgconn: PGconn, rows: list[Row]) -> list[Row]:
        """Copy rows, without those that were told before; return what was copied."""
        ids = told_once(rows)

        def data(returned: Returned) -> bytes:
            if ids:
                # In place: an error names a line of what was copied.
                rows[:] = first_told(rows, [(UUID(id.decode()),) for id in returned])
            return copied(rows)

        with telling_bad_data(rows):
            await copy_in(pgconn, f"{once(ids)}; {COPY}" if ids else COPY, data)
        return rows

    async def _connect(self) -> AsyncConnection[TupleRow]:
        self._went_away()
        conn = self._conn = await AsyncConnection.connect(
            self._dsn(), autocommit=True, connect_timeout=3, application_name="eventfeed recorder"
        )
        await conn.execute(SESSION)
        await conn.execute(CHECK)
        return conn

    async def _disconnect(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()

    async def _lost(self, error: BaseException, tries: int) -> None:
        """Let go of the connection, tell those who wait when to stop, and rest a little."""
        self._absence.begin(error)
        await self._disconnect()
        self._went_away()
        await asyncio.sleep(self.BACKOFF[min(tries, len(self.BACKOFF)) - 1])

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Count a server that stands still as away; what it was told may yet be committed."""
        timer = asyncio.get_running_loop().call_later(self.HOLD, self._stands_still)
        try:
            yield
        finally:
            timer.cancel()

    def _stands_still(self) -> None:
        self._away = True
        self._give_up_later([*self._current, *self._queue], held=self.HOLD)

    def _came_back(self) -> None:
        self._away = False
        self._absence.end()

    def _went_away(self) -> None:
        if not self._away:
            self._away = True
            self._give_up_later([*self._current, *self._queue])

    def _give_up_later(self, requests: list[Request], held: float = 0.0) -> None:
        """Give each up after its own hold, of which so much has passed."""
        by_hold: defaultdict[float, list[Request]] = defaultdict(list)
        for request in requests:
            by_hold[request.hold].append(request)
        for hold, alike in by_hold.items():
            delay = max(0.0, hold - held)
            asyncio.get_running_loop().call_later(delay, self._give_up, alike)

    def _give_up(self, requests: list[Request]) -> None:
        if not self._away:
            return
        for request in requests:
            if request.wanted and (self._closed or not request.patient):
                counters.away += 1
                request.fail(DatabaseAway("The database is away; send it again in a moment."))


def is_away(error: BaseException) -> bool:
    """Whether it may pass by itself: no connection, no answer, no disk, no permission to write."""
    return isinstance(
        error, psycopg.OperationalError | OSError | psycopg.errors.ReadOnlySqlTransaction
    )


_recorder: Recorder | None = None


gauges["queue_events"] = lambda: _recorder.queued if _recorder else 0
gauges["queue_bytes"] = lambda: _recorder.queued_bytes if _recorder else 0
gauges["database_away"] = lambda: _recorder.away if _recorder else False


def recorder() -> Recorder:
    """Return the recorder of this process; one that is closed or of another loop is replaced."""
    global _recorder
    if _recorder is None or not _recorder.usable:
        _recorder = Recorder()
    return _recorder
