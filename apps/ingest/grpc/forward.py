"""Between Flyte's propeller and its admin: every call goes to the admin and its answer comes back.

The workflow comes first. Calls of any service pass as bytes, of every kind of streaming, with
metadata, deadline, cancellation, status, details and trailers. Of the three methods that take
events we keep a copy when the admin has answered.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
from grpc import aio

from apps.accounts.access import LOCAL
from apps.events.recorder import recorder
from apps.ingest.adapters.message import cut
from apps.ingest.doors.admission import MayNotSend, Stranger, admit
from apps.ingest.doors.asgi import Scope
from apps.ingest.grpc.admission import scope_of
from apps.ingest.grpc.backlog import Backlog
from apps.ingest.grpc.flyte import CALLS, WARNING, FlyteCall
from apps.ingest.grpc.room import MEBIBYTE

CHANNEL = [
    # Bounds are for the admin to set.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Who calls us tries again by itself, and wants to know.
    ("grpc.enable_retries", 0),
    # An admin that was restarted is found again at once; gRPC's own patience grows to 2 minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
]
# Of one message from propeller: far above what an admin takes, and less than what would end us.
MOST_FORWARDED = 512 * MEBIBYTE

# gRPC says these for itself on each connection.
OURS = frozenset({"user-agent", "te", "content-type", "host"})

STORED = frozenset({grpc.StatusCode.OK, grpc.StatusCode.ALREADY_EXISTS})
# The event is sent again: nothing has been decided about it.
NO_ANSWER = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
CLOSE_WITHIN = 3.0


@dataclass(frozen=True)
class Seen:
    """An event that the admin has answered."""

    call: FlyteCall
    request: bytes
    sender: Scope
    warning: str | None = None

    @property
    def size(self) -> int:
        return len(self.request)


class Forward(grpc.GenericRpcHandler):
    """Passes every method on to an admin, and keeps what it has answered events with."""

    def __init__(self, admin: str) -> None:
        self._channel = channel_to(admin)
        self.backlog = Backlog[Seen](store, is_away=lambda: recorder().away)
        self._events = {path: self._event(path) for path in CALLS}

    async def close(self) -> None:
        await self.backlog.close(within=CLOSE_WITHIN)
        await self._channel.close()

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        return self._events.get(details.method) or self._any(details.method)

    def _any(self, method: str) -> Any:
        # On the wire a call of one message is a stream of one.
        forward = self._channel.stream_stream(method, None, None)

        async def passed(requests: AsyncIterator[bytes], context: Any) -> None:
            call = forward(**_as_called(context))
            sending = asyncio.create_task(_sent(requests, call))
            try:
                await context.send_initial_metadata(await call.initial_metadata())
                async for response in call:
                    await context.write(response)
            except aio.AioRpcError:
                pass  # it is the call's status, which is said below
            finally:
                sending.cancel()
                call.cancel()
            await answer(context, call)

        return grpc.stream_stream_rpc_method_handler(passed)

    def _event(self, path: str) -> Any:
        event = CALLS[path]
        forward = self._channel.unary_unary(path, None, None)

        async def seen(request: bytes, context: Any) -> bytes:
            call = forward(request, **_as_called(context))
            try:
                response: bytes = await call
            except aio.AioRpcError:
                response = b""
            await self._keep(event, request, context, call)
            await context.send_initial_metadata(await call.initial_metadata())
            await answer(context, call)
            return response

        return grpc.unary_unary_rpc_method_handler(seen)

    async def _keep(self, event: FlyteCall, request: bytes, context: Any, call: Any) -> None:
        status = await call.code()
        if status not in NO_ANSWER:
            warning = None if status in STORED else _warning(status, await call.details())
            await self.backlog.take(Seen(event, request, scope_of(context, local=False), warning))


async def _sent(requests: AsyncIterator[bytes], call: Any) -> None:
    """Send what comes, until the admin wants no more.

    `call.write` would end a call whose message the admin did not wait for as INTERNAL, in place of
    the status that is on its way; what it stands on leaves that to the admin's answer.
    """
    with suppress(aio.AioRpcError, asyncio.InvalidStateError, aio.InternalError):
        await call.wait_for_connection()
        async for request in requests:
            await call._cython_call.send_serialized_message(request)
        await call._cython_call.send_receive_close()


async def store(seen: Seen) -> None:
    """Store an event as its sender's: the admin has said who may send."""
    try:
        caller = await admit(seen.sender, seen.call.system)
    except (MayNotSend, Stranger):
        caller = LOCAL
    headers = {WARNING: seen.warning} if seen.warning else {}
    await seen.call.store(seen.call.message_of(seen.request, headers), caller)


async def answer(context: Any, call: Any) -> None:
    """End our call as the admin has ended its own."""
    context.set_trailing_metadata(await call.trailing_metadata())
    if (status := await call.code()) is not grpc.StatusCode.OK:
        context.set_code(status)
    context.set_details(await call.details() or "")


def channel_to(admin: str) -> Any:
    """Return a channel to `host:port`, or by TLS to `https://host:port`."""
    scheme, _, address = admin.rpartition("://")
    if scheme == "https":
        return aio.secure_channel(address, grpc.ssl_channel_credentials(), options=CHANNEL)
    return aio.insecure_channel(address, options=CHANNEL)


def _as_called(context: Any) -> dict[str, Any]:
    metadata = [(name, value) for name, value in context.invocation_metadata() if name not in OURS]
    return {"metadata": tuple(metadata), "timeout": context.time_remaining()}


def _warning(status: grpc.StatusCode, details: str | None) -> str:
    said = f": {cut(details, 200)}" if details else "."
    return f"Flyte's admin has answered this event {status.name}{said}"
