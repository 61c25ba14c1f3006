"""OpenTelemetry's LogsService: a batch of log records a call, Flink's events among them.

What a client does with an answer is written in OTLP's specification: UNAVAILABLE is sent again,
anything else is dropped.
"""

from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)

from apps.accounts.access import Caller
from apps.ingest.adapters.message import Message
from apps.ingest.adapters.otlp import PROTOBUF, read_otlp
from apps.ingest.doors.admission import MayNotSend, Stranger, admit
from apps.ingest.doors.door import Door, MessageRefused
from apps.ingest.grpc.admission import scope_of
from apps.ingest.grpc.backlog import LATER
from apps.ingest.grpc.flyte import AWAY
from apps.ingest.grpc.room import room

EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


class OtlpCall(Door):
    """The method that takes log records. It is called by gRPC, not as an ASGI application."""

    name = "gRPC LogsService/Export"
    system = "otel"
    source = "OpenTelemetry"
    adapter = staticmethod(read_otlp)
    partly = True

    async def export(self, message: Message, caller: Caller) -> bytes:
        """Store what can be stored; returns the answer. Raises MessageRefused when it is no OTLP,
        Overloaded, DatabaseAway."""
        try:
            taken = await self.take(message, caller)
            refusals = taken.refusals
        except MessageRefused as refused:
            await self._keep(refused.refusals, message, caller)
            refusals = refused.refusals
            if any(one.index is None for one in refusals):
                raise
        if not refusals:
            return b""
        partial = ExportLogsPartialSuccess(
            rejected_log_records=len(refusals), error_message=refusals[0].sentence
        )
        return ExportLogsServiceResponse(partial_success=partial).SerializeToString()


class OtlpLogs(grpc.GenericRpcHandler):
    """The one method of the service: success is said after the commit."""

    def __init__(self, *, local: bool) -> None:
        self._local = local
        self._door = OtlpCall()
        self._export = grpc.unary_unary_rpc_method_handler(self.export)

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        return self._export if details.method == EXPORT else None

    async def export(self, request: bytes, context: Any) -> bytes:
        try:
            with room.holding(len(request)):
                caller = await admit(scope_of(context, local=self._local))
                return await self._door.export(Message(request, PROTOBUF), caller)
        except Stranger:
            say = "A token is needed to send events, as `authorization: Bearer <token>`."
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, say)
        except MayNotSend:
            say = "This token may not send events."
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, say)
        except MessageRefused as refused:
            say = refused.refusals[0].sentence
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, say)
        except LATER as later:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(later) or AWAY)
        return b""
