"""Group commit: many requests in one transaction, and none harmed by another."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import pytest

from apps.events import log as the_log
from apps.events.away import in_database
from apps.events.counters import counters
from apps.events.draft import Draft
from apps.events.models import Event, Source
from apps.events.record import Recorded
from apps.events.recorder import DatabaseAway, Overloaded, Recorder, recorder
from apps.events.row import Refused, Row, rows_of
from tests.events.telling import told
from tests.events.waiting import until_async
from tests.events.wire import Wire, wire

KILL = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = 'eventfeed recorder' AND datname = current_database()
"""


@pytest.fixture
async def cuttable(source: Source) -> AsyncIterator[Wire]:
    async with wire() as cuttable:
        yield cuttable


@pytest.fixture
async def ours(cuttable: Wire) -> AsyncIterator[Recorder]:
    """A recorder whose way to the database can be cut, and who does not hold for long."""
    ours = Recorder(cuttable.dsn)
    ours.HOLD = 0.3
    yield ours
    cuttable.mend()
    await ours.close()


async def waiting_long(ours: Recorder, source: Source) -> Recorded:
    return await ours.record_waiting(rows_of([told()], source_id=source.id), source_id=source.id)


async def stored() -> int:
    return await in_database(Event.objects.count)


async def test_requests_of_a_moment_share_a_transaction(ours: Recorder, source: Source):
    requests = [ours.record([told(), told()], source_id=source.id) for _ in range(50)]
    assert await asyncio.gather(*requests) == [Recorded(2, 0)] * 50
    transactions = await in_database(Event.objects.values("tx").distinct().count)
    assert transactions <= 2


