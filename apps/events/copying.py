"""COPY with nothing around it: two round trips a transaction, and half the time of psycopg's own.

The recorder commits hundreds of times a second, and each of psycopg's statements costs as much as
an event does. So this speaks with libpq, which psycopg wraps: https://www.psycopg.org/psycopg3/docs/api/pq.html
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

# So much is handed to libpq at once, which keeps what the wire does not take.
PART = 1024 * 1024

Returned = Sequence[bytes]
"""The first column of the rows that the statements before COPY have returned, as text."""


async def copy_in(pgconn: PGconn, statements: str, data: Callable[[Returned], bytes]) -> None:
    """Run statements of which the last is COPY FROM STDIN; all of them are one transaction.

    `data` is asked what to copy when the others have returned. Raises psycopg.Error. Who cancels
    it must close the connection.
    """
    pgconn.send_query(statements.encode())
    returned: list[bytes] = []
    error: psycopg.Error | None = None
    while result := await _result(pgconn):
        if result.status == ExecStatus.TUPLES_OK:
            returned += [result.get_value(row, 0) or b"" for row in range(result.ntuples)]
        elif result.status == ExecStatus.COPY_IN:
            await _put(pgconn, memoryview(data(returned)))
        elif result.status != ExecStatus.COMMAND_OK:
            error = error or _error(pgconn, result)
    if error:
        raise error


async def _put(pgconn: PGconn, data: memoryview) -> None:
    for start in range(0, len(data), PART):
        while not pgconn.put_copy_data(data[start : start + PART]):
            await _flush(pgconn)
        if start:
            await _flush(pgconn)
    while not pgconn.put_copy_end():
        await _flush(pgconn)


async def _result(pgconn: PGconn) -> PGresult | None:
    """Return the next result, when it has come; None behind the last one."""
    await _flush(pgconn)
    if pgconn.is_busy():
        await _moved(pgconn, lambda: not pgconn.is_busy())
    return pgconn.get_result()


async def _flush(pgconn: PGconn) -> None:
    if pgconn.flush():
        # It may have to be read from before it takes more.
        await _moved(pgconn, lambda: not pgconn.flush(), writing=True)


async def _moved(pgconn: PGconn, is_done: Callable[[], bool], *, writing: bool = False) -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def move(read: bool) -> None:
        if done.done():
            return
        try:
            if read:
                pgconn.consume_input()
            if is_done():
                done.set_result(None)
        except Exception as error:
            done.set_exception(error)

    wire = pgconn.socket
    loop.add_reader(wire, move, True)
    if writing:
        loop.add_writer(wire, move, False)
    try:
        await done
    finally:
        loop.remove_reader(wire)
        if writing:
            loop.remove_writer(wire)


def _error(pgconn: PGconn, result: PGresult) -> psycopg.Error:
    if pgconn.status == ConnStatus.BAD and not _state_of(result):
        return psycopg.OperationalError(result.get_error_message() or "The connection is lost.")
    return error_from_result(result)


def _state_of(result: Any) -> bytes:
    return result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b""
