"""The in-memory follower of a web process: reads the log once, whoever is looking.

Each distinct question is answered once an event, each row drawn once, and nothing is read while
nobody is looking. What a viewer missed before it came, it is told from the database.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import psycopg
from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone
from psycopg import AsyncConnection

from apps.events import log
from apps.events.counters import gauges
from apps.events.log import Expired, StartAgain, Wakeups
from apps.events.models import Event
from apps.events.position import Position
from apps.feed import frames
from apps.feed.frames import Row
from apps.feed.known import SourceNames, know_chains
from apps.feed.missed import look_up
from apps.feed.viewer import BEAT_SECONDS, FRAME_SECONDS, Viewer
from apps.query import Query
from apps.query.terms import ReadTerms

logger = logging.getLogger(__name__)

PAGE = 500
PAUSE_SECONDS = 0.05
# Longer than wake-ups are apart: when none come, reading itself says what the matter is.
SILENCE_SECONDS = 2.5
RETRY_SECONDS = 0.5
LEAVE_SECONDS = 1.0
# So few at a time that nothing else in the loop waits long.
HANDFUL = 50
MOST_VIEWERS = 500

AWAY = frames.error("database", "The database is away. The feed goes on by itself when it is back.")
BROKEN = frames.error("database", "The feed cannot be read just now. It tries again by itself.")
START_AGAIN = frames.error("start-again", "The log has begun anew; this page shows an old one.")


class Full(Exception):
    """This process has all the viewers it may have."""


class Arrival:
    """A new event, and what is made of it at most once."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.terms = ReadTerms(event.terms)

    @cached_property
    def row(self) -> Row:
        return Row(self.event, self.event.source_name)


@dataclass
class Audience:
    """The viewers of one query."""

    query: Query
    viewers: set[Viewer] = field(default_factory=set)

    def hears_of(self, arrival: Arrival) -> bool:
        return self.query.matches(arrival.event, arrival.terms)


