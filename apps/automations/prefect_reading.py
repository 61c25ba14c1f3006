"""Prefect's trigger JSON, read into our triggers: what it means there, it means here.

https://docs.prefect.io/v3/concepts/event-triggers
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.utils.dateparse import parse_duration

from apps.automations.reading import (
    DEEPEST,
    MOST_SPLITS,
    MOST_TIMES,
    MOST_TRIGGERS,
    YEAR,
    Place,
)
from apps.automations.shell_patterns import EventFits, LabelFits, Pattern, PrimaryFits
from apps.automations.trigger import (
    OPERATORS,
    Absence,
    Compound,
    ForEach,
    Metric,
    Presence,
    Sequence,
    Trigger,
)
from apps.query import Clause, Query, lexemes
from apps.query.one_resource import RELATED, AllTests, OneResource
from apps.query.terms import ID, NAME, ROLE
from apps.query.tree import AllOf, AnyOf, Beginning, Lexeme, Node, any_of

# What an absence takes when nothing is said, and at least.
PROACTIVE = 10.0
MOST_PATTERNS = 200
# Prefect Cloud's names of what we measure, and its least range.
METRICS = {"successes": "success", "duration": "duration", "lateness": "lateness"}
LEAST_RANGE = 300


def read_at(place: Place) -> Trigger:
    """Read a trigger of Prefect's, which keeps its JSON; raises BadTrigger."""
    return replace(_read(place, 0), said=place.value)


def _read(place: Place, depth: int) -> Trigger:
    if depth >= DEEPEST:
        place.fail(f"Triggers stand in each other {DEEPEST} deep at most.")
    if not isinstance(place.value, dict):
        place.fail("A trigger is an object with a type.")
    told = place.at("type")
    return READERS["event" if told.is_absent else told.choice(READERS)](place, depth)


def _event(place: Place, _: int) -> Trigger:
    posture = place.at("posture").choice({"Reactive": Presence, "Proactive": Absence})
    is_absence = posture == "Proactive"
    threshold, after = place.at("threshold"), place.at("after")
    times = 1 if threshold.is_absent else threshold.whole(least=0, most=MOST_TIMES)
    resources = _resources(place)
    told: dict[str, Any] = {
        "query": _query(_names(place.at("expect")), resources),
        "after": _query(_names(after), resources) if after.value else None,
        "for_each": _for_each(place.at("for_each")),
    }
    if is_absence:
        return Absence(times=times, within=_proactive(place.at("within")), **told)
    within = place.at("within")
    return Presence(times=max(times, 1), within=0 if within.is_absent else _time(within), **told)


def _proactive(within: Place) -> float:
    seconds = 0 if within.is_absent else _time(within)
    if 0 < seconds < PROACTIVE:
        within.fail("An absence takes 10 seconds at least.")
    return seconds or PROACTIVE


def _time(place: Place) -> float:
    """Read seconds, as a number or as ISO 8601 writes them."""
    if isinstance(place.value, str) and (told := parse_duration(place.value)) is not None:
        place = Place(told.total_seconds(), place.path)
    return place.number(least=0, most=YEAR)


def _sequence(place: Place, depth: int) -> Trigger:
    return Sequence(triggers=_parts(place, depth), within=_within(place))


def _compound(place: Place, depth: int) -> Trigger:
    parts, require = _parts(place, depth), place.at("require")
    words = {"any": 1, "all": len(parts)}
    if isinstance(require.value, str):
        many = words[require.choice(words)]
    else:
        many = require.whole(least=1, most=len(parts))
    return Compound(triggers=parts, within=_within(place), require=many)


def _within(place: Place) -> float | None:
    if "within" not in place.value:
        place.at("within").fail("Say within how many seconds, or null.")
    within = place.at("within")
    return None if within.is_absent else _time(within)


def _parts(place: Place, depth: int) -> tuple[Trigger, ...]:
    triggers = place.at("triggers").each()
    if not 1 <= len(triggers) <= MOST_TRIGGERS:
        place.at("triggers").fail(f"There are to be 1 to {MOST_TRIGGERS} triggers here.")
    return tuple([_read(one, depth + 1) for one in triggers])


def _metric(place: Place, _: int) -> Trigger:
    metric = place.at("metric")
    if not isinstance(metric.value, dict):
        metric.fail("This is to be an object.")
    threshold = metric.at("threshold").number()
    return Metric(
        query=_query([], _resources(place)),
        metric=METRICS[metric.at("name").choice(METRICS)],
        operator=metric.at("operator").choice(OPERATORS),
        threshold=threshold,
        over=Place(_time(metric.at("range")), metric.at("range").path).number(
            least=LEAST_RANGE, most=YEAR
        ),
        breached_for=_time(metric.at("firing_for")),
    )


