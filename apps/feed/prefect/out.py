"""The socket `/api/events/out`: what a filter asks for, from now on, in frames of Prefect's.

It first tells what occurred since the filter's beginning, oldest first, and then follows the log
from where that was read, each event as slowly as its reader takes it. Nothing is dropped, and no
other frame is sent: the client looks for an event in whatever it gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec
from channels.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone

from apps.accounts.access import AccessAway, Caller, caller_of, caller_of_scope
from apps.events import log
from apps.events.log import Expired, StartAgain, events_of
from apps.events.models import Event
from apps.events.position import Position
from apps.events.search import Cursor, QueryTimeout
from apps.events.walk import LISTED, Bound, Walk, match_of
from apps.feed.consumer import SessionStore
from apps.feed.prefect.bell import bell
from apps.feed.prefect.bodies import Invalid, read_value, value_of
from apps.feed.prefect.events import received_event, received_events
from apps.feed.prefect.filters import EventFilter, Occurred
from apps.feed.prefect.pages import OLDEST_FIRST, TOO_LONG, bounds_of, is_too_long
from apps.feed.prefect.times import Moment
from apps.query.terms import ReadTerms

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
T = TypeVar("T")

SUBPROTOCOL = "prefect"
AUTHENTICATED = '{"type":"auth_success"}'

# Codes of RFC 6455, section 7.4.1, and of IANA's registry.
PROTOCOL_ERROR = 1002
POLICY_VIOLATION = 1008
START_AGAIN = 1012
TRY_LATER = 1013
LONGEST_REASON = 123  # bytes, after the same RFC

# How far back a stream begins that does not say it.
BACKFILL = timedelta(minutes=15)
BACKFILL_SECONDS = 10.0
# So few that a reader who stands still holds little: an event may have megabytes.
PAGE = 100
MOST_READERS = 200
RETRY_SECONDS = 1.0
PERMIT_SECONDS = 120.0
# How long a client may take to say who it is, and then what it wants.
SILENCE_SECONDS = 60.0

# Threads of its own: streams that catch up wait for each other, not every page.
THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="out")


class Closing(Exception):
    """The socket is closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Left(Exception):
    """The client is gone."""


class Wish(msgspec.Struct):
    """The frame that says what to tell."""

    filter: EventFilter
    backfill: bool = True


class Batch(NamedTuple):
    """What was read at once: frames, where to go on, and whether there is more already."""

    frames: list[str]
    after: Any
    more: bool


