"""Flyte's AdminService by gRPC, called through the stubs of the wheel as propeller calls it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

pytest.importorskip("flyteidl")

from flyteidl.admin import version_pb2
from flyteidl.core import literals_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub

from apps.accounts import access
from apps.accounts.models import Token
from apps.events import sources
from apps.events.away import in_database
from apps.ingest.doors import door
from apps.ingest.grpc.flyte import SERVICE, FlyteEvents
from apps.ingest.grpc.room import room
from tests.events.wire import Wire
from tests.ingest.grpc_port import cuttable_recorder, port_of, refused, rejections, stored
from tests.ingest.stub_admin import Task, node_event, task_event, workflow_event

MEBIBYTE = 1024 * 1024
LARGEST = 64 * MEBIBYTE


@pytest.fixture
async def wire(empty_log: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    # What is stored ends at 3 seconds over HTTP too; a test waits for less.
    monkeypatch.setattr(door.Door, "hold", 1.0)
    async with cuttable_recorder(monkeypatch) as cuttable:
        yield cuttable


@pytest.fixture
async def channel(wire: Wire) -> AsyncIterator[Any]:
    async with port_of(FlyteEvents(local=True)) as channel:
        yield channel


@pytest.fixture
async def guarded(wire: Wire) -> AsyncIterator[Any]:
    """A port that asks for tokens."""
    async with port_of(FlyteEvents(local=False)) as channel:
        yield AdminServiceStub(channel)


@pytest.fixture
def admin(channel: Any) -> Any:
    return AdminServiceStub(channel)


async def test_a_database_that_says_nothing_of_a_new_sender_is_unavailable(
    admin: Any, guarded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving = threading.Event()
    stands_still = lambda *asked: moving.wait(30)  # noqa: E731
    monkeypatch.setattr(sources, "_source", stands_still)
    monkeypatch.setattr(access, "token_bearing", stands_still)
    try:
        stranger = [("authorization", f"Bearer ef_{'x' * 43}")]
        for call in (
            admin.CreateTaskEvent(task_event(), timeout=20),
            guarded.CreateTaskEvent(task_event(), timeout=20, metadata=stranger),
        ):
            error = await refused(call)
            assert error.code() is grpc.StatusCode.UNAVAILABLE
    finally:
        moving.set()


async def test_ok_is_said_after_the_commit(admin: Any) -> None:
    for call, event in (
        (admin.CreateWorkflowEvent, workflow_event),
        (admin.CreateNodeEvent, node_event),
        (admin.CreateTaskEvent, task_event),
    ):
        before = len(await stored())
        assert (await call(event())).ByteSize() == 0
        assert len(await stored()) == before + 1
    assert {event.system for event in await stored()} == {"flyte"}


async def test_calls_of_a_moment_share_a_transaction(admin: Any) -> None:
    await asyncio.gather(*(admin.CreateTaskEvent(task_event()) for _ in range(200)))
    events = await stored()
    assert len(events) == 200
    assert len({event.tx for event in events}) < 100


async def test_the_same_event_again_is_ok_and_changes_nothing(admin: Any) -> None:
    again = task_event("e1")
    again.event.occurred_at.seconds += 60  # propeller stamps a new time on a second telling
    for event in (task_event("e1"), task_event("e1"), again):
        await admin.CreateTaskEvent(event)
    assert len(await stored()) == 1


async def test_unavailable_while_the_database_is_away(admin: Any, wire: Wire) -> None:
    await admin.CreateTaskEvent(task_event())
    wire.cut()
    error = await refused(admin.CreateTaskEvent(task_event("e1")))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "send it again" in error.details()
    wire.mend()
    await admin.CreateTaskEvent(task_event("e1"), timeout=20)
    assert len(await stored()) == 2


@pytest.mark.parametrize(
    ("method", "request_", "why"),
    [
        ("CreateTaskEvent", b"\xff\xff\xff", "no protobuf"),
        ("CreateTaskEvent", b"", "no event"),
        ("CreateNodeEvent", b"\x12\x00", "an event of nothing"),
        ("CreateWorkflowEvent", b"\x12\x00", "an event of nothing"),
    ],
)
async def test_what_cannot_be_read_is_ok_and_kept(
    channel: Any, method: str, request_: bytes, why: str
) -> None:
    assert await channel.unary_unary(SERVICE + method)(request_) == b""
    assert await stored() == []
    kept = await rejections()
    assert {(one.doorway, bytes(one.body)) for one in kept} == {(f"gRPC {method}", request_)}
    assert all(one.reason for one in kept)


async def test_phases_of_tomorrow_are_stored(admin: Any) -> None:
    await admin.CreateTaskEvent(task_event(phase=99))
    assert len(await stored()) == 1


@pytest.mark.parametrize("size", [2 * MEBIBYTE, 60 * MEBIBYTE])
async def test_large_messages_are_taken(admin: Any, size: int) -> None:
    literal = literals_pb2.Literal(
        scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(string_value="x" * size))
    )
    outputs = literals_pb2.LiteralMap(literals={"o0": literal})
    await admin.CreateTaskEvent(task_event(phase=Task.SUCCEEDED, output_data=outputs))
    (event,) = await stored()
    assert event.warnings, "the size and the hash of what was left out"


async def test_what_is_beyond_the_limit_is_turned_away_by_grpc(channel: Any) -> None:
    error = await refused(channel.unary_unary(SERVICE + "CreateTaskEvent")(bytes(LARGEST + 1)))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_more_than_there_is_room_for_is_sent_again(
    admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "held", room.most)
    error = await refused(admin.CreateTaskEvent(task_event()))
    assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_other_methods_are_not_here(admin: Any) -> None:
    error = await refused(admin.GetVersion(version_pb2.GetVersionRequest()))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_stranger_is_denied_and_never_sent_to_sign_in(guarded: Any) -> None:
    for metadata in ((), (("authorization", "Bearer nobody-knows-it"),)):
        error = await refused(guarded.CreateTaskEvent(task_event(), metadata=metadata))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert await stored() == []


async def test_a_token_says_whose_event_it_is(guarded: Any) -> None:
    secret = await in_database(lambda: token(source="ml-cluster", scope="ingest"))
    metadata = (("authorization", f"Bearer {secret}"),)
    await guarded.CreateTaskEvent(task_event(), metadata=metadata)
    (event,) = await stored()
    assert await in_database(lambda: event.source.name) == "ml-cluster"


async def test_a_token_that_may_only_read_is_denied(guarded: Any) -> None:
    secret = await in_database(lambda: token(source="ml-cluster", scope="read"))
    metadata = (("authorization", f"Bearer {secret}"),)
    error = await refused(guarded.CreateTaskEvent(task_event(), metadata=metadata))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error.details() == "This token may not send events."


def token(*, source: str, scope: str) -> str:
    _, secret = Token.make(f"{source}-{scope}", scopes=[scope], source=source)
    return secret