async def test_those_who_come_at_once_share_it_too(ours: Recorder, source: Source):
    async def after(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await ours.record([told()], source_id=source.id)

    await asyncio.gather(*(after(turns) for turns in range(0, 30, ours.GATHER_TURNS // 2)))
    assert await in_database(Event.objects.values("tx").distinct().count) == 1


async def test_one_request_is_prepared_after_the_other(
    ours: Recorder, source: Source, monkeypatch: pytest.MonkeyPatch
):
    prepared = preparing(monkeypatch)
    first, second = [told() for _ in range(50)], [told() for _ in range(50)]
    both = ours.record(first, source_id=source.id), ours.record(second, source_id=source.id)
    await asyncio.gather(*both)
    assert prepared == [draft.id for draft in first + second]


async def test_a_long_request_lets_others_be_prepared_between(
    ours: Recorder, source: Source, monkeypatch: pytest.MonkeyPatch
):
    prepared = preparing(monkeypatch)
    ours.TURN = 20
    long, short = [told() for _ in range(50)], [told() for _ in range(15)]
    both = ours.record(long, source_id=source.id), ours.record(short, source_id=source.id)
    await asyncio.gather(*both)
    assert prepared == [draft.id for draft in long[:20] + short + long[20:]]


def preparing(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The ids of drafts, in the order in which they are made ready to be written."""
    prepared: list[UUID] = []

    def rows_noted(drafts: Sequence[Draft], **how: Any) -> list[Row]:
        prepared.extend(draft.id for draft in drafts)
        return rows_of(drafts, **how)

    monkeypatch.setattr("apps.events.recorder.rows_of", rows_noted)
    return prepared


async def test_each_request_hears_what_was_new_of_its_own(ours: Recorder, source: Source):
    draft = told()
    first, second, nothing = await asyncio.gather(
        ours.record([draft, told()], source_id=source.id),
        ours.record([draft, told(), draft], source_id=source.id),
        ours.record([], source_id=source.id),
    )
    assert (first, second, nothing) == (Recorded(2, 0), Recorded(1, 2), Recorded(0, 0))


async def test_poisoned_request_is_refused_alone(ours: Recorder, source: Source):
    poison = told(payload={"a": "\0"})
    requests = [[told()], [told()], [told(), poison], [told()], [told(), told()]]
    answers = await asyncio.gather(
        *(ours.record(drafts, source_id=source.id) for drafts in requests),
        return_exceptions=True,
    )
    refused = answers.pop(2)
    assert isinstance(refused, Refused)
    assert (refused.index, refused.path) == (1, "payload")
    assert answers == [Recorded(1, 0), Recorded(1, 0), Recorded(1, 0), Recorded(2, 0)]
    assert await stored() == 5


async def test_index_of_a_refused_draft_counts_the_whole_request(ours: Recorder, source: Source):
    drafts = [told() for _ in range(250)] + [told("\ud800")]
    with pytest.raises(Refused) as refused:
        await ours.record(drafts, source_id=source.id)
    assert refused.value.index == 250
    assert await stored() == 0


async def test_full_queue_is_said_at_once_and_patience_gets_through(
    ours: Recorder, cuttable: Wire, source: Source
):
    ours.QUEUE_EVENTS = 3
    ours.HOLD = 60
    cuttable.cut()
    taken = asyncio.create_task(ours.record([told(), told()], source_id=source.id))
    await until_async(lambda: ours.away and not ours.queued)
    queued = asyncio.create_task(ours.record([told(), told()], source_id=source.id))
    await until_async(lambda: ours.queued == 2)
    with pytest.raises(Overloaded):
        await ours.record([told(), told()], source_id=source.id)
    patient = asyncio.create_task(
        ours.record_waiting(rows_of([told(), told()], source_id=source.id), source_id=source.id)
    )
    cuttable.mend()
    assert {await taken, await queued, await patient} == {Recorded(2, 0)}
    assert await stored() == 6


async def test_bytes_fill_the_queue_too(ours: Recorder, cuttable: Wire, source: Source):
    ours.QUEUE_BYTES = 10_000
    ours.HOLD = 60
    payload = {"note": "x" * 8_000}
    cuttable.cut()
    taken = asyncio.create_task(ours.record([told(payload=payload)], source_id=source.id))
    await until_async(lambda: ours.away and not ours.queued)
    queued = asyncio.create_task(ours.record([told(payload=payload)], source_id=source.id))
    await until_async(lambda: ours.queued == 1)
    with pytest.raises(Overloaded):
        await ours.record([told(payload=payload)], source_id=source.id)
    cuttable.mend()
    await asyncio.gather(taken, queued)


async def test_flood_of_one_source_leaves_room_for_others(
    ours: Recorder, cuttable: Wire, source: Source
):
    ours.QUEUE_EVENTS = 8
    ours.HOLD = 60
    other = await in_database(lambda: Source.objects.create(name="shipping", system="custom"))
    refused = counters.refused[source.id]
    cuttable.cut()
    taken = asyncio.create_task(ours.record([told()], source_id=source.id))
    await until_async(lambda: ours.away and not ours.queued)
    flood = [asyncio.create_task(ours.record([told()], source_id=source.id)) for _ in range(20)]
    await until_async(lambda: sum(task.done() for task in flood) == 16)
    assert ours.queued == 4
    assert counters.refused[source.id] == refused + 16
    others = [asyncio.create_task(ours.record([told()], source_id=other.id)) for _ in range(3)]
    await until_async(lambda: ours.queued == 7)
    cuttable.mend()
    assert await asyncio.gather(*others) == [Recorded(1, 0)] * 3
    answers = await asyncio.gather(taken, *flood, return_exceptions=True)
    assert sum(isinstance(answer, Overloaded) for answer in answers) == 16
    assert await stored() == 8


async def test_share_of_the_queue_is_one_of_bytes_too(
    ours: Recorder, cuttable: Wire, source: Source
):
    ours.QUEUE_BYTES = 40_000
    ours.HOLD = 60
    other = await in_database(lambda: Source.objects.create(name="shipping", system="custom"))
    big = {"note": "x" * 8_000}
    cuttable.cut()
    taken = asyncio.create_task(ours.record([told(payload=big)], source_id=source.id))
    await until_async(lambda: ours.away and not ours.queued)
    queued = asyncio.create_task(ours.record([told(payload=big)], source_id=source.id))
    await until_async(lambda: ours.queued == 1)
    with pytest.raises(Overloaded):
        await ours.record([told(payload=big), told(payload=big)], source_id=source.id)
    others = asyncio.create_task(ours.record([told(payload=big)], source_id=other.id))
    await until_async(lambda: ours.queued == 2)
    cuttable.mend()
    assert {await taken, await queued, await others} == {Recorded(1, 0)}
    assert not ours.queued_bytes


async def test_share_is_given_back_by_those_who_no_longer_wait(
    ours: Recorder, cuttable: Wire, source: Source
):
    ours.QUEUE_EVENTS = 4
    ours.HOLD = 60
    cuttable.cut()
    taken = asyncio.create_task(ours.record([told()], source_id=source.id))
    await until_async(lambda: ours.away and not ours.queued)
    left = [asyncio.create_task(ours.record([told()], source_id=source.id)) for _ in range(2)]
    await until_async(lambda: ours.queued == 2)
    for task in left:
        task.cancel()
    await asyncio.wait(left)
    queued = asyncio.create_task(ours.record([told()], source_id=source.id))
    await until_async(lambda: ours.queued == 1)
    cuttable.mend()
    assert {await taken, await queued} == {Recorded(1, 0)}


async def test_request_larger_than_the_queue_is_taken_when_it_is_empty(
    ours: Recorder, source: Source
):
    ours.QUEUE_EVENTS = 3
    assert await ours.record([told() for _ in range(5)], source_id=source.id) == Recorded(5, 0)


async def test_database_away_is_told_after_a_while_but_the_patient_wait(
    ours: Recorder, cuttable: Wire, source: Source
):
    cuttable.cut()
    patient = asyncio.create_task(waiting_long(ours, source))
    with pytest.raises(DatabaseAway):
        await ours.record([told()], source_id=source.id)
    with pytest.raises(DatabaseAway):
        await ours.record([told()], source_id=source.id)
    assert not patient.done()
    cuttable.mend()
    assert await patient == Recorded(1, 0)
    assert await stored() == 1


@pytest.mark.parametrize("how", ["cut", "stands still"])
async def test_request_may_have_a_patience_of_its_own(
    ours: Recorder, cuttable: Wire, source: Source, how: str
):
    await ours.record([told()], source_id=source.id)
    if how == "cut":
        cuttable.cut()
    else:
        cuttable.flowing.clear()
    held = asyncio.create_task(ours.record([told()], source_id=source.id, hold=60))
    with pytest.raises(DatabaseAway):
        await ours.record([told()], source_id=source.id)
    with pytest.raises(DatabaseAway):
        await ours.record([told()], source_id=source.id, hold=0.01)
    assert not held.done()
    cuttable.mend()
    cuttable.flowing.set()
    assert await held == Recorded(1, 0)


async def test_patience_of_a_request_ends(ours: Recorder, cuttable: Wire, source: Source):
    ours.HOLD = 0.05
    cuttable.cut()
    held = asyncio.create_task(ours.record([told()], source_id=source.id, hold=1.5))
    with pytest.raises(DatabaseAway):
        await ours.record([told()], source_id=source.id)
    assert not held.done()
    with pytest.raises(DatabaseAway):
        await held


async def test_database_that_stands_still_counts_as_away(
    ours: Recorder, cuttable: Wire, source: Source
):
    await ours.record([told()], source_id=source.id)
    cuttable.flowing.clear()
    patient = asyncio.create_task(waiting_long(ours, source))
    with pytest.raises(DatabaseAway):
        await ours.record([told()], source_id=source.id)
    assert not patient.done()
    cuttable.flowing.set()
    assert await patient == Recorded(1, 0)
    assert not ours.away


@pytest.mark.parametrize("how", ["cut", "stands still"])
async def test_it_notices_by_itself_that_the_database_is_back(
    ours: Recorder, cuttable: Wire, source: Source, how: str
):
    await ours.record([told()], source_id=source.id)
    if how == "cut":
        cuttable.cut()
    else:
        cuttable.flowing.clear()
    with pytest.raises(DatabaseAway):
        await ours.record([told()], source_id=source.id)
    assert ours.away
    cuttable.mend()
    cuttable.flowing.set()
    await until_async(lambda: not ours.away)
    assert ours.queued == 0


async def test_it_goes_on_looking_while_the_database_is_away(
    ours: Recorder, cuttable: Wire, source: Source
):
    ours.BACKOFF = (0.01,) * 5
    cuttable.cut()
    with pytest.raises(DatabaseAway):
        await ours.record([told()], source_id=source.id)
    refused = cuttable.refused
    await until_async(lambda: cuttable.refused > refused + 3)
    assert ours.away
    await ours.close()


async def test_short_absence_is_not_noticed(ours: Recorder, cuttable: Wire, source: Source):
    ours.HOLD = 60
    await ours.record([told()], source_id=source.id)
    cuttable.cut()
    held = asyncio.create_task(ours.record([told()], source_id=source.id))
    await until_async(lambda: ours.away)
    cuttable.mend()
    assert await held == Recorded(1, 0)


async def test_killed_backend_loses_nothing(source: Source):
    ours = Recorder()
    drafts = [told() for _ in range(2_000)]

    async def send(own: list) -> None:
        for draft in own:
            await ours.record([draft], source_id=source.id)

    async def kill() -> None:
        conn = await the_log.connect()
        for share in (1, 2, 3):
            await until_async(lambda share=share: _came(conn, share * 400))
            assert (await (await conn.execute(KILL)).fetchone()) is not None
        await conn.close()

    await asyncio.gather(kill(), *(send(drafts[own::20]) for own in range(20)))
    assert await stored() == len(drafts)
    await ours.close()


async def _came(conn, count: int) -> bool:
    row = await (await conn.execute("SELECT count(*) FROM event")).fetchone()
    return row[0] >= count


# The last a client says of a COPY; behind it the server commits and answers.
COPY_DONE = b"c\x00\x00\x00\x04"


async def test_commit_without_an_answer_is_found_out(
    ours: Recorder, cuttable: Wire, source: Source
):
    await ours.record([told()], source_id=source.id)
    draft = told()
    cuttable.cut_before_answer_to = COPY_DONE
    recorded = await ours.record([draft], source_id=source.id)
    assert recorded in (Recorded(1, 0), Recorded(0, 1))
    assert cuttable.cut_before_answer_to is None
    assert await stored() == 2


async def test_nobody_waits_nothing_is_written(ours: Recorder, cuttable: Wire, source: Source):
    ours.HOLD = 60
    cuttable.cut()
    taken = asyncio.create_task(ours.record([told()], source_id=source.id))
    await until_async(lambda: ours.away and not ours.queued)
    left = asyncio.create_task(ours.record([told()], source_id=source.id))
    await until_async(lambda: ours.queued == 1)
    left.cancel()
    cuttable.mend()
    await taken
    await ours.close()
    assert await stored() == 1


async def test_close_writes_what_is_queued(ours: Recorder, cuttable: Wire, source: Source):
    ours.HOLD = 60
    cuttable.cut()
    taken = asyncio.create_task(ours.record([told()], source_id=source.id))
    await until_async(lambda: ours.away and not ours.queued)
    queued = [asyncio.create_task(ours.record([told()], source_id=source.id)) for _ in range(30)]
    await until_async(lambda: ours.queued == 30)
    closing = asyncio.create_task(ours.close())
    cuttable.mend()
    assert await asyncio.gather(taken, *queued) == [Recorded(1, 0)] * 31
    await closing
    await ours.close()
    with pytest.raises(DatabaseAway):
        await ours.record([told()], source_id=source.id)


async def test_close_does_not_wait_for_a_database_that_stays_away(
    ours: Recorder, cuttable: Wire, source: Source
):
    cuttable.cut()
    patient = asyncio.create_task(waiting_long(ours, source))
    await until_async(lambda: ours.away and not ours.queued)
    await ours.close()
    with pytest.raises(DatabaseAway):
        await patient


async def test_own_recorder_of_a_process_is_replaced_when_it_is_closed(source: Source):
    first = recorder()
    assert recorder() is first
    await first.record([told()], source_id=source.id)
    await first.close()
    second = recorder()
    assert await second.record([told()], source_id=source.id) == Recorded(1, 0)
    await second.close()
