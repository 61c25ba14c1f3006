"""Follow the feed in a terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from channels.db import database_sync_to_async
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError
from psycopg import AsyncConnection

from apps.events import log
from apps.events.absence import one_line
from apps.events.log import Expired, StartAgain, Wakeups
from apps.events.models import Event
from apps.events.position import Position
from apps.events.search import Cursor, QueryTimeout, search
from apps.events.words import words
from apps.feed.known import SourceNames, know_chains
from apps.feed.told import told_in_full
from apps.feed.typed import add_query, read_query, read_time
from apps.query import Query, display_name
from apps.query.outcomes import Outcome
from apps.query.terms import ReadTerms

LINES = 20
MOST_LINES = 10_000
BATCH = 500

QUIET = "90"
LOOKS = {
    Outcome.FAILED: ("✕", "31"),
    Outcome.COMPLETED: ("✓", "32"),
    Outcome.RUNNING: ("▶", "34"),
    Outcome.WAITING: ("◷", "33"),
    Outcome.INFORMATION: ("•", QUIET),
}


class Command(BaseCommand):
    help = "Print events as they arrive: all, or those that a query matches."

    def add_arguments(self, parser: CommandParser) -> None:
        add_query(parser)
        parser.add_argument("--json", action="store_true", help="One JSON object a line.")
        parser.add_argument("-n", type=int, help=f"First print the last so many ({LINES}).")
        parser.add_argument("--since", metavar="TIME", help="First print all since: now-1h or ISO.")

    def handle(self, *, query: list[str], json: bool, **options: Any) -> None:
        tail = Tail(
            query=read_query(query),
            write=as_json if json else Lines(coloured=is_coloured(options)),
            out=self.print,
            say=self.stderr.write,
        )
        try:
            start = tail.print_last(**first_lines(options["n"], options["since"]))
            asyncio.run(tail.follow(start))
        except KeyboardInterrupt:
            return
        except BrokenPipeError:
            # Whoever read our lines has had enough; the flush at exit must not fail.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def print(self, text: str) -> None:
        self.stdout.write(text)
        # Into a pipe as well, each event is seen when it comes.
        self.stdout.flush()


@dataclass
class Tail:
    """Prints what the log has and then what it gets, each event once and none left out."""

    query: Query
    write: Callable[[Sequence[Event]], list[str]]
    out: Callable[[str], Any]
    say: Callable[[str], Any]
    old: set[tuple[int, int]] = field(default_factory=set)
    sources: SourceNames = field(default_factory=SourceNames)
    conn: AsyncConnection[Any] | None = None
    away: bool = False

    def print_last(self, *, limit: int, since: datetime | None) -> Position:
        """Print the newest events, oldest first; return where to follow from."""
        try:
            start = log.head_sync()
            # Committed, but not final yet: it comes again when we follow, and is no news then.
            self.old = set(Event.objects.filter(tx__gte=start.tx).values_list("tx", "seq"))
            events = self.last(limit, since) if limit else []
            self.print(events[::-1])
        except QueryTimeout as slow:
            raise CommandError(str(slow)) from slow
        except (OperationalError, InterfaceError) as away:
            raise CommandError(f"The database is away: {one_line(away)}") from away
        self.old |= {(event.tx, event.seq) for event in events}
        return start

    def last(self, limit: int, since: datetime | None) -> list[Event]:
        page = search(self.query, since=since, limit=min(limit, BATCH))
        events = page.events
        while isinstance(page.next, Cursor) and not page.searched_to and len(events) < limit:
            size = min(limit - len(events), BATCH)
            page = search(self.query, since=since, after=page.next, limit=size)
            events += page.events
        if page.searched_to:
            self.say(f"Searched back to {page.searched_to:%Y-%m-%d %H:%M} UTC.")
        return events

    async def follow(self, after: Position) -> None:
        """Print what comes after the position, without end."""
        await know_chains(self.query)
        async with Wakeups(self.miss) as wakeups:
            async for _ in wakeups:
                after = await self.catch_up(after)

    async def catch_up(self, after: Position) -> Position:
        """Print what has come since; return how far that was."""
        try:
            while events := await self.read(after):
                wanted = [event for event in events if self.is_wanted(event)]
                await database_sync_to_async(self.print)(wanted)
                after = events[-1].position
        except (psycopg.OperationalError, OperationalError, InterfaceError) as error:
            self.miss(error)
            await self.leave()
        except Expired as gone:
            self.say(str(gone))
            return gone.floor
        except StartAgain:
            self.say("The log has been restored from elsewhere: going on from its end.")
            return await log.head(await self.connected())
        return after

    async def read(self, after: Position) -> list[Event]:
        connection = await self.connected()
        payload = self.query.reads_payload
        events = await log.read(connection, after, BATCH, payload=payload)
        await self.sources.learn(events, connection)
        if self.away:
            self.away = False
            self.say("The database is back.")
        return events

    async def connected(self) -> AsyncConnection[Any]:
        if self.conn is None:
            self.conn = await log.connect()
        return self.conn

    async def leave(self) -> None:
        if self.conn:
            await self.conn.close()
            self.conn = None

    def miss(self, _: Exception) -> None:
        """Say once that the database is away, whoever notices first."""
        if not self.away:
            self.away = True
            self.say("The database is away: waiting.")

    def is_wanted(self, event: Event) -> bool:
        if (event.tx, event.seq) in self.old:
            return False
        return self.query.matches(event, ReadTerms(event.terms))

    def print(self, events: Sequence[Event]) -> None:
        if events:
            self.out("\n".join(self.write(events)))


@dataclass(frozen=True)
class Lines:
    """How events look in a terminal, times in UTC."""

    coloured: bool

    def __call__(self, events: Sequence[Event]) -> list[str]:
        return [self.line(event) for event in events]

    def line(self, event: Event) -> str:
        said = words(event.event, event.resource)
        mark, colour = LOOKS[Outcome(event.outcome)]
        parts = [
            self.paint(f"{event.occurred.astimezone(UTC):%m-%d %H:%M:%S}", QUIET),
            self.paint(f"{mark} {said.text}", colour),
            self.paint(said.kind, QUIET),
            plain(display_name(event.resource)),
            self.paint(event.event, QUIET),
            plain(event.message or ""),
        ]
        return "  ".join(part for part in parts if part)

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{plain(text)}\x1b[0m" if self.coloured else plain(text)


def plain(text: str) -> str:
    """Leave nothing in a sender's text that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def as_json(events: Sequence[Event]) -> list[str]:
    return [msgspec.json.encode(event).decode() for event in told_in_full(events)]


def first_lines(lines: int | None, since: str | None) -> dict[str, Any]:
    """Say what to print first: the last lines, or all since a time."""
    start = read_time(since)
    if lines is not None and lines < 0:
        raise CommandError(f"There are no {lines} lines; write -n with 0 or more.")
    usual = MOST_LINES if start else LINES
    return {"limit": min(usual if lines is None else lines, MOST_LINES), "since": start}


def is_coloured(options: dict[str, Any]) -> bool:
    if options["force_color"]:
        return True
    # https://no-color.org
    return sys.stdout.isatty() and not options["no_color"] and not os.environ.get("NO_COLOR")