READERS: Mapping[str, Callable[[Place, int], Trigger]] = {
    "event": _event,
    "sequence": _sequence,
    "compound": _compound,
    "metric": _metric,
}


# What is asked of events


def _query(names: list[Pattern], resources: list[Clause]) -> Query:
    if not names:
        return Query("", tuple(resources))
    node = any_of(*[one.node(EventFits(one), lexemes.EVENT) for one in names])
    return Query("", (_clause(node, "named ", names), *resources))


def _clause(node: Node, says: str, patterns: list[Pattern]) -> Clause:
    parts = [(says, False)]
    for pattern in patterns:
        parts += [(" or ", False)] if len(parts) > 1 else []
        parts += [("not ", False)] if pattern.is_negated else []
        parts += [(pattern.glob, True)]
    return Clause("", 0, 0, False, None, (), node, tuple(parts))


def _resources(place: Place) -> list[Clause]:
    clauses = [
        _clause(_primary(key, patterns), f"whose {_called(key)} is ", patterns)
        for key, patterns in _labels(place.at("match"))
    ]
    related = place.at("match_related")
    for one in related.each() if isinstance(related.value, list) else [related]:
        if labels := _labels(one):
            clauses.append(_related(labels))
    return clauses


def _called(key: str) -> str:
    return {ID: "resource", NAME: "name", ROLE: "role"}.get(key, key)


def _primary(key: str, patterns: list[Pattern]) -> Node:
    return AnyOf(tuple([_one_primary(key, pattern) for pattern in patterns]))


def _one_primary(key: str, pattern: Pattern) -> Node:
    check = PrimaryFits(key, pattern)
    if key == NAME:
        return check  # not written down: the name that is shown may come from elsewhere
    if key == ID:
        return pattern.node(check, lexemes.PRIMARY_ID)
    return pattern.node(check, lexemes.PRIMARY_LABEL, key)


def _related(labels: list[tuple[str, list[Pattern]]]) -> Clause:
    """Ask for one related resource with all these labels, narrowed by what the index knows."""
    tests = tuple([LabelFits(key, tuple(patterns)) for key, patterns in labels])
    narrow = [node for key, patterns in labels if (node := _narrowed(key, patterns))]
    node = AllOf((*narrow, OneResource(RELATED, AllTests(tests))))
    says: list[tuple[str, bool]] = []
    for key, patterns in labels:
        says += [(" and " if says else "with a related ", False)]
        says += _clause(node, f"{_called(key)} ", patterns).says
    return Clause("", 0, 0, False, None, (), node, tuple(says))


def _narrowed(key: str, patterns: list[Pattern]) -> Node | None:
    if key == NAME or not all(pattern.is_literal for pattern in patterns):
        return None
    return any_of(*[_literal(key, pattern.glob) for pattern in patterns])


def _literal(key: str, text: str) -> Node:
    if key == ID:
        return Beginning(lexemes.beginning(lexemes.RELATED_ID, text))
    if key == ROLE:
        return Lexeme(lexemes.lexeme(lexemes.ROLE, text))
    return Lexeme(lexemes.lexeme(lexemes.RELATED_LABEL, key, text))


def _labels(place: Place) -> list[tuple[str, list[Pattern]]]:
    """Read `{"label": "pattern"}` or `{"label": ["pattern", …]}`."""
    if place.is_absent:
        return []
    if not isinstance(place.value, dict):
        place.fail("This is to be an object of labels and what they are to be.")
    labels = []
    for key in place.value:
        patterns = _patterns(place.at(key))
        if not patterns:
            place.at(key).fail("Nothing is among an empty list: say at least one.")
        labels.append((key, patterns))
    return labels


def _names(place: Place) -> list[Pattern]:
    return [] if place.is_absent else _patterns(place)


def _patterns(place: Place) -> list[Pattern]:
    places = place.each() if isinstance(place.value, list) else [place]
    if len(places) > MOST_PATTERNS:
        place.fail(f"There are {MOST_PATTERNS} at most.")
    return [Pattern(one) for one in dict.fromkeys([place.text() for place in places])]


def _for_each(place: Place) -> tuple[ForEach, ...]:
    if place.is_absent:
        return ()
    labels = sorted({one.text() for one in place.each()})
    if len(labels) > MOST_SPLITS:
        place.fail(f"A trigger is split by {MOST_SPLITS} labels at most.")
    return tuple(map(_split, labels))


def _split(label: str) -> ForEach:
    """Read `label`, or `related:ROLE:label` for the first related resource in that role."""
    directive, _, key = label.rpartition(":")
    head, _, role = directive.partition(":")
    if head == "related":
        return ForEach(label, role, key)
    return ForEach(label, None, label)
