"""COPY by libpq alone: what belongs together is one transaction, and errors say what they are."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg import AsyncConnection

from apps.events.copying import PART, Returned, copy_in
from apps.events.models import Source
from eventfeed.database import dsn
from tests.events.wire import Wire, wire

COPY = "COPY told (line) FROM STDIN"


@pytest.fixture
async def conn(source: Source) -> AsyncIterator[AsyncConnection]:
    async with await AsyncConnection.connect(dsn(), autocommit=True) as conn:
        await conn.execute("CREATE TEMPORARY TABLE told (line text, UNIQUE (line))")
        yield conn


async def lines(conn: AsyncConnection) -> list[str]:
    rows = await conn.execute("SELECT line FROM told ORDER BY line")
    return [line for (line,) in await rows.fetchall()]


async def test_what_the_statements_before_return_decides_what_is_copied(conn: AsyncConnection):
    def data(returned: Returned) -> bytes:
        return b"".join(b"after %s\n" % line for line in returned)

    insert = "INSERT INTO told VALUES ('one'), ('two') RETURNING line"
    await copy_in(conn.pgconn, f"{insert}; {COPY}", data)
    assert await lines(conn) == ["after one", "after two", "one", "two"]


async def test_all_statements_are_one_transaction(conn: AsyncConnection):
    await copy_in(conn.pgconn, COPY, lambda _: b"known\n")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await copy_in(conn.pgconn, f"INSERT INTO told VALUES ('new'); {COPY}", lambda _: b"known\n")
    assert await lines(conn) == ["known"]


async def test_data_that_is_refused_is_named_by_its_line(conn: AsyncConnection):
    with pytest.raises(psycopg.DataError) as refused:
        await copy_in(conn.pgconn, COPY, lambda _: b"one\ntwo\tmore\n")
    assert "line 2" in (refused.value.diag.context or "")
    # The connection goes on.
    await copy_in(conn.pgconn, COPY, lambda _: b"three\n")
    assert await lines(conn) == ["three"]


async def test_a_statement_that_fails_copies_nothing(conn: AsyncConnection):
    with pytest.raises(psycopg.errors.UndefinedTable):
        await copy_in(conn.pgconn, f"SELECT FROM nowhere; {COPY}", lambda _: b"never\n")
    assert await lines(conn) == []


async def test_more_than_the_wire_takes_at_once_arrives_whole(conn: AsyncConnection):
    await conn.execute("ALTER TABLE told DROP CONSTRAINT told_line_key")
    line = b"x" * 1_000_003
    await copy_in(conn.pgconn, COPY, lambda _: b"\n".join([line] * 20) + b"\n")
    assert [len(one) for one in await lines(conn)] == [len(line)] * 20
    assert 20 * len(line) > 10 * PART


async def test_a_lost_connection_is_told_as_one(source: Source):
    async with wire() as cuttable:
        conn = await AsyncConnection.connect(cuttable.dsn(), autocommit=True)
        with pytest.raises(psycopg.OperationalError):
            await copy_in(conn.pgconn, "COPY source FROM STDIN", lambda _: cut(cuttable))
        await conn.close()


async def test_a_server_that_ends_says_so(conn: AsyncConnection):
    def data(_: Returned) -> bytes:
        with psycopg.connect(dsn()) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10_000)", [conn.info.backend_pid])
        return b"never\n"

    with pytest.raises(psycopg.errors.AdminShutdown):
        await copy_in(conn.pgconn, COPY, data)


def cut(cuttable: Wire) -> bytes:
    cuttable.cut()
    return b""
