"""Metrics: a number folded from the outcomes of resources, looked at every ten seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from operator import ge, gt, le, lt
from typing import Any, NamedTuple
from uuid import UUID

from apps.automations.decision import SECOND, Decision, Mark, Place, Seen
from apps.automations.node import MOST_MARKS, Core, Key, Node
from apps.automations.trigger import METRICS, OPERATORS, Metric, duration
from apps.query import Outcome
from apps.query.terms import ID

LOOK_EVERY = 10 * SECOND
# Of each key so many resources are measured, and as many awaited; the oldest make room.
MOST_RESOURCES = 5_000
# What Prefect calls a run that should have begun.
LATE = ".Late"
ENDED = (Outcome.COMPLETED, Outcome.FAILED)

COMPARE: Mapping[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


class Measured(NamedTuple):
    """What was measured of a resource, and when; a share's is 0 or 1, others are microseconds."""

    at: int
    resource: str
    value: int


@dataclass
class Measuring:
    """The measures of a range, their sum, and since when the bound is breached."""

    next: int
    """When it is looked at next."""
    measured: dict[str, Measured] = field(default_factory=dict)
    """The latest of each resource."""
    begun: dict[str, int] = field(default_factory=dict)
    """When what is yet to end began, by resource."""
    since: int | None = None
    triggered: bool = False
    marks: list[Mark] = field(default_factory=list)
    depth: int = 0
    sum: int = 0
    by_time: list[Measured] = field(default_factory=list)

    @property
    def due(self) -> int | None:
        return self.next if self.measured or self.since is not None or self.triggered else None

    forget = None

    @property
    def value(self) -> float | None:
        return self.sum / len(self.measured) if self.measured else None

    def put(self, one: Measured) -> None:
        """Add what was measured, unless something later is known of the resource."""
        before = self.measured.get(one.resource)
        if before is not None:
            if before.at > one.at:
                return
            self._take(before)
        while len(self.measured) >= MOST_RESOURCES:
            self._take(self._oldest())
        self.measured[one.resource] = one
        self.sum += one.value
        heappush(self.by_time, one)

    def leave(self, until: int) -> bool:
        """Leave out what was measured until then; return whether there was any."""
        left = False
        while self.by_time and self.by_time[0].at <= until:
            one = heappop(self.by_time)
            if self.measured.get(one.resource) == one:
                self._take(one)
                left = True
        return left

    def _oldest(self) -> Measured:
        while True:
            one = heappop(self.by_time)
            if self.measured.get(one.resource) == one:
                return one

    def _take(self, one: Measured) -> None:
        del self.measured[one.resource]
        self.sum -= one.value

    def told(self) -> dict[str, Any]:
        return {
            "next": self.next,
            "measured": [[*one] for one in self.measured.values()],
            "begun": self.begun,
            "since": self.since,
            "triggered": self.triggered,
            "marks": [[*mark] for mark in self.marks],
            "depth": self.depth,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Measuring:
        measured = {one[1]: Measured(*one) for one in told["measured"]}
        by_time = list(measured.values())
        heapify(by_time)
        return cls(
            next=told["next"],
            measured=measured,
            begun=dict(told["begun"]),
            since=told["since"],
            triggered=told["triggered"],
            marks=[Mark(*mark) for mark in told["marks"]],
            depth=told["depth"],
            sum=sum(one.value for one in by_time),
            by_time=by_time,
        )


class OfMetric(Node[Metric, Measuring]):
    def __init__(self, trigger: Metric, core: Core, number: int) -> None:
        super().__init__(trigger, core, number)
        self.over = round(trigger.over * SECOND)
        self.breached_for = round(trigger.breached_for * SECOND)
        self.measure = MEASURES[trigger.metric]
        self.unit = 1 if METRICS[trigger.metric].is_share else SECOND

    def read(self, told: Mapping[str, Any]) -> Measuring:
        return Measuring.of(told)

    def take(self, seen: Seen, clock: int, *, expects: bool, starts: bool) -> Sequence[Decision]:
        key = self.key_of(seen)
        measuring = self.states.get(key) or Measuring(after(clock))
        if measuring.due is None:
            measuring.next = after(clock)
        one = self.measure(measuring.begun, seen)
        while len(measuring.begun) > MOST_RESOURCES:
            del measuring.begun[min(measuring.begun, key=lambda name: measuring.begun[name])]
        if one is not None:
            measuring.put(one)
            mark = Mark(seen.tx, seen.seq, str(seen.id))
            measuring.marks = [*measuring.marks, mark][-MOST_MARKS:]
            measuring.depth = max(measuring.depth, seen.depth)
        if one is not None or measuring.begun:
            self.remember(key, measuring)
        return ()

    def decide(self, key: Key, due: int, clock: int, place: Place) -> Sequence[Decision]:
        measuring, now = self.states[key], due
        left = measuring.leave(now - self.over)
        before = measuring.since, measuring.triggered
        decision = self._judge(key, measuring, now, place)
        measuring.next = now + LOOK_EVERY
        is_over = measuring.due is None and not measuring.begun
        if left or decision or before != (measuring.since, measuring.triggered) or is_over:
            self.remember(key, None if is_over else measuring)
        else:
            self.core.waiting.add((self.number, key))
        return [decision] if decision else []

    def _judge(self, key: Key, measuring: Measuring, now: int, place: Place) -> Decision | None:
        value = None if measuring.value is None else measuring.value / self.unit
        if value is None or not COMPARE[self.trigger.operator](value, self.trigger.threshold):
            measuring.since = None
            was, measuring.triggered = measuring.triggered, False
            return self._decision(key, measuring, now, place, value, "resolved") if was else None
        if measuring.since is None:
            measuring.since = now
        if measuring.triggered or now - measuring.since < self.breached_for:
            return None
        measuring.triggered = True
        return self._decision(key, measuring, now, place, value, "triggered")

    def _decision(
        self,
        key: Key,
        measuring: Measuring,
        now: int,
        place: Place,
        value: float | None,
        kind: str,
    ) -> Decision:
        return self.decision(
            key,
            start=now - self.over,
            end=now,
            moment=now,
            fired=now,
            place=place,
            why=self._why(value, kind),
            kind=kind,
            count=len(measuring.measured),
            value=value,
            events=tuple(measuring.marks),
            depth=measuring.depth,
            event=UUID(measuring.marks[-1].id) if measuring.marks else None,
        )

    def _why(self, value: float | None, kind: str) -> str:
        trigger, metric = self.trigger, METRICS[self.trigger.metric]
        bound = f"{OPERATORS[trigger.operator]} {metric.bound(trigger.threshold)}"
        if value is None:
            return f"Nothing was measured within {duration(trigger.over)}."
        said = f"{metric.title} was {metric.bound(round(value, 3))} over {duration(trigger.over)}"
        if kind == "resolved":
            return f"{said}, no longer {bound}."
        return f"{said}, {bound}{trigger.breached()}."


def after(clock: int) -> int:
    """Return the next moment at which all metrics are looked at."""
    return clock - clock % LOOK_EVERY + LOOK_EVERY


# What is measured of a resource by an event of it; `begun` is what it remembers of resources.
Measure = Callable[[dict[str, int], Seen], Measured | None]


def success(begun: dict[str, int], seen: Seen) -> Measured | None:
    """1 for a completed one, 0 for a failed."""
    if seen.outcome not in ENDED:
        return None
    return Measured(seen.at, seen.resource[ID], int(seen.outcome == Outcome.COMPLETED))


def duration_of(begun: dict[str, int], seen: Seen) -> Measured | None:
    """How long it took from when it first ran to when it ended."""
    resource = seen.resource[ID]
    if seen.outcome == Outcome.RUNNING:
        begun[resource] = min(begun.get(resource, seen.at), seen.at)
    if seen.outcome not in ENDED or resource not in begun:
        return None
    return Measured(seen.at, resource, max(seen.at - begun.pop(resource), 0))


def lateness(begun: dict[str, int], seen: Seen) -> Measured | None:
    """How long it was late when it ran at last, or failed."""
    resource = seen.resource[ID]
    if seen.event.endswith(LATE):
        begun[resource] = min(begun.get(resource, seen.at), seen.at)
        return None
    if seen.outcome not in (Outcome.RUNNING, *ENDED) or resource not in begun:
        return None
    return Measured(seen.at, resource, max(seen.at - begun.pop(resource), 0))


MEASURES: Mapping[str, Measure] = {
    "success": success,
    "duration": duration_of,
    "lateness": lateness,
}
