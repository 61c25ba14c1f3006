"""The socket `/api/events/in`: one event a frame, acknowledged by the pong or close behind it.

Prefect's client believes an event delivered once a ping sent after it is answered, or the close. So
both come here in order among the frames (see eventfeed/server.py) and are answered after the
commit of what stood before them. While one commit runs, the next events gather, up to a bound.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from apps.accounts.access import AccessAway, Caller
from apps.events.recorder import DatabaseAway, recorder
from apps.events.row import Refused, Row, rows_of
from apps.ingest.adapters.message import Unreadable
from apps.ingest.adapters.prefect.adapter import draft_of
from apps.ingest.adapters.prefect.reading import read
from apps.ingest.doors.admission import MayNotSend, Stranger, admit, source_of
from apps.ingest.doors.asgi import Message, Receive, Scope, Send
from apps.ingest.doors.prefect_post import PrefectPost
from apps.ingest.doors.refusals import Refusal, keep, refusal_by_database, refusals_in
from apps.ingest.masking import masked, rules_of

DOORWAY = "WS /api/events/in"
SUBPROTOCOL = "prefect"
POLICY_VIOLATION = 1008
MOST_WAITING = 500
MOST_WAITING_BYTES = 8 * 1024 * 1024
ASK_AGAIN_SECONDS = 1.0

T = TypeVar("T")


async def events_in(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()  # websocket.connect
    try:
        caller = await _welcome(scope, receive, send)
    except TurnedAway as turned:
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": str(turned)})
    except Left:
        return
    else:
        await Stream(caller, receive, send).run()


class TurnedAway(Exception):
    """The socket is closed with this as its reason."""


class Left(Exception):
    """The client is gone before it has said who it is."""


async def _welcome(scope: Scope, receive: Receive, send: Send) -> Caller:
    """Accept whoever may send; SDKs before 3.6.14 offer no subprotocol and say no more."""
    if SUBPROTOCOL not in scope["subprotocols"]:
        caller = await _admitted(scope, token=None)
        await _accept(send, subprotocol=None)
        return caller
    await _accept(send, subprotocol=SUBPROTOCOL)
    caller = await _admitted(scope, await _said_token(receive, send))
    await send({"type": "websocket.send", "text": '{"type":"auth_success"}'})
    return caller


async def _accept(send: Send, *, subprotocol: str | None) -> None:
    await send(
        {
            "type": "websocket.accept",
            "subprotocol": subprotocol,
            "headers": [],
            "acknowledge": True,
        }
    )


async def _admitted(scope: Scope, token: str | None) -> Caller:
    try:
        return await _patiently(lambda: admit(scope, PrefectPost.system, token))
    except Stranger:
        raise TurnedAway(
            "Invalid token" if token else "Auth required but no token provided"
        ) from None
    except MayNotSend:
        raise TurnedAway("This token may not send events") from None


async def _said_token(receive: Receive, send: Send) -> str | None:
    """Return the token of the auth frame, which comes first, or None when it has none."""
    message = await receive()
    while message["type"] != "websocket.receive":
        if not await _acknowledge(message, send):
            raise Left
        message = await receive()
    try:
        auth = msgspec.json.decode(_payload(message), type=Auth)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise TurnedAway("Expected 'auth' message") from None
    return auth.token


class Auth(msgspec.Struct, tag="auth"):
    token: str | None = None


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is a database to answer: a client that is sent away comes back ten times."""
    while True:
        try:
            return await ask()
        except (AccessAway, DatabaseAway):
            await asyncio.sleep(ASK_AGAIN_SECONDS)


def _payload(message: Message) -> bytes:
    return message.get("bytes") or (message.get("text") or "").encode()


async def _acknowledge(mark: Message, send: Send) -> bool:
    """Answer a ping or the close; False when nothing more can come."""
    match mark["type"]:
        case "eventfeed.ping":
            await send({"type": "eventfeed.pong", "data": mark["data"]})
            return True
        case "eventfeed.closing":
            await send({"type": "websocket.close", "code": mark["code"], "reason": None})
    return False


