"""The hub tells each viewer everything it asked for, once, or names what it did not tell."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from channels.db import database_sync_to_async
from django.db import connection, transaction

from apps.events import log
from apps.events.log import head_sync
from apps.events.models import Event
from apps.events.position import Position
from apps.events.search import search, search_log
from apps.feed import missed
from apps.feed import viewer as viewing
from apps.feed.hub import Hub
from apps.feed.missed import MOST_ROWS, look_up_here
from apps.feed.subscription import Mode
from apps.query import parse
from apps.query.outcomes import Outcome
from tests.events.wire import wire
from tests.feed.watching import Watcher, assert_chained, draft, store, store_soon

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

head = database_sync_to_async(head_sync)


@pytest.fixture
def hub():
    return Hub()


async def test_an_event_reaches_who_asked_for_it_and_nobody_else(hub):
    async with (
        Watcher(hub, "event:invoice.paid") as paid,
        Watcher(hub, "event:invoice.late") as late,
    ):
        await paid.until_told("ok")
        await late.until_told("ok")
        [id] = await store_soon(draft("invoice.paid"))
        await store_soon(draft("invoice.late"))
        await paid.until_rows(1)
        await late.until_rows(1)
    assert paid.ids == [id]
    assert [row["event"]["event"] for row in late.rows] == ["invoice.late"]


async def test_a_large_payload_is_asked_live_as_it_is_stored(hub):
    query = "payload.n:7 payload.text:*end"
    async with Watcher(hub, query) as watcher:
        await watcher.until_told("ok")
        [id] = await store_soon(draft(payload={"text": "words " * 400_000 + "end", "n": 7}))
        await watcher.until_rows(1)
    assert watcher.ids == [id]
    found = await database_sync_to_async(lambda: search(parse(query)).events)()
    assert [str(event.id) for event in found] == [str(id)]


async def test_nothing_is_missed_and_nothing_told_twice_while_viewers_come_and_go(hub):
    start = await head()
    written, done = [], asyncio.Event()

    async def write():
        for burst in range(40):
            written.extend(await store_soon(*(draft(number=n) for n in range(burst % 7 + 1))))
        done.set()

    async def come_and_go():
        told: list[UUID] = []
        place = str(start)
        while not (done.is_set() and set(written) <= set(told)):
            async with Watcher(hub, asks={"from": place}) as watcher:
                await watcher.until(lambda: watcher.rows or watcher.of_kind("beat"))
                assert_chained(watcher.frames)
            told, place = told + watcher.ids, watcher.place
        return told

    async with asyncio.TaskGroup() as group:
        viewers = [group.create_task(come_and_go()) for _ in range(5)]
        group.create_task(write())
    for viewer in viewers:
        assert viewer.result() == written


async def test_a_viewer_that_takes_nothing_is_told_how_much_it_missed(hub, monkeypatch):
    monkeypatch.setattr(viewing, "MOST_ROWS", 10)
    async with Watcher(hub, "event:invoice.*") as slow, Watcher(hub, "event:invoice.*") as quick:
        await slow.until_told("ok")
        await quick.until_told("ok")
        slow.open.clear()
        await store_soon(draft(number=0))
        await slow.until_rows(1)
        stored = []
        for start in range(1, 61, 5):
            stored += await store_soon(*(draft(number=n) for n in range(start, start + 5)))
            await quick.until_rows(start + 5)
        slow.open.set()
        await slow.until_rows(11)
    gap = slow.of_kind("gap")[0]
    assert (gap["why"], gap["count"], gap["more"]) == ("slow", 50, False)
    assert slow.ids[1:] == stored[50:]
    assert_chained(slow.frames)
    stretch = await database_sync_to_async(search_log)(
        parse("event:invoice.*"),
        first=Position.parse(gap["from"]),
        last=Position.parse(gap["to"]),
        after=None,
        limit=200,
        newest_first=False,
    )
    assert [event.id for event in stretch.events] == stored[:50]


async def test_more_than_a_person_reads_is_told_as_the_newest_rows_and_a_gap(hub):
    async with Watcher(hub, asks={"format": "html"}) as watcher:
        await watcher.until_told("ok")
        for burst in range(10):
            await store_soon(*(draft(number=burst * 50 + n) for n in range(50)))
        await watcher.until(lambda: told_in_all(watcher) == 500)
    assert {gap["why"] for gap in watcher.of_kind("gap")} == {"rate"}
    assert "acme.invoice.499" in watcher.rows[-1]["html"]
    assert_chained(watcher.frames)


def told_in_all(watcher):
    return len(watcher.rows) + sum(gap["count"] for gap in watcher.of_kind("gap"))


async def test_a_hidden_tab_is_told_numbers(hub):
    async with Watcher(hub, asks={"mode": "counts"}) as watcher:
        await watcher.until_told("ok")
        await store_soon(draft(), draft(outcome=Outcome.FAILED), draft())
        counts = await watcher.until_told("counts")
        assert (counts["count"], counts["failed"]) == (3, 1)
        watcher.viewer.show(Mode.ROWS)
        await store_soon(draft())
        await watcher.until_rows(1)
    assert_chained(watcher.frames)


async def test_a_tab_shown_again_gets_the_rows_it_was_told_as_numbers_when_it_asks(hub):
    async with Watcher(hub) as watcher:
        await watcher.until_told("ok")
        await store_soon(draft())
        await watcher.until_rows(1)
        place = watcher.place
        watcher.viewer.show(Mode.COUNTS)
        stored = await store_soon(draft(), draft())
        await watcher.until_told("counts")
    async with Watcher(hub, asks={"from": place}) as again:
        await again.until_rows(2)
    assert again.ids == stored


async def test_who_comes_back_gets_what_it_missed_and_then_what_is_new(hub):
    async with Watcher(hub, "event:invoice.paid") as before:
        place = (await before.until_told("ok"))["from"]
    missed = await store_soon(draft("invoice.paid"), draft("invoice.late"), draft("invoice.paid"))
    async with Watcher(hub, "event:invoice.paid", asks={"from": place}) as back:
        await back.until_rows(2)
        new = await store_soon(draft("invoice.paid"))
        await back.until_rows(3)
    assert back.ids == [missed[0], missed[2], *new]
    assert_chained(back.frames)


async def test_who_missed_too_much_gets_one_gap_that_counts_it(hub):
    place = str(await head())
    await store_soon(*(draft(number=n) for n in range(MOST_ROWS + 1)))
    async with Watcher(hub, asks={"from": place}) as back:
        gap = await back.until_told("gap")
        await store_soon(draft("invoice.late"))
        await back.until_rows(1)
    assert (gap["why"], gap["count"], gap["more"]) == ("resume", MOST_ROWS + 1, False)
    assert [row["event"]["event"] for row in back.rows] == ["invoice.late"]
    assert_chained(back.frames)


async def test_a_page_that_has_read_further_than_the_hub_gets_nothing_twice(hub):
    async with Watcher(hub) as first:
        await first.until_told("ok")
        stored = await store_soon(draft(), draft())
        seen = await place_of(stored[0])
        async with Watcher(hub, asks={"from": str(seen)}) as second:
            await second.until_rows(1)
    assert second.ids == stored[1:]


@database_sync_to_async
def place_of(id):
    return Event.objects.get(id=id).position


async def test_a_place_in_another_log_is_to_start_again(hub):
    async with Watcher(hub, asks={"from": "0123456789ab.5.5"}) as watcher:
        error = await watcher.until_told("error")
    assert error["code"] == "start-again"


async def test_a_place_in_the_future_is_to_start_again(hub):
    place = await head()
    async with Watcher(hub, asks={"from": str(place._replace(tx=place.tx + 1_000_000))}) as watcher:
        error = await watcher.until_told("error")
    assert error["code"] == "start-again"


async def test_a_place_older_than_what_is_kept_names_what_is_gone(hub):
    async with Watcher(hub) as before:
        place = (await before.until_told("ok"))["from"]
        _, kept = await store_soon(draft(), draft())
        await before.until_rows(2)
    await forget_all_but_last()
    async with Watcher(hub, asks={"from": place}) as watcher:
        gap = await watcher.until_told("gap")
        await watcher.until_rows(1)
    assert gap["why"] == "expired"
    assert watcher.ids == [kept]
    assert_chained(watcher.frames)


@database_sync_to_async
def forget_all_but_last():
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE log SET (gone_tx, gone_seq) = "
            "(SELECT tx, seq FROM event ORDER BY tx DESC, seq DESC OFFSET 1 LIMIT 1)"
        )


async def test_late_arrivals_come_as_they_arrive(hub):
    async with Watcher(hub) as watcher:
        await watcher.until_told("ok")
        [id] = await store_soon(draft(occurred=datetime(2023, 4, 1, tzinfo=UTC)))
        await watcher.until_rows(1)
    assert watcher.ids == [id]
    assert watcher.rows[0]["occurred"] == "2023-04-01T00:00:00.000000Z"


async def test_only_events_of_the_asked_times_come(hub):
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    asks = {"since": (now - hour).isoformat(), "until": (now + hour).isoformat()}
    async with Watcher(hub, asks=asks) as watcher:
        await watcher.until_told("ok")
        await store_soon(draft(occurred=now - 2 * hour), draft(occurred=now + 2 * hour))
        [id] = await store_soon(draft(occurred=now))
        await watcher.until_rows(1)
    assert watcher.ids == [id]


async def test_a_range_that_has_ended_is_not_live(hub):
    async with Watcher(hub, asks={"until": "now-1h"}) as watcher:
        ok = await watcher.until_told("ok")
        await watcher.task
    assert ok["live"] is False
    assert hub.reading is None


async def test_nothing_is_read_while_nobody_looks(hub):
    async with Watcher(hub) as watcher:
        await watcher.until_told("ok")
        assert hub.reading is not None
    assert hub.reading is None
    assert hub.audiences == {}


async def test_viewers_are_told_when_the_database_goes_and_miss_nothing(hub):
    async with Watcher(hub) as watcher:
        await watcher.until_told("ok")
        await break_all_readers()
        error = await watcher.until_told("error")
        ids = await store_soon(draft(), draft())
        await watcher.until_rows(2)
    assert error["code"] == "database"
    assert watcher.ids == ids
    assert_chained(watcher.frames)


async def test_viewers_are_told_when_the_database_stands_still_and_miss_nothing(hub, monkeypatch):
    monkeypatch.setattr(log, "LONGEST", 0.3)
    async with wire() as to_database:
        monkeypatch.setattr(log, "dsn", to_database.dsn)
        async with Watcher(hub) as watcher:
            await watcher.until_told("ok")
            to_database.flowing.clear()
            error = await watcher.until_told("error")
            ids = await store_soon(draft(), draft())
            to_database.flowing.set()
            await watcher.until_rows(2)
    assert error["code"] == "database"
    assert watcher.ids == ids
    assert_chained(watcher.frames)


async def test_who_comes_back_while_the_database_stands_still_is_told_so(hub, monkeypatch):
    place, moves = str(await head()), threading.Event()

    def look_up_when_it_moves(*asked):
        moves.wait()
        return look_up_here(*asked)

    monkeypatch.setattr(missed, "look_up_here", look_up_when_it_moves)
    monkeypatch.setattr(log, "LONGEST", 0.3)
    ids = await store_soon(draft())
    async with Watcher(hub, asks={"from": place}) as back:
        error = await back.until_told("error")
        moves.set()
        await back.until_rows(1)
    assert error["code"] == "database"
    assert back.ids == ids


async def test_a_viewer_leaves_at_once_while_the_database_stands_still(hub, monkeypatch):
    async with wire() as to_database:
        monkeypatch.setattr(log, "dsn", to_database.dsn)
        async with Watcher(hub) as watcher:
            await watcher.until_told("ok")
            to_database.flowing.clear()
            await to_database.asked.wait()
            left = time.monotonic()
    assert time.monotonic() - left < 2


@database_sync_to_async
def break_all_readers():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'eventfeed reader'"
        )


async def test_each_question_is_answered_once_and_each_row_drawn_once_for_all_who_ask(hub):
    async with Watcher(hub, "event:invoice.paid") as one, Watcher(hub, "event:invoice.paid") as two:
        await one.until_told("ok")
        await two.until_told("ok")
        assert len(hub.audiences) == 1
        await store_soon(draft("invoice.paid"))
        await one.until_rows(1)
        await two.until_rows(1)
    assert one.rows == two.rows


async def test_the_same_id_at_another_time_is_a_second_row(hub):
    id = uuid4()
    async with Watcher(hub) as watcher:
        await watcher.until_told("ok")
        await store_soon(draft(id=id), draft(id=id, occurred=datetime(2024, 1, 1, tzinfo=UTC)))
        await watcher.until_rows(2)
    assert watcher.ids == [id, id]
    assert len({row["at"] for row in watcher.rows}) == 2


async def test_a_transaction_that_takes_long_is_waited_for(hub):
    slow, begun, go_on = draft(number=1), threading.Event(), threading.Event()
    await store_soon(draft(number=0))
    async with Watcher(hub) as watcher:
        await watcher.until_told("ok")
        storing = asyncio.create_task(asyncio.to_thread(store_slowly, slow, begun, go_on))
        await asyncio.to_thread(begun.wait)
        quick = await store_soon(draft(number=2))
        go_on.set()
        await storing
        await watcher.until_rows(2)
    assert watcher.ids == [slow.id, *quick]
    assert_chained(watcher.frames)


def store_slowly(slow, begun, go_on):
    try:
        with transaction.atomic():
            store(slow)
            begun.set()
            go_on.wait()
    finally:
        connection.close()
