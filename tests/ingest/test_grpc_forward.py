"""Between propeller and its admin: every call passes, and the events are kept."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

pytest.importorskip("flyteidl")

from flyteidl.admin import version_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub
from google.protobuf import any_pb2
from google.rpc import status_pb2

from apps.events.recorder import recorder
from apps.ingest.doors.door import Door
from apps.ingest.grpc.backlog import missed
from apps.ingest.grpc.flyte import SERVICE
from apps.ingest.grpc.forward import MOST_FORWARDED, Forward
from tests.events.waiting import until_async
from tests.events.wire import Wire
from tests.ingest.grpc_port import cuttable_recorder, port_of, refused, rejections, stored
from tests.ingest.stub_admin import (
    ECHO,
    Answer,
    StubAdmin,
    node_event,
    stub_admin,
    task_event,
    workflow_event,
)


@dataclass
class Propeller:
    """Someone whose admin.endpoint is Eventfeed."""

    channel: Any
    admin: StubAdmin
    forward: Forward

    def __post_init__(self) -> None:
        self.calls = AdminServiceStub(self.channel)


@pytest.fixture
async def cuttable(empty_log: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    monkeypatch.setattr(Door, "hold", 1.0)
    async with cuttable_recorder(monkeypatch) as cuttable:
        yield cuttable


@pytest.fixture
async def propeller(cuttable: Wire) -> AsyncIterator[Propeller]:
    async with stub_admin() as admin:
        forward = Forward(admin.address)
        forward.backlog.AGAIN_AFTER = 0.05
        async with port_of(forward, most_message=MOST_FORWARDED) as channel:
            yield Propeller(channel, admin, forward)
        await forward.close()


async def test_what_the_admin_takes_is_stored(propeller: Propeller) -> None:
    await propeller.calls.CreateWorkflowEvent(workflow_event("e1"))
    await propeller.calls.CreateNodeEvent(node_event("e1"))
    await propeller.calls.CreateTaskEvent(task_event("e1"))
    assert [type(one).__name__ for one in propeller.admin.asked] == [
        "WorkflowExecutionEventRequest",
        "NodeExecutionEventRequest",
        "TaskExecutionEventRequest",
    ]
    events = await stored()
    assert [(event.system, event.warnings) for event in events] == [("flyte", None)] * 3
    assert len({event.resource_id for event in events}) == 3


async def test_what_the_admin_knows_is_stored_too(propeller: Propeller) -> None:
    propeller.admin.answer = Answer(grpc.StatusCode.ALREADY_EXISTS, "have it")
    error = await refused(propeller.calls.CreateTaskEvent(task_event()))
    assert (error.code(), error.details()) == (grpc.StatusCode.ALREADY_EXISTS, "have it")
    assert [event.warnings for event in await stored()] == [None]


@pytest.mark.parametrize(
    "status",
    [
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,
    ],
)
async def test_what_the_admin_refuses_is_stored_with_a_warning(
    propeller: Propeller, status: grpc.StatusCode
) -> None:
    propeller.admin.answer = Answer(status, "no such execution")
    error = await refused(propeller.calls.CreateNodeEvent(node_event()))
    assert (error.code(), error.details()) == (status, "no such execution")
    assert [event.warnings for event in await stored()] == [
        [f"Flyte's admin has answered this event {status.name}: no such execution"]
    ]


async def test_what_the_admin_had_no_time_for_is_not_stored(propeller: Propeller) -> None:
    propeller.admin.answer = Answer(grpc.StatusCode.UNAVAILABLE, "restarting")
    error = await refused(propeller.calls.CreateNodeEvent(node_event()))
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "restarting")
    assert await stored() == []


async def test_an_admin_that_is_gone_is_unavailable(cuttable: Wire) -> None:
    async with stub_admin() as admin:
        address = admin.address
    forward = Forward(address)
    async with port_of(forward) as channel:
        error = await refused(AdminServiceStub(channel).CreateTaskEvent(task_event()))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
    await forward.close()


async def test_metadata_deadline_and_trailers_pass(propeller: Propeller) -> None:
    failure = any_pb2.Any(type_url="type.googleapis.com/flyteidl.admin.EventFailureReason")
    details = status_pb2.Status(code=9, message="over", details=[failure]).SerializeToString()
    propeller.admin.answer = Answer(
        grpc.StatusCode.FAILED_PRECONDITION,
        "over",
        (("x-trailer", "one"), ("x-trailer", "two"), ("grpc-status-details-bin", details)),
    )
    call = propeller.calls.CreateTaskEvent(
        task_event(),
        timeout=60,
        metadata=(("authorization", "Bearer of-flyte"), ("x-bytes-bin", b"\0\xff")),
    )
    assert ("x-admin", "greets") in tuple(await call.initial_metadata())
    error = await refused(call)
    trailers: Any = tuple(error.trailing_metadata())
    assert [value for name, value in trailers if name == "x-trailer"] == ["one", "two"]
    assert dict(trailers)["grpc-status-details-bin"] == details
    assert propeller.admin.metadata["authorization"] == "Bearer of-flyte"
    assert propeller.admin.metadata["x-bytes-bin"] == b"\0\xff"
    assert 30 < propeller.admin.patience < 61


async def test_no_deadline_stays_none(propeller: Propeller) -> None:
    await propeller.calls.CreateTaskEvent(task_event())
    assert propeller.admin.patience is None


async def test_other_methods_of_the_admin_pass(propeller: Propeller) -> None:
    answer = await propeller.calls.GetVersion(version_pb2.GetVersionRequest())
    assert answer.control_plane_version.Version == "v1.16.8"
    error = await refused(propeller.calls.GetLaunchPlan(version_pb2.GetVersionRequest()))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_services_nobody_has_heard_of_pass_in_all_four_kinds(propeller: Propeller) -> None:
    channel = propeller.channel
    assert await channel.unary_unary(ECHO + "One")(b"abc") == b"abc"
    assert await channel.stream_unary(ECHO + "Join")(iter([b"a", b"b", b""])) == b"ab"
    each = channel.stream_stream(ECHO + "Each")()
    for part in (b"a", b"b"):  # the answer to one is there before the next is sent
        await each.write(part)
        assert await each.read() == part.upper()
    await each.done_writing()
    assert not await each.read()
    split = channel.unary_stream(ECHO + "Split")(b"ab")
    assert [await split.read() for _ in range(2)] == [b"a", b"b"]
    error = await refused(split.read())
    assert (error.code(), error.details()) == (grpc.StatusCode.DATA_LOSS, "the rest is lost")


@pytest.mark.parametrize("kind", ["stream_stream", "stream_unary", "unary_stream"])
async def test_an_answer_that_comes_before_all_was_sent_passes_as_it_is(
    propeller: Propeller, kind: str
) -> None:
    async def parts(number: int) -> AsyncIterator[bytes]:
        for _ in range(number % 4):
            yield b"x"
            if number % 3:
                await asyncio.sleep(0)

    async def status(number: int) -> grpc.StatusCode:
        method = getattr(propeller.channel, kind)("/some.Other/Nope")
        call = method(b"x" if kind.startswith("unary") else parts(number))
        return await call.code()

    for first in range(0, 200, 10):
        told = await asyncio.gather(*map(status, range(first, first + 10)))
        assert set(told) == {grpc.StatusCode.UNIMPLEMENTED}


async def test_a_call_that_is_given_up_is_given_up_there(propeller: Propeller) -> None:
    call = propeller.channel.unary_unary(ECHO + "Wait")(b"")
    await until_async(lambda: bool(propeller.admin.asked))
    call.cancel()
    await until_async(lambda: propeller.admin.cancelled)


async def test_a_deadline_ends_the_call_there_too(propeller: Propeller) -> None:
    error = await refused(propeller.channel.unary_unary(ECHO + "Wait")(b"", timeout=0.3))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until_async(lambda: propeller.admin.cancelled)


async def test_a_message_over_64_mebibytes_passes(propeller: Propeller) -> None:
    large = bytes(70 * 1024 * 1024)
    assert len(await propeller.channel.unary_unary(ECHO + "One")(large)) == len(large)


async def test_what_cannot_be_read_passes_and_is_kept(propeller: Propeller) -> None:
    record = propeller.channel.unary_unary(SERVICE + "CreateTaskEvent")
    assert (await refused(record(b"\xff\xff"))).code() is grpc.StatusCode.UNKNOWN
    (kept,) = await rejections()
    assert (kept.doorway, bytes(kept.body)) == ("gRPC CreateTaskEvent", b"\xff\xff")


async def test_while_the_database_is_away_the_workflow_goes_on(
    propeller: Propeller, cuttable: Wire
) -> None:
    await propeller.calls.CreateTaskEvent(task_event())
    cuttable.cut()
    await asyncio.gather(
        *(propeller.calls.CreateTaskEvent(task_event(), timeout=10) for _ in range(100))
    )
    assert len(propeller.forward.backlog) == 100
    assert recorder().away
    cuttable.mend()
    await until_async(lambda: len(propeller.forward.backlog) == 0)
    assert len(await stored()) == 101


async def test_what_does_not_fit_in_memory_is_counted(propeller: Propeller, cuttable: Wire) -> None:
    before = missed.events
    propeller.forward.backlog.MOST_BYTES = 10 * 1200
    cuttable.cut()
    for _ in range(12):
        await propeller.calls.CreateTaskEvent(task_event(), timeout=10)
    waiting = len(propeller.forward.backlog)
    assert 8 <= waiting < 12
    assert missed.events - before == 12 - waiting
    cuttable.mend()
    await until_async(lambda: len(propeller.forward.backlog) == 0)
    assert len(await stored()) == waiting


async def test_what_waits_at_the_end_is_counted(propeller: Propeller, cuttable: Wire) -> None:
    before = missed.events
    cuttable.cut()
    await propeller.calls.CreateTaskEvent(task_event(), timeout=10)
    await propeller.forward.backlog.close(within=0.1)
    assert missed.events == before + 1
