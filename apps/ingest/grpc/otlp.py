"""OpenTelemetry's LogsService: a batch of log records a call, Flink's events among them.

What clients make of an answer is written in OTLP's specification, under OTLP/gRPC Response:
UNAVAILABLE they send again, most others they drop.
"""

from typing import Any

import grpc

from apps.events.away import AWAY
from apps.ingest.adapters.message import Message
from apps.ingest.adapters.otlp.adapter import PROTOBUF
from apps.ingest.doors.admission import MayNotSend, Stranger
from apps.ingest.doors.door import MessageRefused
from apps.ingest.doors.otlp import Logs
from apps.ingest.grpc.admission import READ_ONLY, STRANGER, scope_of
from apps.ingest.grpc.backlog import LATER
from apps.ingest.grpc.room import room

EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


class LogsCall(Logs):
    """The method that takes log records. It is called by gRPC, not as an ASGI application."""

    name = "gRPC LogsService/Export"

    async def export(self, message: Message, context: Any, *, local: bool) -> bytes:
        """Store what can be stored, and return the answer, which says what could not."""
        caller = await self.admitted(scope_of(context, local=local))
        try:
            return self.accepted(message, await self.take(message, caller)).body
        except MessageRefused as refused:
            await self._keep(refused.refusals, message, caller)
            raise


class OtlpLogs(grpc.GenericRpcHandler):
    """The one method of the service: success is said after the commit."""

    def __init__(self, *, local: bool) -> None:
        self._local = local
        self._call = LogsCall()
        self._export = grpc.unary_unary_rpc_method_handler(self.export)

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        return self._export if details.method == EXPORT else None

    async def export(self, request: bytes, context: Any) -> bytes:
        try:
            with room.holding(len(request)):
                message = Message(request, PROTOBUF)
                return await self._call.export(message, context, local=self._local)
        except Stranger:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, STRANGER)
        except MayNotSend:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, READ_ONLY)
        except MessageRefused as refused:
            say = refused.refusals[0].sentence
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, say)
        except LATER as later:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(later) or AWAY)
        return b""
