"""The live socket `/ws/feed`: reads what a viewer wishes, sends it the hub's frames."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from importlib import import_module

import msgspec
from channels.auth import get_user
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from apps.accounts.access import AccessAway, caller_of_scope
from apps.events.position import BadPosition
from apps.feed import frames
from apps.feed.columns import BadColumn
from apps.feed.hub import MOST_VIEWERS, Full, hub
from apps.feed.moments import BadMoment
from apps.feed.subscription import ModeChange, Sub
from apps.feed.viewer import Viewer
from apps.query import QueryError

logger = logging.getLogger(__name__)

# Private codes begin at 4000 (RFC 6455 §7.4.2).
NOT_ALLOWED = 4401
TRY_LATER = 1013
BROKEN = 1011

PERMIT_SECONDS = 120
LONGEST_FRAME = 64_000

STRANGER = "You may not see the feed. Sign in, or send a token with the scope “read”."
WISHES = "Say what to follow, {“t”: “sub”, “q”: “…”}, or {“t”: “mode”, “mode”: “rows”}"

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore
decoder = msgspec.json.Decoder(Sub | ModeChange)


class FeedConsumer(AsyncWebsocketConsumer):
    """One viewer's socket; it follows one query at a time."""

    viewer: Viewer | None = None
    following: asyncio.Task[None] | None = None
    permit: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # Accepted first: a browser is shown the code of a close, never of a refused handshake.
        await self.accept()
        try:
            if await self.may_read():
                self.permit = asyncio.create_task(self.keep_permitted())
            else:
                await self.refuse(NOT_ALLOWED, "permission", STRANGER)
        except AccessAway:
            await self.refuse(TRY_LATER, "database", "The database is away. Try again in a moment.")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.permit is None:
            return
        try:
            match read(text_data or bytes_data or ""):
                case Sub() as sub:
                    await self.follow(Viewer(sub.read(timezone.now())))
                case ModeChange(mode=mode) if self.viewer:
                    self.viewer.show(mode)
        except QueryError as error:
            await self.send(frames.error("query", error.say, start=error.start, end=error.end))
        except BadPosition as error:
            await self.send(frames.error("start-again", str(error)))
        except (BadMoment, BadColumn) as error:
            await self.send(frames.error("frame", str(error)))
        except msgspec.MsgspecError as error:
            await self.send(frames.error("frame", f"{WISHES}: {error}"))

    async def disconnect(self, code: int) -> None:
        await self.leave()
        if self.permit:
            self.permit.cancel()

    async def may_read(self) -> bool:
        caller = await caller_of_scope(self.scope)
        return caller is not None and "read" in caller.scopes

    async def keep_permitted(self) -> None:
        """Look again every few minutes whether the viewer may still read."""
        while True:
            await asyncio.sleep(PERMIT_SECONDS)
            # While the database is away nobody can be signed out either.
            with suppress(AccessAway, OperationalError, InterfaceError):
                await self.look_up_user()
                if not await self.may_read():
                    await self.leave()
                    await self.refuse(NOT_ALLOWED, "permission", STRANGER)
                    return

    async def look_up_user(self) -> None:
        """Find out anew who is signed in: the scope keeps session, user and permissions."""
        if session := self.scope.get("session"):
            now = {**self.scope, "session": SessionStore(session.session_key)}
            self.scope["user"] = await get_user(now)

    async def refuse(self, code: int, reason: str, say: str) -> None:
        await self.send(frames.error(reason, say))
        await self.close(code, say)

    async def follow(self, viewer: Viewer) -> None:
        """Follow this from now on, and what was followed before no more."""
        await self.leave()
        self.viewer = viewer
        self.following = asyncio.create_task(self.tell(viewer))

    async def leave(self) -> None:
        if self.following:
            self.following.cancel()
            with suppress(asyncio.CancelledError):
                await self.following
            self.following = self.viewer = None

    async def tell(self, viewer: Viewer) -> None:
        try:
            async with aclosing(hub().watch(viewer)) as told:
                async for frame in told:
                    # Waits while the viewer takes nothing; the hub names what it misses so.
                    await self.send(frame)
        except Full:
            full = f"{MOST_VIEWERS} viewers are looking through this process already."
            await self.refuse(TRY_LATER, "full", f"{full} Try again in a moment.")
        except Exception:
            logger.exception("A viewer of %r was left.", viewer.subscription.query.canonical)
            await self.close(BROKEN)


def read(frame: str | bytes) -> Sub | ModeChange:
    if len(frame) > LONGEST_FRAME:
        raise msgspec.ValidationError(f"a frame ends at {LONGEST_FRAME:,} characters")
    return decoder.decode(frame)
