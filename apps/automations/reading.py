"""Triggers as JSON: read with the place of what is wrong, and written again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from apps.automations.trigger import (
    METRICS,
    OPERATORS,
    Absence,
    Composite,
    Compound,
    ForEach,
    Metric,
    OfEvents,
    Presence,
    Sequence,
    Trigger,
)
from apps.query import Clause, Query, QueryError, parse
from apps.query.terms import ID

MOST_TRIGGERS = 10
DEEPEST = 4
MOST_TIMES = 1_000_000
MOST_SPLITS = 8
YEAR = 366 * 86_400
LEAST_ABSENCE = 10
# What a metric looks back upon, and is breached for, at least.
LEAST_METRIC = 60

# These ask for a time or for what lies around an event: a trigger has its own window.
UNFIT_FIELDS = {
    "occurred": "it waits for what happens from now on",
    "received": "it waits for what happens from now on",
    "chain": "a chain is known only when it is over",
}


class BadTrigger(ValueError):
    """What is wrong with a trigger, and where: `triggers[1].within`."""

    def __init__(self, path: str, say: str) -> None:
        super().__init__(f"{path}: {say}" if path else say)
        self.path = path
        self.say = say


def read(said: Any) -> Trigger:
    """Read a trigger as it is kept, ours or Prefect's; raises BadTrigger."""
    return _read(Place(said, ""), 0)


def written(trigger: Trigger) -> dict[str, Any]:
    """Write what `read` reads back as the same trigger."""
    if trigger.said is not None:
        return {"type": "prefect", "trigger": trigger.said}
    told: dict[str, Any] = {"type": NAMES[type(trigger)]}
    match trigger:
        case OfEvents():
            told |= {"query": trigger.query.text, "times": trigger.times, "within": trigger.within}
            if trigger.after is not None:
                told["after"] = trigger.after.text
        case Metric():
            told |= {"query": trigger.query.text}
            for name in ("metric", "operator", "threshold", "over", "breached_for"):
                told[name] = getattr(trigger, name)
        case Composite():
            if isinstance(trigger, Compound):
                told["require"] = trigger.require
            told["within"] = trigger.within
            told["triggers"] = [written(part) for part in trigger.triggers]
    if trigger.for_each:
        told["for_each"] = [one.name for one in trigger.for_each]
    return told


class Place:
    """A value of the JSON, and where it stands."""

    def __init__(self, value: Any, path: str) -> None:
        self.value = value
        self.path = path

    def fail(self, say: str) -> NoReturn:
        raise BadTrigger(self.path, say)

    def object(self, *names: str) -> Mapping[str, Any]:
        """Return the value as an object that has no names but these."""
        if not isinstance(self.value, dict):
            self.fail("This is to be an object.")
        for name in self.value:
            if name not in names:
                self.at(name).fail(f"There is nothing called “{name}” here.")
        return self.value

    def at(self, name: str) -> Place:
        value = self.value.get(name) if isinstance(self.value, dict) else None
        return Place(value, f"{self.path}.{name}" if self.path else name)

    def each(self) -> list[Place]:
        if not isinstance(self.value, list):
            self.fail("This is to be a list.")
        return [Place(one, f"{self.path}[{at}]") for at, one in enumerate(self.value)]

    @property
    def is_absent(self) -> bool:
        return self.value is None

    def text(self) -> str:
        if not isinstance(self.value, str):
            self.fail("This is to be a text.")
        return self.value

    def choice(self, among: Mapping[str, Any]) -> str:
        text = self.text()
        if text not in among:
            self.fail(f"This is to be one of {', '.join(among)}.")
        return text

    def number(self, *, least: float = -math.inf, most: float = math.inf) -> float:
        value = self.value
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            self.fail("This is to be a number.")
        if not least <= value <= most:
            self.fail(f"This is to be a number from {least:,g} to {most:,g}.")
        return value

    def whole(self, *, least: int, most: int) -> int:
        value = self.number(least=least, most=most)
        if value != int(value):
            self.fail("This is to be a whole number.")
        return int(value)


def _read(place: Place, depth: int) -> Trigger:
    if depth >= DEEPEST:
        place.fail(f"Triggers stand in each other {DEEPEST} deep at most.")
    if not isinstance(place.value, dict):
        place.fail("A trigger is an object with a type.")
    reader = READERS[place.at("type").choice(READERS)]
    return reader(place, depth)


def _presence(place: Place, _: int) -> Trigger:
    return Presence(**_of_events(place, least=0))


def _absence(place: Place, _: int) -> Trigger:
    return Absence(**_of_events(place, least=LEAST_ABSENCE))


