"""What an automation waits for: a tree of triggers, each of which says itself in words."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from apps.query import Query
from apps.query.terms import ID, ROLE


class ForEach(NamedTuple):
    """What a trigger is split by: a label of the primary, or of the first related of a role."""

    name: str
    """As it was written: `label.team`."""
    role: str | None
    key: str

    def value(self, resource: Mapping[str, str], related: abc.Sequence[Mapping[str, str]]) -> str:
        """Return the label's value, "" where there is none."""
        if self.role is None:
            return resource.get(self.key) or ""
        for one in related:
            if one.get(ROLE) == self.role:
                return one.get(self.key) or ""
        return ""

    def sentence(self) -> str:
        if self.role is None:
            return "resource" if self.key == ID else self.key
        return self.role if self.key == ID else f"{self.key} of {self.role}"


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """What all triggers have."""

    for_each: tuple[ForEach, ...] = ()
    said: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """Another system's JSON that it was read from, to be written as it came."""

    def sentence(self) -> str:
        raise NotImplementedError

    def parts(self) -> abc.Sequence[Trigger]:
        return ()

    def queries(self) -> Iterator[Query]:
        """Yield what its leaves ask of events, in the order of the tree."""
        for part in self.parts():
            yield from part.queries()

    def _split(self) -> str:
        if not self.for_each:
            return ""
        return f", for each {_and([one.sentence() for one in self.for_each])}"


@dataclass(frozen=True, kw_only=True)
class OfEvents(Trigger):
    """A leaf that counts events.

    `after` is what must be seen first: the time begins with it. An event that is both begins the
    time and ends the one before, so an absence after its own query is a silence.
    """

    query: Query
    times: int = 1
    within: float = 0
    """Seconds."""
    after: Query | None = None

    def queries(self) -> Iterator[Query]:
        yield self.query
        if self.after is not None:
            yield self.after

    def seen(self, count: int) -> str:
        """Say how many of its events were seen: `One event named a was seen`."""
        if count > 1:
            return f"{count:,} {_shortly(_named(self.query), 'events')} were seen"
        return f"{'One' if count else 'No'} {_shortly(_one(self.query), 'event')} was seen"


@dataclass(frozen=True, kw_only=True)
class Presence(OfEvents):
    """So many events within a time. It fires with the last of them, then rests for the time."""

    def sentence(self) -> str:
        said = _events(self.times, self.query)
        if self.within:
            said += f" within {duration(self.within)}"
        if self.after is not None:
            said += f" after an {_one(self.after)}"
        return said + self._split()


@dataclass(frozen=True, kw_only=True)
class Absence(OfEvents):
    """Fewer events than expected within a time, after another event or at all."""

    def sentence(self) -> str:
        within = duration(self.within)
        if self.after is not None and self.after == self.query and self.times == 1:
            return f"No more {_named(self.query)} for {within}{self._split()}"
        expected = _named(self.query)
        said = f"No {expected}" if self.times == 1 else f"Fewer than {self.times:,} {expected}"
        said += f" within {within}"
        if self.after is not None:
            said += f" after an {_one(self.after)}"
        return said + self._split()


@dataclass(frozen=True, kw_only=True)
class Composite(Trigger):
    """Of other triggers; split by what each of those is split by, too."""

    triggers: tuple[Trigger, ...]
    within: float | None = None
    """Seconds; None is without end."""

    def parts(self) -> abc.Sequence[Trigger]:
        return self.triggers

    def _within(self) -> str:
        return "" if self.within is None else f" within {duration(self.within)}"

    def _said(self) -> list[str]:
        return [f"({_lowered(part.sentence())})" for part in self.triggers]


@dataclass(frozen=True, kw_only=True)
class Sequence(Composite):
    """All of them, in this order."""

    def sentence(self) -> str:
        return f"In this order{self._within()}: {', then '.join(self._said())}"


@dataclass(frozen=True, kw_only=True)
class Compound(Composite):
    """So many of them, in any order."""

    require: int

    def sentence(self) -> str:
        many = len(self.triggers)
        said = {1: "Any of these", many: f"All {many} of these" if many > 2 else "Both of these"}
        which = said.get(self.require, f"{self.require} of these {many}")
        return f"{which}{self._within()}: {', '.join(self._said())}"


@dataclass(frozen=True, kw_only=True)
class Metric(Trigger):
    """A number folded from the outcomes of resources, on the wrong side of a bound for a time."""

    query: Query
    metric: str
    """One of METRICS."""
    operator: str
    threshold: float
    over: float
    """Seconds that are looked back upon."""
    breached_for: float

    def queries(self) -> Iterator[Query]:
        yield self.query

    def sentence(self) -> str:
        than = f"is {OPERATORS[self.operator]} {METRICS[self.metric].bound(self.threshold)}"
        return (
            f"{METRICS[self.metric].title} of {_named(self.query)} over {duration(self.over)}"
            f" {than}{self.breached()}{self._split()}"
        )

    def breached(self) -> str:
        """Say for how long it is on the wrong side, where it takes a time."""
        return f" for {duration(self.breached_for)}" if self.breached_for else ""


class Measured(NamedTuple):
    """How a metric is called, and in what it is told."""

    title: str
    is_share: bool

    def bound(self, value: float) -> str:
        return f"{100 * value:g} %" if self.is_share else duration(value)


METRICS: Mapping[str, Measured] = {
    "success": Measured("Share of completed", is_share=True),
    "duration": Measured("Mean duration", is_share=False),
    "lateness": Measured("Mean lateness", is_share=False),
}
OPERATORS: Mapping[str, str] = {
    "<": "under",
    "<=": "at most",
    ">": "over",
    ">=": "at least",
}

# Characters of a query in the reason of a firing.
MOST_NAMED = 120
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def duration(seconds: float) -> str:
    """Say seconds in the longest unit of which they are a whole number: `10 minutes`."""
    for length, unit in UNITS:
        if seconds >= length and seconds % length == 0:
            return _many(seconds / length, unit)
    return _many(seconds, "second")


def all_triggers(trigger: Trigger) -> Iterator[Trigger]:
    """Yield a trigger and all it is made of, each before its parts."""
    yield trigger
    for part in trigger.parts():
        yield from all_triggers(part)


def _many(number: float, unit: str) -> str:
    return f"{number:,g} {unit}" + "s" * (number != 1)


def _events(times: int, query: Query) -> str:
    return f"{times:,} {_named(query)}" if times > 1 else f"Any {_one(query)}"


def _named(query: Query) -> str:
    """Say a query as what stands behind a number: `events with outcome failed`."""
    said = "".join(text for text, _ in query.sentence())
    return "events" if said == "All events" else _lowered(said)


def _one(query: Query) -> str:
    """Say a query as what stands behind “any”: `event with outcome failed`."""
    return f"event{_named(query).removeprefix('events')}"


def _shortly(named: str, other: str) -> str:
    """Return a query as it is named, or another word for one that takes too many."""
    return named if len(named) <= MOST_NAMED else other


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _and(said: abc.Sequence[str]) -> str:
    *head, last = said
    return f"{', '.join(head)} and {last}" if head else last
