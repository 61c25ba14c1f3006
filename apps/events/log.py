"""The log, read in the order of commits: nothing ever appears behind a reader."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, NamedTuple, Self

import msgspec
import psycopg
from django.db import connection
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from apps.events.absence import Absence
from apps.events.models import Event
from apps.events.position import Position
from eventfeed.database import dsn

logger = logging.getLogger(__name__)

CHANNEL = "eventfeed"
HEADER = "Eventfeed-Log"
"""Names the log in answers that a relay reads, so that none takes over its own."""
# Seconds between two looks: while nothing is heard of, and while rows lie above the horizon.
TICK = 1.0
SOON = 0.02
# Seconds after which a database that says nothing is away; for CHECK, which may wait for locks.
LONGEST = 5.0
LONGEST_CHECK = 60.0

# Rows from the horizon on may still be joined by others in front of them; below it all is final.
STATE = """
    SELECT id, gone_tx, gone_seq,
        "offset" + pg_snapshot_xmin(snapshot)::text::bigint,
        "offset" + pg_snapshot_xmax(snapshot)::text::bigint
    FROM log, pg_current_snapshot() AS snapshot
"""
ROWS = """
    SELECT {columns} FROM event
    WHERE (tx, seq) > (%s, %s) AND tx < %s ORDER BY tx, seq LIMIT %s
"""
ABOVE = """
    SELECT EXISTS (
        SELECT FROM event WHERE tx >= (
            SELECT "offset" + pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM log
        )
    )
"""

# A restored dump lives in a cluster whose transaction ids are smaller than those of its rows:
# then the offset is raised above them all, and the log gets a new name.
CHECK = """
    DO $$
    DECLARE
        newest bigint;
        raised bigint;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('eventfeed.log'));
        SELECT tx INTO newest FROM event ORDER BY tx DESC, seq DESC LIMIT 1;
        IF newest >= (SELECT "offset" FROM log)
            + pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        THEN
            LOCK TABLE event IN ACCESS EXCLUSIVE MODE;
            SELECT tx INTO newest FROM event ORDER BY tx DESC, seq DESC LIMIT 1;
            -- xmin, because a transaction that runs already may write after us.
            raised := newest + 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
            EXECUTE format(
                'ALTER TABLE event ALTER COLUMN tx '
                'SET DEFAULT (%s + pg_current_xact_id()::text::bigint)', raised
            );
            UPDATE log SET
                "offset" = raised, id = left(replace(gen_random_uuid()::text, '-', ''), 12);
        END IF;
    END $$
"""


class StartAgain(Exception):
    """The position belongs to another log, or to a future this log has not had."""

    def __init__(self) -> None:
        super().__init__("This place in the log is no longer valid: start again from the page.")


class Expired(Exception):
    """Events after the position are older than the retention and gone; `floor` comes next."""

    def __init__(self, floor: Position) -> None:
        super().__init__("Events after this place are older than the retention and are gone.")
        self.floor = floor


class Log(NamedTuple):
    """The log at one moment: its name, what is gone of it, its horizon and its end."""

    id: str
    gone_tx: int
    gone_seq: int
    horizon: int
    end: int

    @property
    def head(self) -> Position:
        """Behind everything that is final: no `seq` is below one."""
        return Position(self.id, self.horizon, 0)

    def check(self, after: Position) -> None:
        """Raise StartAgain or Expired for a position that cannot be read on from."""
        place = after.tx, after.seq
        if after.log != self.id or place > (self.end, 0):
            raise StartAgain
        if (0, 0) < place < (self.gone_tx, self.gone_seq):
            raise Expired(Position(self.id, self.gone_tx, self.gone_seq))


async def connect() -> AsyncConnection[TupleRow]:
    """Open a connection of its own for reading the log."""
    conn = await AsyncConnection.connect(
        dsn(), autocommit=True, connect_timeout=3, application_name="eventfeed reader"
    )
    with limited(conn):
        await conn.execute("SET TimeZone = 'UTC'")
    return conn


@contextmanager
def limited(conn: AsyncConnection[Any], seconds: float | None = None) -> Iterator[None]:
    """Hang up on a database that stands still: who waits for it gets an OperationalError."""
    loop = asyncio.get_running_loop()
    hanging_up = loop.call_later(LONGEST if seconds is None else seconds, hang_up, conn)
    try:
        yield
    finally:
        hanging_up.cancel()


def hang_up(conn: AsyncConnection[Any]) -> None:
    """End the wire below a connection, as when the other side is gone.

    Cancelling who waits would have psycopg ask the server to cancel, and wait for that too.
    """
    with (
        suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(conn.fileno())) as wire,
    ):
        wire.shutdown(socket.SHUT_RDWR)


async def state(conn: AsyncConnection[Any]) -> Log:
    with limited(conn):
        cursor = await conn.execute(STATE)
        return Log._make(await cursor.fetchone() or ())


def state_sync() -> Log:
    with connection.cursor() as cursor:
        cursor.execute(STATE)
        return Log._make(cursor.fetchone())


async def head(conn: AsyncConnection[Any]) -> Position:
    """Return the position behind everything that is final now."""
    return (await state(conn)).head


def head_sync() -> Position:
    return state_sync().head


async def read(
    conn: AsyncConnection[Any], after: Position, limit: int, *, payload: bool = False
) -> list[Event]:
    """Return the next events in commit order; raises StartAgain, Expired."""
    log = await state(conn)
    log.check(after)
    names = columns(payload=payload)
    with limited(conn):
        rows = await conn.execute(*_rows(log, after[1:], limit, names))
    return events_of(await rows.fetchall(), names, log=log.id)


def read_sync(after: Position, limit: int, *, payload: bool = False) -> list[Event]:
    """Do what `read` does, on Django's connection."""
    log = state_sync()
    log.check(after)
    return _read_on(log, after[1:], limit, columns(payload=payload))