async def stream_out(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one socket, as an ASGI application."""
    try:
        await receive()  # websocket.connect
        may_read = await _welcome(scope, receive, send)
        wish = read_wish(await _frame(receive))
        await _serve(wish, may_read, receive, send)
    except Left:
        return
    except Closing as closing:
        reason = str(closing).encode()[:LONGEST_REASON].decode(errors="ignore")
        await send({"type": "websocket.close", "code": closing.code, "reason": reason})


# Who is asking


MayRead = Callable[[], Awaitable[bool]]


async def _welcome(scope: Scope, receive: Receive, send: Send) -> MayRead:
    """Accept whoever may read; who offers no subprotocol says no more of itself."""
    if SUBPROTOCOL not in scope["subprotocols"]:
        may_read = permission(scope, token=None)
        await _admit(may_read, token=None)
        await _accept(send, subprotocol=None)
        return may_read
    await _accept(send, subprotocol=SUBPROTOCOL)
    token = _token_in(await _frame(receive))
    may_read = permission(scope, token)
    await _admit(may_read, token)
    await send({"type": "websocket.send", "text": AUTHENTICATED})
    return may_read


async def _accept(send: Send, *, subprotocol: str | None) -> None:
    # A patient one of our server (see eventfeed/server.py) keeps as slow a reader as there is.
    accept = {"type": "websocket.accept", "subprotocol": subprotocol, "patient": True}
    await send({**accept, "headers": []})


def permission(scope: Scope, token: str | None) -> MayRead:
    """Return how to ask, now and later, whether this one may read."""

    async def may_read() -> bool:
        caller = await _caller(scope, token)
        return caller is not None and "read" in caller.scopes

    return may_read


async def _caller(scope: Scope, token: str | None) -> Caller | None:
    if token is not None:
        return await caller_of(token=token, local=bool(scope.get("eventfeed.local")))
    return await caller_of_scope({**scope, "user": await _user(scope)})


async def _user(scope: Scope) -> Any:
    """Find out anew who is signed in: the scope keeps the user it began with."""
    if not (session := scope.get("session")):
        return AnonymousUser()
    return await get_user({**scope, "session": SessionStore(session.session_key)})


async def _admit(may_read: MayRead, token: str | None) -> None:
    if not await _patiently(may_read):
        say = "Invalid token" if token else "Auth required but no token provided"
        raise Closing(POLICY_VIOLATION, say)


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is a database to answer: a client that is sent away comes back ten times."""
    while True:
        try:
            return await ask()
        except (AccessAway, OperationalError, InterfaceError):
            await asyncio.sleep(RETRY_SECONDS)


# What is asked


async def _frame(receive: Receive) -> bytes:
    """Return the next frame; raises Left, and Closing when none comes."""
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            message = await receive()
    except TimeoutError:
        raise Closing(POLICY_VIOLATION, "Nothing was said for a minute") from None
    if message["type"] != "websocket.receive":
        raise Left
    return message.get("bytes") or (message.get("text") or "").encode()


def _token_in(frame: bytes) -> str | None:
    """Return the token of the auth frame, None when it has none; raises Closing."""
    try:
        told = value_of(frame)
        if told["type"] == "auth":
            token = told.get("token")
            return None if token is None else str(token)
    except (Invalid, TypeError, KeyError, AttributeError):
        pass
    raise Closing(POLICY_VIOLATION, "Expected 'auth' message")


def read_wish(frame: bytes) -> Wish:
    """Read the filter frame; raises Closing."""
    try:
        told = value_of(frame)
        if not isinstance(told, dict) or told.get("type") != "filter":
            raise Closing(PROTOCOL_ERROR, "Expected 'filter' message")
        return read_value(told, Wish)
    except Invalid as invalid:
        where = ".".join(map(str, invalid.detail[0]["loc"][1:]))
        raise Closing(PROTOCOL_ERROR, f"Invalid filter: {where}: {invalid}") from None


# What is told


async def _serve(wish: Wish, may_read: MayRead, receive: Receive, send: Send) -> None:
    """Tell until the client leaves, or may read no more; raises Closing."""
    if len(bell) >= MOST_READERS:
        raise Closing(TRY_LATER, f"{MOST_READERS} streams are read here already")
    tasks = {
        asyncio.create_task(_tell(Stream(wish), send)),
        asyncio.create_task(_until_gone(receive)),
        asyncio.create_task(_while_permitted(may_read)),
    }
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _tell(stream: Stream, send: Send) -> None:
    try:
        async with aclosing(stream.frames()) as frames:
            async for frame in frames:
                # Waits while the reader takes nothing; what comes meanwhile stays in the log.
                await send({"type": "websocket.send", "text": frame})
    except StartAgain:
        # The client connects anew, and says since when.
        raise Closing(START_AGAIN, "The log has begun anew") from None
    except QueryTimeout as error:
        raise Closing(TRY_LATER, str(error)) from None


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass  # what is said after the filter changes nothing


async def _while_permitted(may_read: MayRead) -> None:
    while True:
        await asyncio.sleep(PERMIT_SECONDS)
        if not await _patiently(may_read):
            raise Closing(POLICY_VIOLATION, "This token may read no more")


class Stream:
    """The events of one filter: what lies back, and then the log."""

    def __init__(self, wish: Wish) -> None:
        self.filter = wish.filter
        self.wants_past = wish.backfill
        self.query = wish.filter.query()

    async def frames(self) -> AsyncGenerator[str, None]:
        """Yield frames without end; raises StartAgain, QueryTimeout."""
        async with bell.heard() as rung:
            start = await _in_thread(log.head_sync)
            if self.wants_past:
                async for frame in self.before(start):
                    yield frame
            async for frame in self.behind(start, rung):
                yield frame

    async def before(self, start: Position) -> AsyncGenerator[str, None]:
        """Yield what has occurred since the beginning and lies before this place in the log."""
        since = self.filter.since or timezone.now() - BACKFILL
        batch = Batch([], None, more=True)
        while batch.more:
            batch = await _in_thread(self.read_past, since, start, batch.after)
            for frame in batch.frames:
                yield frame

    async def behind(self, place: Position, rung: asyncio.Event) -> AsyncGenerator[str, None]:
        """Yield what comes behind this place in the log."""
        while True:
            rung.clear()
            batch = await _in_thread(self.read_on, place)
            for frame in batch.frames:
                yield frame
            place = batch.after
            if not batch.more:
                await rung.wait()

    def read_past(self, since: datetime, start: Position, after: Cursor | None) -> Batch:
        until = self.filter.until
        occurred = Occurred(Moment(since), Moment(until) if until else None)
        within = [
            *bounds_of(EventFilter(occurred=occurred)),
            Bound("tx < %s", [start.tx]),
            *([OLDEST_FIRST.behind(after)] if after else ()),
        ]
        walk = Walk(OLDEST_FIRST, within, match_of(self.query), PAGE)
        done = walk.fill(BACKFILL_SECONDS)
        frames = [frame_of(told) for told in received_events(events_of(walk.rows, LISTED))]
        if len(walk.rows) == PAGE:
            return Batch(frames, Cursor(*walk.key_of(walk.rows[-1])), more=True)
        return Batch(frames, walk.reached and Cursor(*walk.reached), more=not done)

    def read_on(self, place: Position) -> Batch:
        """Read the next of the log; what retention has taken is passed over."""
        try:
            events = log.read_sync(place, PAGE, payload=True)
        except Expired as expired:
            return Batch([], expired.floor, more=True)
        frames = [
            frame_of(received_event(event, event.payload))
            for event in events
            if self.asks_for(event)
        ]
        return Batch(frames, events[-1].position if events else place, len(events) == PAGE)

    def asks_for(self, event: Event) -> bool:
        since, until = self.filter.since, self.filter.until
        if since and event.occurred < since:
            return False
        if until and event.occurred > until:
            return False
        return self.query is None or self.query.matches(event, ReadTerms(event.terms))


def frame_of(told: dict[str, Any]) -> str:
    return msgspec.json.encode({"type": "event", "event": told}).decode()


async def _in_thread(read: Callable[..., T], *arguments: Any) -> T:
    """Read in a thread of ours; while the database is away, again and again."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return await loop.run_in_executor(THREADS, _and_close, read, *arguments)
        except (OperationalError, InterfaceError) as error:
            if is_too_long(error):
                raise Closing(PROTOCOL_ERROR, f"Invalid filter: {TOO_LONG}") from None
            await asyncio.sleep(RETRY_SECONDS)


def _and_close(read: Callable[..., T], *arguments: Any) -> T:
    try:
        return read(*arguments)
    finally:
        connection.close()
