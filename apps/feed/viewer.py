"""One viewer of the live feed: what waits for it, what it missed, and when it is told."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress

from apps.events.counters import counters
from apps.events.position import Position
from apps.feed import frames
from apps.feed.frames import Missed, Row, Tally
from apps.feed.missed import Missing
from apps.feed.subscription import Format, Mode, Subscription

FRAME_SECONDS = 0.1
COUNTS_SECONDS = 1.0
BEAT_SECONDS = 5.0

# What may wait for one viewer. Twice a page of the hub, so that only who does not take is behind.
MOST_ROWS = 1_000
MOST_CHARACTERS = 1_000_000

# A person reads no more, and a browser draws no more without stutter.
ROWS_A_SECOND = 50
ROWS_A_FRAME = 100


class Allowance:
    """How many rows may be drawn now: two seconds' worth at once, then as time refills it."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.left = 2.0 * rate
        self.at = time.monotonic()

    def refill(self) -> float:
        now = time.monotonic()
        self.left = min(2.0 * self.rate, self.left + (now - self.at) * self.rate)
        self.at = now
        return self.left

    def spend(self, rows: int) -> None:
        self.left -= rows

    def seconds_until(self, rows: int) -> float:
        """Return how long to wait until so many rows, or a second's worth, may be drawn."""
        left = self.refill()
        return 0.0 if rows <= left else max(0.0, (self.rate - left) / self.rate)


class Viewer:
    """A bounded queue between the hub and one socket; what it cannot hold becomes a named gap.

    Frames chain: each begins where the one before it ended (`told`), and the last of a turn ends
    where the hub had read to (`read`).
    """

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.mode = subscription.mode
        self.rows: deque[Row] = deque()
        self.characters = 0
        self.missed: Missed | None = None
        self.tally = Tally()
        self.trouble: str | None = None
        self.end: str | None = None
        self.news = asyncio.Event()
        self.taking = True
        self.allowance = Allowance(ROWS_A_SECOND)
        self.counted_at = 0.0
        self.beat_at = time.monotonic() + BEAT_SECONDS
        self.told: Position
        self.read: Position

    def start(self, told: Position, read: Position) -> None:
        """Say what the viewer already has, and from where the hub goes on for it."""
        self.told = told
        self.read = max(told, read)

    # The hub's side

    def offer(self, rows: Sequence[Row], upto: Position) -> None:
        """Take the matching rows of the log up to a position."""
        if upto <= self.read:
            return
        # At first only: a page may have read further than the hub.
        if rows and rows[0].at <= self.read:
            rows = [row for row in rows if row.at > self.read]
        self.read = upto
        if covered := [row for row in rows if self.subscription.covers(row.event)]:
            self.keep(covered)
            self.news.set()

    def keep(self, rows: Sequence[Row]) -> None:
        if self.mode is Mode.COUNTS:
            self.tally.add(rows)
            return
        self.rows.extend(rows)
        self.characters += sum(row.weight for row in rows)
        while self.holds_too_much():
            self.miss("rate" if self.taking and self.is_drawn else "slow")

    def holds_too_much(self) -> bool:
        too_big = self.characters > MOST_CHARACTERS and len(self.rows) > 1
        return too_big or len(self.rows) > MOST_ROWS

    def miss(self, why: str) -> None:
        """Let go of the oldest waiting row."""
        row = self.rows.popleft()
        self.characters -= row.weight
        self.missed = self.missed or Missed(why, upto=row.at)
        self.missed.add(row)

    def warn(self, trouble: str | None) -> None:
        """Tell at once of trouble, or with a beat that it is over."""
        self.trouble = trouble
        self.beat_at = 0.0
        self.news.set()

    def stop(self, frame: str) -> None:
        """End the feed with a frame that says why."""
        self.end = frame
        self.news.set()

    # The socket's side

    def catch_up(self, missing: Missing) -> Iterator[str]:
        """Yield first of all what the viewer missed before the hub read for it."""
        for missed in missing.gaps:
            yield self.gap(missed)
        if self.mode is Mode.COUNTS:
            self.keep(missing.rows)
            self.news.set()
            return
        for start in range(0, len(missing.rows), ROWS_A_FRAME):
            some = missing.rows[start : start + ROWS_A_FRAME]
            yield self.some_rows(some, upto=some[-1].at)

    def show(self, mode: Mode) -> None:
        """Go over to counts, as a hidden tab asks, or back to rows."""
        self.mode = mode
        if mode is Mode.COUNTS:
            self.tally.add(self.rows)
            self.let_go()
        self.news.set()

    async def frames(self) -> AsyncGenerator[str, None]:
        """Yield what is new, at most one frame each 100 ms, and a beat when there is nothing."""
        while True:
            await self.wait()
            for frame in self.turn():
                # What falls out of the queue while the socket does not take is told as "slow".
                self.taking = False
                yield frame
                self.taking = True
                await asyncio.sleep(FRAME_SECONDS)
            if self.end:
                yield self.end
                return

    async def wait(self) -> None:
        """Return when there is something to say and it may be said."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self.beat_at - time.monotonic())):
                await self.news.wait()
        self.news.clear()
        await asyncio.sleep(self.seconds_to_hold())

    def seconds_to_hold(self) -> float:
        if self.mode is Mode.COUNTS:
            return max(0.0, self.counted_at + COUNTS_SECONDS - time.monotonic())
        return self.allowance.seconds_until(len(self.rows)) if self.is_drawn else 0.0

    def turn(self) -> list[str]:
        """Empty what waits into frames."""
        if self.is_drawn:
            self.thin()
        said = list(self.what_waits())
        now = time.monotonic()
        if said or now >= self.beat_at:
            self.beat_at, overdue = now + BEAT_SECONDS, now >= self.beat_at
            said += [self.beat()] * overdue
        return said

    def thin(self) -> None:
        """Keep the newest rows that may be drawn now; the others become part of the gap."""
        allowed = int(self.allowance.refill())
        while len(self.rows) > allowed:
            self.miss("rate")
        self.allowance.spend(len(self.rows))

    def what_waits(self) -> Iterator[str]:
        if self.missed:
            missed, self.missed = self.missed, None
            yield self.gap(missed)
        if self.tally.count:
            tally, self.tally = self.tally, Tally()
            yield self.counts(tally)
        if self.rows:
            rows = list(self.rows)
            self.let_go()
            yield self.some_rows(rows, upto=self.read)

    def let_go(self) -> None:
        self.rows.clear()
        self.characters = 0

    def gap(self, missed: Missed) -> str:
        start, self.told = self.told, missed.upto
        return frames.gap(start, self.told, missed, self.subscription)

    def counts(self, tally: Tally) -> str:
        start, self.told = self.told, self.read
        self.counted_at = time.monotonic()
        return frames.counts(start, self.told, tally)

    def some_rows(self, rows: Sequence[Row], *, upto: Position) -> str:
        start, self.told = self.told, upto
        counters.tell(row.source for row in rows)
        asked = self.subscription
        return frames.rows(start, self.told, rows, asked.format, asked.columns)

    def beat(self) -> str:
        if self.trouble:
            return self.trouble
        self.told = self.read
        return frames.beat(self.told)

    @property
    def is_drawn(self) -> bool:
        return self.subscription.format is Format.HTML
