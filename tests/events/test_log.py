"""The log: an order in which nothing appears behind a reader."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from msgspec.structs import replace
from psycopg import AsyncConnection

from apps.events import log as the_log
from apps.events.away import in_database
from apps.events.log import CHECK, Expired, StartAgain, Wakeups, head_sync, read, read_sync
from apps.events.models import Event, Source
from apps.events.position import Position
from apps.events.record import record
from apps.events.row import COPY, copied, rows_of
from eventfeed.database import dsn
from eventfeed.embedded import Cluster
from eventfeed.embedded.cluster import binaries
from tests.events.telling import told
from tests.events.waiting import until_final


def start() -> Position:
    return head_sync()._replace(tx=0, seq=0)


def names(events: list[Event]) -> list[str]:
    return [event.event for event in events]


def write(conn: psycopg.Connection, name: str, source: Source) -> None:
    """Write an event, and leave it to the connection's owner to commit it."""
    with conn.cursor().copy(COPY) as copy:
        copy.write(copied(rows_of([told(name)], source_id=source.id)))


def happen(name: str, source: Source, **said: Any) -> None:
    """Record an event, and wait for it to be final."""
    record([told(name, **said)], source_id=source.id)
    until_final()


@pytest.fixture
def two(log: None) -> Iterator[tuple[psycopg.Connection, psycopg.Connection]]:
    with psycopg.connect(dsn()) as one, psycopg.connect(dsn()) as other:
        yield one, other


def test_events_are_read_in_the_order_of_commits_and_in_parts(source: Source):
    for name in "abcde":
        happen(name, source)
    first = read_sync(start(), 3)
    assert names(first) == ["a", "b", "c"]
    assert names(read_sync(first[-1].position, 3)) == ["d", "e"]


def test_later_transaction_that_commits_first_hides_nothing(source: Source, two):
    slow, quick = two
    write(slow, "slow", source)
    write(quick, "quick", source)
    quick.commit()
    assert names(read_sync(start(), 10)) == []
    slow.commit()
    until_final()
    assert names(read_sync(start(), 10)) == ["slow", "quick"]


def test_reader_between_two_overlapping_transactions_sees_each_once(source: Source, two):
    slow, quick = two
    write(slow, "a", source)
    write(quick, "b", source)
    write(slow, "c", source)
    seen, place = [], start()
    acts = (quick.commit, lambda: write(quick, "d", source), slow.commit, quick.commit, until_final)
    for act in acts:
        act()
        events = read_sync(place, 10)
        seen += names(events)
        place = events[-1].position if events else place
    assert sorted(seen) == ["a", "b", "c", "d"]
    assert seen.index("a") < seen.index("c")


def test_transaction_undone_leaves_no_hole_to_wait_for(source: Source, two):
    undone, other = two
    write(undone, "undone", source)
    write(other, "kept", source)
    undone.rollback()
    other.commit()
    until_final()
    assert names(read_sync(start(), 10)) == ["kept"]


def test_head_lies_behind_what_is_final_and_before_what_comes(source: Source, two):
    happen("before", source)
    slow, _ = two
    write(slow, "after", source)
    head = head_sync()
    slow.commit()
    until_final()
    assert names(read_sync(head, 10)) == ["after"]


def test_payload_is_read_when_asked_for_and_terms_are_always_there(source: Source):
    happen("paid", source, payload={"n": 1})
    [event] = read_sync(start(), 1)
    assert "payload" in event.get_deferred_fields()
    assert "paid" in event.terms
    [event] = read_sync(start(), 1, payload=True)
    assert event.payload == {"n": 1}


def test_deferred_payload_is_that_of_the_same_event_among_namesakes(source: Source):
    draft = told(payload={"n": 1})
    later = replace(draft, occurred=draft.occurred.replace(hour=13), payload={"n": 2})
    record([draft, later], source_id=source.id)
    until_final()
    assert [event.payload["n"] for event in read_sync(start(), 2)] == [1, 2]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"log": "000000000000"}, id="another log"),
        pytest.param({"tx": 2**60}, id="a future it has not had"),
    ],
)
def test_position_of_elsewhere_is_told_to_start_again(source: Source, wrong: dict[str, Any]):
    with pytest.raises(StartAgain):
        read_sync(head_sync()._replace(**wrong), 1)


