"""Trying an automation on the past: the stored events go through the machine that lives.

    tried = Backtest(automation, since=week_ago)   # the automation need not be stored
    tried.run(progress)                            # in any thread; reads by short transactions
    tried.fired, tried.moments, tried.firings

`progress(tried)` is called after each slice of the log, several times a second; what it may show:

- `share`: how much is done, 0 to 1; `is_done` at the end, `is_stopped` when it was stopped;
- `looked_at`: how many events of the log went by, `taken`: how many of them fitted a query;
- `fired`: how often it has fired, `resolved`, `silent`: how many of both would have done nothing,
  `late`: how many events came too late;
- `moments`: when it fired, the first MOST_MOMENTS, for the marks on a histogram.

`stop()`, from any thread, ends it after the slice. Then, as at the end, `firings` are the last
MOST_SHOWN: `Firing`s that are not stored, the oldest first, with the copies of their events, so
that a page shows them and an action is rendered for them as for any other. Their ids are those that
live firings have when the automation is stored and watches from the same place:
`Backtest.from_its_start(automation)`.

What only counts now is left out: whether it is muted, or makes a dry run. Raises BadTrigger.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from apps.automations.decision import Decision, Place
from apps.automations.firing import copies_of, firing_of
from apps.automations.keeping import machine_of
from apps.automations.manners import Judged, Manners
from apps.automations.models import Automation, Firing
from apps.automations.past import Past, Slice, fitting, now

MOST_SHOWN = 100
MOST_MOMENTS = 10_000


@dataclass
class Fired:
    """A decision of the past, and what its firing would have been."""

    decision: Decision
    judged: Judged


Progress = Callable[["Backtest"], None]


@dataclass
class Backtest:
    """What an automation would have done from `since` to `until`; to now when that is None."""

    automation: Automation
    since: datetime
    until: datetime | None = None
    past: Past | None = None
    """Where it begins, when that is known better than by `since`."""
    share: float = 0.0
    looked_at: int = 0
    taken: int = 0
    late: int = 0
    fired: int = 0
    resolved: int = 0
    silent: int = 0
    moments: list[datetime] = field(default_factory=list)
    firings: list[Firing] = field(default_factory=list)
    is_done: bool = False
    is_stopped: bool = False
    is_shorter: bool = False
    """Whether `since` is later than was asked for, because nothing is there of before."""
    _lately: deque[Fired] = field(default_factory=lambda: deque(maxlen=MOST_SHOWN))

    def __post_init__(self) -> None:
        self.automation = copy(self.automation)
        self.automation.started = self.since
        self.automation.muted_until, self.automation.dry_run = None, False
        self._machine = machine_of(self.automation)
        self._manners = Manners.of(self.automation)

    @classmethod
    def from_its_start(cls, automation: Automation, until: datetime | None = None) -> Self:
        """Begin where a stored automation begins to watch."""
        past = Past.behind((automation.start_tx, automation.start_seq))
        return cls(automation, since=automation.started, until=until, past=past)

    def stop(self) -> None:
        self.is_stopped = True

    def run(self, progress: Progress | None = None) -> Self:
        """Let the events go by, and tell of it."""
        until = self.until or now()
        past = self.past or self._begin(until)
        for part in past.slices():
            part = part.upto(until)
            if self.past is None:
                part = part.since(self.since)
            self._fold(part)
            if part.is_last:
                break
            self._come_to(part, until)
            if progress is not None:
                progress(self)
            if self.is_stopped:
                break
        if not self.is_stopped:
            self._come_to_end(until, part)
            self.share, self.is_done = 1.0, True
        self.firings = self._shown()
        if progress is not None:
            progress(self)
        return self

    def _begin(self, until: datetime) -> Past:
        """Begin at the first event: of the time before it nobody knows what did not happen."""
        begun = Past.begun()
        self.is_shorter = begun is not None and begun > self.since
        if begun is None or self.is_shorter:
            self.since = self.automation.started = begun or until
            self._machine = machine_of(self.automation)
        return Past.since(self.since)

    def _fold(self, part: Slice) -> None:
        """Show the machine a piece of the log, and let time pass there as it did."""
        machine, clocks, reached = self._machine, part.clocks, 0
        for at, seen, fits in fitting(machine.queries, part):
            self._pass_time(part, reached, at)
            if decisions := machine.take(seen, clocks[at], fits):
                self._decide(decisions, clocks[at])
            self.taken += 1
            reached = at + 1
        self._pass_time(part, reached, len(clocks) - 1)
        self.looked_at += len(part.occurred)
        self.late = machine.too_late

    def _pass_time(self, part: Slice, start: int, end: int) -> None:
        """Decide what is due between these rows, each in its time, as now() would have."""
        machine, clocks = self._machine, part.clocks
        while start <= end and (due := machine.due()) is not None and due <= clocks[end]:
            start = bisect_left(clocks, due, start)
            clock = max(due, clocks[start - 1]) if start else due
            self._decide(machine.tick(clock, Place(*part.rows[start][:2])), clock)

    def _come_to_end(self, until: datetime, part: Slice) -> None:
        machine, place = self._machine, Place(*part.end)
        before = part.clocks[-1] if part.clocks else self.since
        while (due := machine.due()) is not None and due <= until:
            clock = max(due, before)
            self._decide(machine.tick(clock, place), clock)

    def _decide(self, decisions: Iterable[Decision], clock: datetime) -> None:
        for decision in decisions:
            is_triggered = decision.kind == Firing.Kind.TRIGGERED
            self.fired += is_triggered
            self.resolved += not is_triggered
            if is_triggered and len(self.moments) < MOST_MOMENTS:
                self.moments.append(decision.fired)
            judged = self._manners.judge(self.automation, decision, clock)
            self.silent += bool(judged.silent)
            if judged.speaker and judged.only_counted:
                judged.speaker.more += 1
            else:
                self._lately.append(Fired(decision, judged))

    def _come_to(self, part: Slice, until: datetime) -> None:
        if part.clocks and until > self.since:
            share = (part.clocks[-1] - self.since) / (until - self.since)
            self.share = min(max(self.share, share), 1.0)

    def _shown(self) -> list[Firing]:
        copies = copies_of(one.decision for one in self._lately)
        shown = []
        for one in self._lately:
            shown.append(firing_of(self.automation, one.decision, copies, one.judged))
        return shown


def backtest(
    automation: Automation,
    since: datetime,
    until: datetime | None = None,
    progress: Progress | None = None,
) -> Backtest:
    """Try an automation on the past, and return what it would have done."""
    return Backtest(automation, since=since, until=until).run(progress)
