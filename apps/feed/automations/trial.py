"""The step “Test” of the editor: what an automation would have done, tried on the past."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from django.db import close_old_connections
from django.template.loader import render_to_string
from django.utils import timezone

from apps.automations.backtest import Backtest
from apps.automations.models import Automation
from apps.automations.reading import read
from apps.events.counting import Histogram, QueryTimeout, histogram
from apps.feed.asked import Asked
from apps.feed.automations.editor import Mistake
from apps.feed.automations.listing import Moment
from apps.feed.automations.would import Would, would_of
from apps.feed.histogram import Drawing, drawing_of, percent

# How far back one may look, in days, and how that is said.
SPANS = {"1": "24 hours", "7": "7 days", "30": "30 days"}
DAYS = "7"
# The firings whose events and actions are shown, the newest.
MOST_SHOWN = 20
# Seconds between two words on how far it is.
PAUSE = 0.25
# A test reads much: so many at a time, in a thread each; others wait.
RUNNERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="backtest")
NUMBERS = ("looked_at", "taken", "late", "fired")
# What ends a piece of the answer: each says anew how it stands.
END = "\x1e"


@dataclass(frozen=True)
class Mark:
    """Firings of one bar of the histogram."""

    x: str
    count: int
    title: str


@dataclass
class Trial:
    """A test of an automation on the last days; it is shown while it runs and at its end."""

    automation: Automation
    days: str = DAYS
    now: datetime = field(default_factory=timezone.now)
    drawing: Drawing | None = None
    marks: list[Mark] = field(default_factory=list)
    would: list[Would] = field(default_factory=list)
    unfit: Sequence[Mistake] = ()
    """Why actions of it are left out."""

    def __post_init__(self) -> None:
        if self.days not in SPANS:
            self.days = DAYS

    @property
    def span(self) -> str:
        return SPANS[self.days]

    @property
    def since(self) -> datetime:
        return self.now - timedelta(days=int(self.days))

    @cached_property
    def past(self) -> Backtest:
        return Backtest(self.automation, since=self.since, until=self.now)

    @property
    def percent(self) -> int:
        return int(100 * self.past.share)

    @property
    def said(self) -> dict[str, str]:
        """Its numbers as people write them."""
        return {name: f"{getattr(self.past, name):,}" for name in NUMBERS}

    @property
    def is_done(self) -> bool:
        return self.past.is_done

    @property
    def begun(self) -> Moment | None:
        """When the first event came, where that is later than what was asked for."""
        return Moment.of(self.past.since) if self.past.is_shorter else None

    @property
    def left_out(self) -> int:
        return self.past.fired + self.past.resolved - len(self.would)

    def run(self) -> Trial:
        """Let the past go by, then draw it; in any thread."""
        try:
            self.past.run()
            if self.past.is_done:
                self.draw()
        finally:
            close_old_connections()
        return self

    def stop(self) -> None:
        self.past.stop()

    def draw(self) -> None:
        shown = self.past.firings[-MOST_SHOWN:]
        self.would = [would_of(firing) for firing in reversed(shown)]
        query = next(iter(read(self.automation.trigger).queries()))
        try:
            found = histogram(query, since=self.since, until=self.now, now=self.now)
        except QueryTimeout:
            return
        self.drawing = drawing_of(Asked.read({}, self.now), found)
        self.marks = list(_marks(found, self.past.moments))


def _marks(found: Histogram, moments: list[datetime]) -> list[Mark]:
    """Put firings together by the bar of the histogram that they fall into."""
    starts = found.starts
    ends = [*starts[1:], starts[-1] + found.step] if starts else []
    told: Counter[int] = Counter()
    for moment in moments:
        at = int((moment - starts[0]) / found.step) if starts else 0
        told[min(max(at, 0), len(starts) - 1)] += 1
    return [
        Mark(
            x=percent(100 * (at + 0.5) / len(ends)),
            count=count,
            title=f"{count} firing{'' if count == 1 else 's'} from {starts[at]:%Y-%m-%d %H:%M} UTC",
        )
        for at, count in sorted(told.items())
    ]


def drawn(trial: Trial) -> str:
    return render_to_string("automations/_trial.html", {"trial": trial})


async def pieces(trial: Trial) -> AsyncGenerator[str, None]:
    """Yield how a test stands, again and again, and what came of it; who leaves ends it."""
    running = asyncio.get_running_loop().run_in_executor(RUNNERS, trial.run)
    try:
        while not running.done():
            yield drawn(trial) + END
            await asyncio.wait([running], timeout=PAUSE)
        await running
        yield drawn(trial) + END
    finally:
        trial.stop()