def test_position_behind_the_retention_is_told_what_is_gone(source: Source):
    happen("gone", source)
    [event] = read_sync(start(), 1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE log SET gone_tx = %s, gone_seq = %s", [event.tx, event.seq])
    with pytest.raises(Expired) as expired:
        read_sync(event.position._replace(seq=event.seq - 1), 1)
    assert expired.value.floor == event.position
    assert read_sync(expired.value.floor, 1) == []
    assert read_sync(start(), 1) == [event]


def test_rows_from_a_cluster_with_higher_transactions_raise_the_log(source: Source):
    happen("old", source)
    old = head_sync()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE event SET tx = tx + 1000000")
    with psycopg.connect(dsn(), autocommit=True) as conn:
        conn.execute(CHECK)
    happen("new", source)
    assert names(read_sync(start(), 10)) == ["old", "new"]
    with pytest.raises(StartAgain):
        read_sync(old, 1)


def test_log_in_order_is_left_alone(source: Source):
    record([told()], source_id=source.id)
    before = the_log.state_sync()
    with psycopg.connect(dsn(), autocommit=True) as conn:
        conn.execute(CHECK)
    assert head_sync().log == before.id


def test_restored_dump_goes_on_in_order(source: Source, tmp_path: Path):
    record([told("a"), told("b")], source_id=source.id)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE event SET tx = tx + 1000000")
    elsewhere = Cluster(tmp_path.resolve() / "data")
    elsewhere.use()
    try:
        restore(elsewhere)
        with psycopg.connect(elsewhere.dsn(), autocommit=True) as conn:
            conn.execute(CHECK)
            for name in "cd":
                write(conn, name, source)
            assert [name for (name,) in conn.execute(BELOW_THE_HORIZON)] == ["a", "b", "c", "d"]
    finally:
        elsewhere.leave()


BELOW_THE_HORIZON = """
    SELECT event FROM event, log
    WHERE tx < "offset" + pg_snapshot_xmin(pg_current_snapshot())::text::bigint ORDER BY tx, seq
"""


def restore(elsewhere: Cluster) -> None:
    dump = [str(binaries() / "pg_dump"), "--no-owner", "--dbname", dsn()]
    dumped = subprocess.run(dump, check=True, capture_output=True).stdout
    psql = [str(binaries() / "psql"), "--quiet", "-v", "ON_ERROR_STOP=1", "-d", elsewhere.dsn()]
    subprocess.run(psql, check=True, input=dumped, capture_output=True)


async def test_reading_without_a_thread_reads_the_same(source: Source):
    await in_database(lambda: record([told("a"), told("b")], source_id=source.id))
    await in_database(until_final)
    async with await the_log.connect() as conn:
        place = (await the_log.head(conn))._replace(tx=0, seq=0)
        [first] = await read(conn, place, 1)
        assert names(await read(conn, first.position, 10)) == ["b"]
        with pytest.raises(StartAgain):
            await read(conn, place._replace(log="000000000000"), 1)


async def test_commit_wakes_a_reader(source: Source):
    async with Wakeups() as wakeups, await the_log.connect() as conn:
        await anext(wakeups)
        seen = asyncio.create_task(_until_seen(conn, wakeups, ["woken"]))
        await in_database(lambda: record([told("woken")], source_id=source.id))
        await seen


async def test_wakeups_go_on_until_what_lay_above_the_horizon_is_read(source: Source):
    async with (
        Wakeups() as wakeups,
        await the_log.connect() as conn,
        await AsyncConnection.connect(dsn()) as slow,
    ):
        await slow.execute("SELECT pg_current_xact_id()")
        await in_database(lambda: record([told("quick")], source_id=source.id))
        await anext(wakeups)
        assert await read(conn, await _start(conn), 10) == []
        seen = asyncio.create_task(_until_seen(conn, wakeups, ["quick"]))
        await slow.rollback()
        await seen


async def test_wakeups_survive_their_connection(source: Source):
    async with Wakeups() as wakeups, await the_log.connect() as conn:
        await anext(wakeups)
        await conn.execute(KILL_LISTENERS)
        seen = asyncio.create_task(_until_seen(conn, wakeups, ["later"]))
        await in_database(lambda: record([told("later")], source_id=source.id))
        await seen


KILL_LISTENERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'eventfeed reader' AND datname = current_database()
        AND pid <> pg_backend_pid()
"""


async def _start(conn: AsyncConnection) -> Position:
    return (await the_log.head(conn))._replace(tx=0, seq=0)


async def test_reader_that_was_cancelled_ends_though_a_library_has_swallowed_it(source: Source):
    at_work = asyncio.Event()

    async def follow() -> None:
        async with Wakeups() as wakeups:
            async for _ in wakeups:
                at_work.set()
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)

    reader = asyncio.create_task(follow())
    await at_work.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(reader, 30)


async def _until_seen(conn: AsyncConnection, wakeups: Wakeups, wanted: list[str]) -> None:
    async with asyncio.timeout(20):
        async for _ in wakeups:
            if names(await read(conn, await _start(conn), 10)) == wanted:
                return