def read_on(place: tuple[int, int], limit: int, *, reads: frozenset[str]) -> list[Event]:
    """Return what is left of the log after `(tx, seq)`: for places the database itself keeps.

    Of each event only the columns named are read; the others are left to be loaded.
    """
    return _read_on(state_sync(), place, limit, only(reads))


def _read_on(log: Log, place: tuple[int, int], limit: int, names: tuple[str, ...]) -> list[Event]:
    # Not Django's own cursor: that reads times in Python, a third of what a reader costs.
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        # Prepared: to plan it for all partitions is most of what looking in vain costs.
        cursor.execute(*_rows(log, place, limit, names), binary=True, prepare=True)
        return events_of(cursor.fetchall(), names, log=log.id)


def _rows(
    log: Log, place: tuple[int, int], limit: int, names: tuple[str, ...]
) -> tuple[Any, list[int]]:
    return ROWS.format(columns=selected(names)), [*place, log.horizon, limit]


@cache
def columns(*, payload: bool, terms: bool = True) -> tuple[str, ...]:
    """Name the columns of an event in the model's order, without what a reader leaves out."""
    left_out = {"payload": not payload, "terms": not terms, "terms_version": not terms}
    names = [field.attname for field in Event._meta.concrete_fields]
    return tuple(name for name in names if not left_out.get(name))


@cache
def only(reads: frozenset[str]) -> tuple[str, ...]:
    """Name these columns in the model's order, and those that say where an event stands."""
    wanted = reads | {"id", "tx", "seq"}
    return tuple(name for name in columns(payload=True) if name in wanted)


JSON = {"resource", "related", "payload"}
AS_TEXT = JSON | {"terms"}


@cache
def selected(names: tuple[str, ...]) -> str:
    """Write the columns for SELECT; JSON as text, because our decoder is the faster one."""
    return ", ".join(f"{name}::text" if name in AS_TEXT else name for name in names)


def events_of(
    rows: Iterable[Sequence[Any]],
    names: tuple[str, ...],
    *,
    log: str | None = None,
    raw: frozenset[str] = frozenset(),
) -> list[Event]:
    """Make events of rows selected as `selected(names)`; JSON of columns in `raw` is not read."""
    readers: list[tuple[int, Callable[[str], Any]]] = [
        (index, _raw if name in raw else msgspec.json.decode)
        for index, name in enumerate(names)
        if name in JSON
    ]
    return [_event(row, names, readers, log) for row in rows]


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def _event(
    row: Sequence[Any],
    names: tuple[str, ...],
    readers: list[tuple[int, Callable[[str], Any]]],
    log: str | None,
) -> Event:
    values = list(row)
    for index, read in readers:
        values[index] = read(values[index])
    event = Event.of_row(zip(names, values, strict=True))
    event.log = log
    return event


def later(soon: float) -> float:
    """Look less often with time: a long transaction elsewhere must not keep us busy all along."""
    return min(soon * 1.1, TICK)


class Wakeups:
    """Tell when to look again: at each commit, while rows lie above the horizon, once a second.

    Iterate it, `async with Wakeups() as wakeups: async for _ in wakeups: …`; it never ends by
    itself. While the database is away it says nothing, but `lost` hears of each failed try.
    """

    AWAY = 0.5

    def __init__(self, lost: Callable[[Exception], None] | None = None) -> None:
        self._absence = Absence("The live feed", logger)
        self._lost = lost or self._absence.begin
        self._conn: AsyncConnection[TupleRow] | None = None
        self._soon = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leave()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> None:
        while True:
            _end_if_cancelled()
            try:
                return await self._next()
            except (psycopg.Error, OSError) as error:
                self._lost(error)
                await self._leave()
                await asyncio.sleep(self.AWAY)

    async def _next(self) -> None:
        if self._conn is None:
            self._conn = await self._listen()
        elif self._soon and await self._rows_above():
            await asyncio.sleep(self._soon)
            self._soon = later(self._soon)
        else:
            await self._notified()

    async def _listen(self) -> AsyncConnection[TupleRow]:
        conn = await connect()
        with limited(conn, LONGEST_CHECK):
            await conn.execute(CHECK)
        with limited(conn):
            await conn.execute(f"LISTEN {CHANNEL}")
        self._absence.end()
        self._soon = SOON
        return conn

    async def _rows_above(self) -> bool:
        assert self._conn is not None
        with limited(self._conn):
            row = await (await self._conn.execute(ABOVE)).fetchone()
        return row is not None and row[0]

    async def _notified(self) -> None:
        assert self._conn is not None
        self._soon = 0.0
        async for _ in self._conn.notifies(timeout=TICK, stop_after=1):
            self._soon = SOON
        if not self._soon:
            # Who only listens never learns that the other side is gone.
            with limited(self._conn):
                await self._conn.execute("")

    async def _leave(self) -> None:
        if self._conn is not None:
            await self._conn.close()
            self._conn = None


def _end_if_cancelled() -> None:
    """Raise CancelledError again when a library has swallowed it.

    So does Python 3.11's `asyncio.wait_for`, which psycopg waits with, when what it waits for comes
    at the same moment.
    """
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError
