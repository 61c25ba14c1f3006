"""A flyteadmin made from the wheel, which answers as it is told to, and what propeller sends it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc
import pytest

# Python 3.14 has none, so there the tests that import this module are skipped.
pytest.importorskip("flyteidl")

from flyteidl.admin import event_pb2 as requests
from flyteidl.admin import version_pb2
from flyteidl.core import execution_pb2, identifier_pb2
from flyteidl.event import event_pb2 as events
from flyteidl.service.admin_pb2_grpc import (
    AdminServiceServicer,
    AdminServiceStub,
    add_AdminServiceServicer_to_server,
)
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio

from tests.ingest.grpc_port import ANY_SIZE

ECHO = "/test.Echo/"
AT = Timestamp(seconds=1_795_168_800)

Execution = execution_pb2.WorkflowExecution
Node = execution_pb2.NodeExecution
Task = execution_pb2.TaskExecution


@dataclass
class Answer:
    status: grpc.StatusCode = grpc.StatusCode.OK
    details: str = ""
    trailers: tuple[tuple[str, str | bytes], ...] = ()


@dataclass
class StubAdmin(AdminServiceServicer):
    """Says of every event what `answer` says, and remembers what it was asked."""

    answer: Answer = field(default_factory=Answer)
    asked: list[Any] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    patience: float | None = None
    cancelled: bool = False
    address: str = ""

    async def CreateWorkflowEvent(self, request: Any, context: Any) -> Any:  # noqa: N802
        await self._answer(request, context)
        return requests.WorkflowExecutionEventResponse()

    async def CreateNodeEvent(self, request: Any, context: Any) -> Any:  # noqa: N802
        await self._answer(request, context)
        return requests.NodeExecutionEventResponse()

    async def CreateTaskEvent(self, request: Any, context: Any) -> Any:  # noqa: N802
        await self._answer(request, context)
        return requests.TaskExecutionEventResponse()

    async def GetVersion(self, request: Any, context: Any) -> Any:  # noqa: N802
        await self._answer(request, context)
        version = version_pb2.Version(Version="v1.16.8")
        return version_pb2.GetVersionResponse(control_plane_version=version)

    async def _answer(self, request: Any, context: Any) -> None:
        self.asked.append(request)
        self.metadata = dict(context.invocation_metadata())
        self.patience = context.time_remaining()
        await context.send_initial_metadata((("x-admin", "greets"),))
        context.set_trailing_metadata(self.answer.trailers)
        if self.answer.status is not grpc.StatusCode.OK:
            await context.abort(self.answer.status, self.answer.details, self.answer.trailers)


class Echo(grpc.GenericRpcHandler):
    """A service nobody has heard of, with a method of each kind of streaming."""

    def __init__(self, admin: StubAdmin) -> None:
        self.admin = admin

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        return {
            ECHO + "One": grpc.unary_unary_rpc_method_handler(self.one),
            ECHO + "Split": grpc.unary_stream_rpc_method_handler(self.split),
            ECHO + "Join": grpc.stream_unary_rpc_method_handler(self.join),
            ECHO + "Each": grpc.stream_stream_rpc_method_handler(self.each),
            ECHO + "Wait": grpc.unary_unary_rpc_method_handler(self.wait),
        }.get(details.method)

    async def one(self, request: bytes, context: Any) -> bytes:
        return request

    async def split(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        for byte in request:
            yield bytes([byte])
        await context.abort(grpc.StatusCode.DATA_LOSS, "the rest is lost")

    async def join(self, parts: AsyncIterator[bytes], context: Any) -> bytes:
        return b"".join([part async for part in parts])

    async def each(self, parts: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for part in parts:
            yield part.upper()

    async def wait(self, request: bytes, context: Any) -> bytes:
        self.admin.asked.append(request)
        try:
            await asyncio.Event().wait()
        finally:
            self.admin.cancelled = True
        return b""


@asynccontextmanager
async def stub_admin() -> AsyncIterator[StubAdmin]:
    admin = StubAdmin()
    server = aio.server(options=ANY_SIZE)
    add_AdminServiceServicer_to_server(admin, server)
    server.add_generic_rpc_handlers((Echo(admin),))
    admin.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield admin
    finally:
        await server.stop(0)


def propeller(channel: Any) -> AdminServiceStub:
    """Return what calls its admin by that channel."""
    return AdminServiceStub(channel)


def task_event(execution: str = "", **fields: Any) -> requests.TaskExecutionEventRequest:
    """Return a task event as propeller tells it, of an execution of its own."""
    said: Mapping[str, Any] = {
        "task_id": identifier_pb2.Identifier(
            resource_type=identifier_pb2.TASK, project="p", domain="d", name="t", version="1"
        ),
        "parent_node_execution_id": identifier_pb2.NodeExecutionIdentifier(
            node_id="n0", execution_id=execution_id(execution)
        ),
        "phase": Task.RUNNING,
        "occurred_at": AT,
    }
    return requests.TaskExecutionEventRequest(event=events.TaskExecutionEvent(**{**said, **fields}))


def node_event(execution: str = "", **fields: Any) -> requests.NodeExecutionEventRequest:
    said: Mapping[str, Any] = {
        "id": identifier_pb2.NodeExecutionIdentifier(
            node_id="n0", execution_id=execution_id(execution)
        ),
        "phase": Node.SUCCEEDED,
        "occurred_at": AT,
    }
    return requests.NodeExecutionEventRequest(event=events.NodeExecutionEvent(**{**said, **fields}))


def workflow_event(execution: str = "", **fields: Any) -> requests.WorkflowExecutionEventRequest:
    said: Mapping[str, Any] = {
        "execution_id": execution_id(execution),
        "phase": Execution.RUNNING,
        "occurred_at": AT,
    }
    return requests.WorkflowExecutionEventRequest(
        event=events.WorkflowExecutionEvent(**{**said, **fields})
    )


def execution_id(name: str = "") -> identifier_pb2.WorkflowExecutionIdentifier:
    return identifier_pb2.WorkflowExecutionIdentifier(
        project="p", domain="d", name=name or f"e{uuid4().hex[:12]}"
    )