def _of_events(place: Place, *, least: float) -> dict[str, Any]:
    place.object("type", "query", "times", "within", "after", "for_each")
    times, after, within = place.at("times"), place.at("after"), place.at("within")
    return {
        "query": _query(place.at("query")),
        "times": 1 if times.is_absent else times.whole(least=1, most=MOST_TIMES),
        "within": 0 if within.is_absent and not least else within.number(least=least, most=YEAR),
        "after": None if after.is_absent else _query(after),
        "for_each": _for_each(place.at("for_each")),
    }


def _sequence(place: Place, depth: int) -> Trigger:
    place.object("type", "triggers", "within", "for_each")
    return Sequence(**_composite(place, depth))


def _compound(place: Place, depth: int) -> Trigger:
    place.object("type", "triggers", "within", "require", "for_each")
    told = _composite(place, depth)
    return Compound(require=_required(place.at("require"), len(told["triggers"])), **told)


def _required(place: Place, many: int) -> int:
    words = {"any": 1, "all": many}
    if isinstance(place.value, str):
        return words[place.choice(words)]
    return place.whole(least=1, most=many)


def _composite(place: Place, depth: int) -> dict[str, Any]:
    triggers = place.at("triggers").each()
    if not 1 <= len(triggers) <= MOST_TRIGGERS:
        place.at("triggers").fail(f"There are to be 1 to {MOST_TRIGGERS} triggers here.")
    parts = tuple([_read(one, depth + 1) for one in triggers])
    within = place.at("within")
    return {
        "triggers": parts,
        "within": None if within.is_absent else within.number(least=0, most=YEAR),
        "for_each": _shared(place.at("for_each"), parts),
    }


def _shared(place: Place, parts: tuple[Trigger, ...]) -> tuple[ForEach, ...]:
    """Return what a composite is split by: as said, else by what all of its parts have in common.

    Its key is read from those of its parts, so each must have it.
    """
    first, *rest = (part.for_each for part in parts)
    common = tuple([one for one in first if all(one in other for other in rest)])
    if place.is_absent:
        return common
    told = _for_each(place)
    for one in told:
        if one not in common:
            place.fail(f"Each of its triggers has to be for each {one.name}, too.")
    return told


def _metric(place: Place, _: int) -> Trigger:
    place.object(
        *("type", "query", "metric", "operator", "threshold", "over", "breached_for", "for_each")
    )
    return Metric(
        query=_query(place.at("query")),
        metric=place.at("metric").choice(METRICS),
        operator=place.at("operator").choice(OPERATORS),
        threshold=place.at("threshold").number(),
        over=place.at("over").number(least=LEAST_METRIC, most=YEAR),
        breached_for=place.at("breached_for").number(least=0, most=YEAR),
        for_each=_for_each(place.at("for_each")),
    )


def _prefect(place: Place, _: int) -> Trigger:
    # It builds on what stands here.
    from apps.automations.prefect_reading import read_at

    place.object("type", "trigger")
    return read_at(place.at("trigger"))


READERS: Mapping[str, Callable[[Place, int], Trigger]] = {
    "presence": _presence,
    "absence": _absence,
    "sequence": _sequence,
    "compound": _compound,
    "metric": _metric,
    "prefect": _prefect,
}
NAMES: Mapping[type[Trigger], str] = {
    Presence: "presence",
    Absence: "absence",
    Sequence: "sequence",
    Compound: "compound",
    Metric: "metric",
}


def _query(place: Place) -> Query:
    try:
        query = parse(place.text())
    except QueryError as error:
        place.fail(error.say)
    for field in _fields(query.clauses):
        if why := UNFIT_FIELDS.get(field):
            place.fail(f"A trigger cannot ask for {field}: {why}.")
    return query


def _fields(clauses: tuple[Clause, ...]) -> list[str]:
    found = []
    for clause in clauses:
        found += [clause.field] if clause.field else []
        found += _fields(clause.parts)
    return found


def _for_each(place: Place) -> tuple[ForEach, ...]:
    if place.is_absent:
        return ()
    places = place.each()
    if len(places) > MOST_SPLITS:
        place.fail(f"A trigger is split by {MOST_SPLITS} labels at most.")
    return tuple(dict.fromkeys(map(_split, places)))


def _split(place: Place) -> ForEach:
    """Read `resource`, `label.KEY`, `related.ROLE` or `related.ROLE.KEY`."""
    text = place.text()
    head, _, rest = text.partition(".")
    if text == "resource":
        return ForEach(text, None, ID)
    if head == "label" and rest:
        return ForEach(text, None, rest)
    role, _, key = rest.partition(".")
    if head != "related" or not role:
        place.fail("Write resource, label.KEY, related.ROLE or related.ROLE.KEY.")
    return ForEach(text, role, key or ID)
