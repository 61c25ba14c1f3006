"""COPY with nothing around it: two round trips a transaction, and half the time of psycopg's own.

The recorder commits hundreds of times a second, and each of psycopg's statements costs as much as
an event does. So this speaks with libpq, which psycopg wraps: https://www.psycopg.org/psycopg3/docs/api/pq.html
"""

import asyncio
from collections.abc import Callable, Sequence

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

# So much is handed to libpq at once, which keeps what the wire does not take.
PART = 1024 * 1024

Returned = Sequence[bytes]
"""The first column of the rows that the statements before COPY have returned, as text."""


async def copy_in(pgconn: PGconn, statements: str, data: Callable[[Returned], bytes]) -> None:
    """Run statements of which the last is COPY FROM STDIN; all of them are one transaction.

    `data` is asked what to copy when the others have returned. Raises psycopg.Error. Who cancels
    it, or whose `data` raises, must close the connection.
    """
    pgconn.send_query(statements.encode())
    returned: list[bytes] = []
    error: psycopg.Error | None = None
    try:
        while result := await _result(pgconn):
            if result.status == ExecStatus.TUPLES_OK:
                returned += [result.get_value(row, 0) or b"" for row in range(result.ntuples)]
            elif result.status == ExecStatus.COPY_IN:
                await _put(pgconn, memoryview(data(returned)))
            elif result.status != ExecStatus.COMMAND_OK:
                error = error or _error(pgconn, result)
    except psycopg.OperationalError as lost:
        # A server that ends says so before it hangs up.
        raise (error or lost) from None
    if error:
        raise error


async def _put(pgconn: PGconn, data: memoryview) -> None:
    for start in range(0, len(data), PART):
        if start:
            await _flush(pgconn)
        while not pgconn.put_copy_data(data[start : start + PART]):
            await _room(pgconn)
    while not pgconn.put_copy_end():
        await _room(pgconn)


async def _room(pgconn: PGconn) -> None:
    """Let libpq get rid of what it keeps: it has found no memory for more."""
    await _flush(pgconn)
    await asyncio.sleep(0)


async def _result(pgconn: PGconn) -> PGresult | None:
    """Return the next result, when it has come; None behind the last one."""
    await _flush(pgconn)
    while pgconn.is_busy():
        await _read(pgconn)
    return pgconn.get_result()


async def _flush(pgconn: PGconn) -> None:
    while pgconn.flush():
        # It may have to be read from before it takes more.
        await _read(pgconn, or_written=True)


async def _read(pgconn: PGconn, *, or_written: bool = False) -> None:
    """Wait until there is something to read, or room to write, and read what has come."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    wire = pgconn.socket
    loop.add_reader(wire, wake)
    if or_written:
        loop.add_writer(wire, wake)
    try:
        await ready
    finally:
        loop.remove_reader(wire)
        if or_written:
            loop.remove_writer(wire)
    # Not before: libpq closes a wire that is lost, and the next to be opened gets its number.
    pgconn.consume_input()


def _error(pgconn: PGconn, result: PGresult) -> psycopg.Error:
    if pgconn.status == ConnStatus.BAD and not result.error_field(DiagnosticField.SQLSTATE):
        return psycopg.OperationalError(result.get_error_message() or "The connection is lost.")
    return error_from_result(result)