class Hub:
    """Reads while it has viewers, from `position`; hands each what it asked for."""

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self.audiences: dict[str, Audience] = {}
        self.position: Position | None = None
        self.sources = SourceNames()
        self.trouble: str | None = None
        self.reading: asyncio.Task[None] | None = None
        self.handing_out = asyncio.Lock()
        """Held while events are handed out, and while a viewer comes in who must miss none."""

    # A viewer's life

    async def watch(self, viewer: Viewer) -> AsyncGenerator[str, None]:
        """Yield the frames of a viewer until it is over; raises Full."""
        if not viewer.subscription.is_live(timezone.now()):
            yield frames.ok(viewer.subscription.query.canonical, None, live=False)
            return
        self.welcome(viewer)
        try:
            async with aclosing(self.story(viewer)) as story:
                async for frame in story:
                    yield frame
        finally:
            self.part_from(viewer)
            await self.rest()

    async def story(self, viewer: Viewer) -> AsyncGenerator[str, None]:
        async for frame in self.until_reading(viewer):
            yield frame
        async with self.handing_out:
            await know_chains(viewer.subscription.query)
            position = self.take_in(viewer)
        yield frames.ok(viewer.subscription.query.canonical, viewer.told, live=True)
        try:
            async for frame in self.what_was_missed(viewer, position):
                yield frame
        except StartAgain:
            yield START_AGAIN
            return
        async with aclosing(viewer.frames()) as told:
            async for frame in told:
                yield frame

    def welcome(self, viewer: Viewer) -> None:
        if len(self.viewers) >= MOST_VIEWERS:
            raise Full
        self.viewers.add(viewer)
        if self.trouble:
            viewer.warn(self.trouble)
        if self.reading is None:
            self.handing_out = asyncio.Lock()
            self.reading = asyncio.create_task(self.follow())

    def part_from(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)
        canonical = viewer.subscription.query.canonical
        if audience := self.audiences.get(canonical):
            audience.viewers.discard(viewer)
            if not audience.viewers:
                del self.audiences[canonical]

    async def rest(self) -> None:
        """Stop reading when nobody is left."""
        if self.viewers or self.reading is None:
            return
        reading, self.reading = self.reading, None
        self.position, self.trouble = None, None
        reading.cancel()
        # Not until it has ended: psycopg waits for a database that stands still to cancel.
        await asyncio.wait({reading}, timeout=LEAVE_SECONDS)

    async def until_reading(self, viewer: Viewer) -> AsyncGenerator[str, None]:
        """Wait until the hub knows where it reads; tell meanwhile of what keeps it."""
        while self.position is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await viewer.news.wait()
            viewer.news.clear()
            if viewer.trouble:
                yield viewer.trouble

    def take_in(self, viewer: Viewer) -> Position:
        """Hand the viewer everything above the position, which is returned, from now on."""
        assert self.position is not None
        asked = viewer.subscription
        viewer.start(told=asked.after or self.position, read=self.position)
        audience = self.audiences.setdefault(asked.query.canonical, Audience(asked.query))
        audience.viewers.add(viewer)
        return self.position

    async def what_was_missed(
        self, viewer: Viewer, position: Position
    ) -> AsyncGenerator[str, None]:
        """Tell what came between the viewer's place and the hub's; raises StartAgain."""
        if viewer.subscription.after is None:
            return
        missing = None
        while missing is None:
            looking = asyncio.ensure_future(look_up(viewer.subscription, viewer.told, position))
            try:
                while not (await asyncio.wait({looking}, timeout=log.LONGEST))[0]:
                    yield AWAY
                missing = looking.result()
            except (OperationalError, InterfaceError):
                yield AWAY
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                looking.cancel()
        for frame in viewer.catch_up(missing):
            yield frame
            await asyncio.sleep(FRAME_SECONDS)

    # Reading

    async def follow(self) -> None:
        """Read the log as long as there are viewers, whatever happens to the database."""
        wake = asyncio.Event()
        listening = asyncio.create_task(listen(wake))
        try:
            while True:
                await self.follow_until_trouble(wake)
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def follow_until_trouble(self, wake: asyncio.Event) -> None:
        try:
            async with await log.connect() as connection:
                await self.find_position(connection)
                while True:
                    await self.read_up(connection)
                    await asyncio.sleep(PAUSE_SECONDS)
                    await woken(wake)
        except (psycopg.OperationalError, psycopg.InterfaceError, OSError):
            self.warn(AWAY)
        except StartAgain:
            self.stop(START_AGAIN)
        except Expired as expired:
            self.stop(frames.error("expired", str(expired)))
        except Exception:
            logger.exception("The hub could not go on reading at %s.", self.position)
            self.warn(BROKEN)

    async def find_position(self, connection: AsyncConnection[Any]) -> None:
        if self.position is None:
            self.position = await log.head(connection)
            for viewer in self.viewers:
                viewer.news.set()

    async def read_up(self, connection: AsyncConnection[Any]) -> None:
        """Hand out everything that is final now."""
        assert self.position is not None
        while events := await self.read_on(connection):
            await self.sources.learn(events, connection)
            for some in handfuls(events):
                async with self.handing_out:
                    if self.reads_payload and "payload" not in some[0].__dict__:
                        # Who looks into payloads has come since: the rest is read again, with them.
                        break
                    self.hand_out(some)
                await asyncio.sleep(0)
            await asyncio.sleep(PAUSE_SECONDS)
        self.warn(None)

    async def read_on(self, connection: AsyncConnection[Any]) -> list[Event]:
        assert self.position is not None
        return await log.read(connection, self.position, PAGE, payload=self.reads_payload)

    @property
    def reads_payload(self) -> bool:
        return any(viewer.subscription.reads_payload for viewer in self.viewers)

    def hand_out(self, events: Sequence[Event]) -> None:
        arrivals = [Arrival(event) for event in events]
        self.position = events[-1].position
        for audience in self.audiences.values():
            rows = [arrival.row for arrival in arrivals if audience.hears_of(arrival)]
            for viewer in audience.viewers:
                viewer.offer(rows, self.position)

    def warn(self, trouble: str | None) -> None:
        if trouble == self.trouble:
            return
        self.trouble = trouble
        for viewer in self.viewers:
            viewer.warn(trouble)

    def stop(self, frame: str) -> None:
        """End what all viewers follow; the next to come finds the position anew."""
        self.position = None
        self.audiences.clear()
        for viewer in self.viewers:
            viewer.stop(frame)


async def listen(wake: asyncio.Event) -> None:
    async with Wakeups() as wakeups:
        async for _ in wakeups:
            wake.set()


async def woken(wake: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(SILENCE_SECONDS):
            await wake.wait()
    wake.clear()


def handfuls(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), HANDFUL):
        yield events[start : start + HANDFUL]


@cache
def hub() -> Hub:
    """Return the hub of this process."""
    return Hub()


gauges["viewers"] = lambda: len(hub().viewers)
