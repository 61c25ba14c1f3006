"""Flyte's AdminService, as far as it takes events: what propeller sends to its `admin.endpoint`.

Its answers decide over other people's workflows. INVALID_ARGUMENT fails the node, NOT_FOUND and
FAILED_PRECONDITION end the workflow, UNAUTHENTICATED makes propeller look for a service that says
where to sign in; RESOURCE_EXHAUSTED and UNAVAILABLE make it send the event again. So what cannot
be read is OK, and kept as a rejection.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import grpc
from msgspec.structs import replace

from apps.accounts.access import Caller
from apps.events.away import AWAY, DatabaseAway
from apps.events.draft import Draft
from apps.ingest.adapters.flyte.adapter import read_flyte_request
from apps.ingest.adapters.message import Element, Message, Unreadable
from apps.ingest.doors.admission import MayNotSend, Stranger
from apps.ingest.doors.door import Door, MessageRefused
from apps.ingest.grpc.admission import READ_ONLY, STRANGER, scope_of
from apps.ingest.grpc.backlog import LATER
from apps.ingest.grpc.room import room

logger = logging.getLogger(__name__)

SERVICE = "/flyteidl.service.AdminService/"
PROTOBUF = "application/octet-stream"

# An empty answer, of any of the three types.
EMPTY = b""

# Beside a message: what its drafts are warned of.
WARNING = "warning"


def read_call(message: Message) -> Iterator[Element]:
    """Read the request of a method that takes an event."""
    reading = _reading(message)
    warning = message.headers.get(WARNING)
    if warning and not isinstance(reading, Unreadable):
        reading = tuple(replace(one, warnings=(*one.warnings, warning)) for one in reading)
    yield Element(None, message.body, reading)


def _reading(message: Message) -> tuple[Draft, ...] | Unreadable:
    try:
        return read_flyte_request(message.kind, message.body)
    except Exception as error:
        # A mistake of ours must not stall a workflow either.
        logger.exception("An event of Flyte could not be read.")
        return Unreadable.because(500, f"Eventfeed failed to read it: {error!r}")


class FlyteCall(Door):
    """A method that takes an event. It is called by gRPC, not as an ASGI application."""

    system = "flyte"
    source = "Flyte"
    adapter = staticmethod(read_call)

    def __init__(self, method: str, kind: str) -> None:
        self.name = f"gRPC {method}"
        self.kind = kind

    def message_of(self, request: bytes, headers: Mapping[str, str] | None = None) -> Message:
        return Message(request, PROTOBUF, headers or {}, kind=self.kind)

    async def store(self, message: Message, caller: Caller) -> None:
        """Store an event, or keep why it cannot be; raises Overloaded, DatabaseAway."""
        try:
            await self.take(message, caller)
        except MessageRefused as refused:
            if not await self._keep(refused.refusals, message, caller):
                raise DatabaseAway(AWAY) from None


CALLS: Mapping[str, FlyteCall] = {
    SERVICE + "CreateWorkflowEvent": FlyteCall("CreateWorkflowEvent", "workflows"),
    SERVICE + "CreateNodeEvent": FlyteCall("CreateNodeEvent", "nodes"),
    SERVICE + "CreateTaskEvent": FlyteCall("CreateTaskEvent", "tasks"),
}


class FlyteEvents(grpc.GenericRpcHandler):
    """The three methods, and no other: OK is said after the commit."""

    def __init__(self, *, local: bool) -> None:
        self._local = local
        self._methods = {path: self._method(call) for path, call in CALLS.items()}

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        return self._methods.get(details.method)

    def _method(self, call: FlyteCall) -> Any:
        async def record(request: bytes, context: Any) -> bytes:
            return await self._record(call, request, context)

        return grpc.unary_unary_rpc_method_handler(record)

    async def _record(self, call: FlyteCall, request: bytes, context: Any) -> bytes:
        try:
            with room.holding(len(request)):
                caller = await call.admitted(scope_of(context, local=self._local))
                await call.store(call.message_of(request), caller)
        except Stranger:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, STRANGER)
        except MayNotSend:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, READ_ONLY)
        except LATER as later:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(later) or AWAY)
        return EMPTY