@dataclass(frozen=True)
class Told:
    row: Row
    raw: bytes


# What came through the socket, in order: an event, what is wrong with one, or a mark to answer.
Item = Told | Refusal | Message


class Stream:
    """One sender's events: read ahead and prepared by one task, stored by another, acknowledged."""

    def __init__(self, caller: Caller, receive: Receive, send: Send) -> None:
        self.caller = caller
        self.receive = receive
        self.send = send
        self.waiting: list[Item] = []
        self.waiting_bytes = 0
        self.has_some = asyncio.Event()
        self.has_room = asyncio.Event()

    async def run(self) -> None:
        self.source_id = await self._source()
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read_ahead())
            await self._store_until_the_end()
            reading.cancel()

    async def _source(self) -> int:
        return await _patiently(
            lambda: source_of(self.caller, PrefectPost.source, PrefectPost.system)
        )

    async def _read_ahead(self) -> None:
        message: Message = {"type": "websocket.connect"}
        while message["type"] != "websocket.disconnect":
            message = await self.receive()
            size = 0
            if message["type"] == "websocket.receive":
                raw = _payload(message)
                size = len(raw)
                self.waiting += _items_in(raw, source_id=self.source_id)
            else:
                self.waiting.append(message)
            self.waiting_bytes += size
            self.has_some.set()
            await self._room()

    async def _room(self) -> None:
        # Others have their turn after each event, the writer above all.
        await asyncio.sleep(0)
        while len(self.waiting) >= MOST_WAITING or self.waiting_bytes >= MOST_WAITING_BYTES:
            self.has_room.clear()
            await self.has_room.wait()

    async def _store_until_the_end(self) -> None:
        try:
            while await self._settle(await self._what_waits()):
                pass
        except DatabaseAway:
            # Raised to the patient only when this server ends: what is unacknowledged comes again.
            return

    async def _what_waits(self) -> list[Item]:
        await self.has_some.wait()
        self.source_id = await self._source()
        items, self.waiting, self.waiting_bytes = self.waiting, [], 0
        self.has_some.clear()
        self.has_room.set()
        return items

    async def _settle(self, items: Sequence[Item]) -> bool:
        """Store items and answer the marks among them; False after the last."""
        events: list[Told] = []
        refusals: list[Refusal] = []
        for item in items:
            if isinstance(item, Told):
                events.append(item)
            elif isinstance(item, Refusal):
                refusals.append(item)
            else:
                await self._store(events, refusals)
                events, refusals = [], []
                if not await _acknowledge(item, self.send):
                    return False
        await self._store(events, refusals)
        return True

    async def _store(self, events: Sequence[Told], refusals: Sequence[Refusal]) -> None:
        refusals = [*refusals, *(await self._record(events) if events else ())]
        if refusals:
            await _patiently(
                lambda: keep(
                    refusals,
                    source_id=self.source_id,
                    doorway=DOORWAY,
                    system=PrefectPost.system,
                )
            )

    async def _record(self, events: Sequence[Told]) -> list[Refusal]:
        """Record events; what PostgreSQL refuses is found by halves, and returned."""
        try:
            await recorder().record_waiting([told.row for told in events], source_id=self.source_id)
        except Refused as refused:
            if len(events) == 1:
                return [refusal_by_database(refused, events[0].raw)]
            middle = len(events) // 2
            return await self._record(events[:middle]) + await self._record(events[middle:])
        return []


def _items_in(raw: bytes, *, source_id: int) -> list[Item]:
    reading = read(raw)
    if isinstance(reading, Unreadable):
        return [*refusals_in(reading, raw)]
    try:
        draft = masked(draft_of(reading), rules_of(source_id), told=raw)
        (row,) = rows_of([draft], source_id=source_id)
    except Refused as refused:
        return [refusal_by_database(refused, raw)]
    return [Told(row, raw)]
