"""What each clause means, said once more as plainly as can be and without any index."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import translate
from itertools import chain
from typing import Any
from uuid import UUID

from apps.query.moments import Moment
from apps.query.outcomes import Outcome
from apps.query.terms import ID, ROLE, display_name
from apps.query.values import Value
from apps.query.words import words_of
from tests.query.told import Told

Meaning = Callable[[Told, Value], bool]


def means(field: str, value: Value, event: Told) -> bool:
    if field.startswith("label."):
        key = field.removeprefix("label.")
        return any(key in one and fits(value, one[key]) for one in _all_resources(event))
    if field.startswith("related.role="):
        role = field.removeprefix("related.role=")
        return any(_is(value, one) for one in event.related if one[ROLE] == role)
    return MEANINGS[field](event, value)


def fits(value: Value, text: str) -> bool:
    if not value.is_glob:
        return value.text == text
    return bool(re.match(translate(re.sub(r"([?\[])", r"[\1]", value.text)), text))


def _is(value: Value, resource: Mapping[str, str]) -> bool:
    """By id, or when it is no glob by its display name."""
    is_named = not value.is_glob and value.text == display_name(resource)
    return is_named or fits(value, resource[ID])


def _all_resources(event: Told) -> Sequence[Mapping[str, str]]:
    return [event.resource, *event.related]


def _any_related(event: Told, value: Value) -> bool:
    return any(_is(value, one) for one in event.related)


def _follows(event: Told, value: Value) -> bool:
    if value.is_anything:
        return event.follows is not None
    return event.follows == UUID(value.text)


MEANINGS: Mapping[str, Meaning] = {
    "event": lambda event, value: fits(value, event.event),
    "system": lambda event, value: fits(value, event.system),
    "outcome": lambda event, value: fits(value, Outcome(event.outcome).word),
    "resource": lambda event, value: _is(value, event.resource),
    "related": _any_related,
    "any": lambda event, value: _is(value, event.resource) or _any_related(event, value),
    "related.id": lambda event, value: any(fits(value, one[ID]) for one in event.related),
    "related.name": lambda event, value: any(
        fits(value, display_name(one)) for one in event.related
    ),
    "related.role": lambda event, value: any(fits(value, one[ROLE]) for one in event.related),
    "id": lambda event, value: value.is_anything or event.id == UUID(value.text),
    "follows": _follows,
}


# Payloads.


def places(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Return every place of a payload that a path can lead to, with what stands there."""
    if isinstance(value, Mapping):
        return [
            place
            for key, inner in value.items()
            if key and not re.search(r"[\x00]", key)
            for place in [((*path, key), inner), *places(inner, (*path, key))]
        ]
    if isinstance(value, list):
        return [place for inner in value for place in places(inner, (*path, "[]"))]
    return []


def at(payload: Any, steps: Sequence[str]) -> list[Any]:
    """Return what stands at a path, arrays opened one level at each step and two at the end."""
    found = [payload]
    for step in steps:
        found = list(chain.from_iterable(_opened(one) for one in found))
        if step != "[]":
            found = [one[step] for one in found if isinstance(one, Mapping) and step in one]
    for _ in range(2):
        found = list(chain.from_iterable(_opened(one) for one in found))
    return found


def _opened(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def is_present(payload: Any, steps: Sequence[str]) -> bool:
    return any(one is not None for one in at(payload, steps))


def has_text(payload: Any, steps: Sequence[str], text: str) -> bool:
    return any(isinstance(one, str) and one == text for one in at(payload, steps))


def has_glob(payload: Any, steps: Sequence[str], glob: Value) -> bool:
    return any(isinstance(one, str) and fits(glob, one) for one in at(payload, steps))


def has_value(payload: Any, steps: Sequence[str], said: str) -> bool:
    if has_text(payload, steps, said):
        return True
    try:
        spelled = json.loads(said)
    except ValueError:
        return False
    found = [one for one in at(payload, steps) if not isinstance(one, str | list | Mapping)]
    if spelled is None or isinstance(spelled, bool):
        return any(one is spelled for one in found)
    return any(one == spelled for one in found if one is not None and not isinstance(one, bool))


def has_compared(payload: Any, steps: Sequence[str], bounds: Sequence[tuple[str, str]]) -> bool:
    try:
        numbers = [(than, json.loads(end)) for than, end in bounds]
    except ValueError:
        told = [moment for one in at(payload, steps) if (moment := _told_time(one))]
        return any(_is_within(moment, bounds) for moment in told)
    found = [one for one in at(payload, steps) if type(one) in (int, float)]
    return any(all(_than(one, than, end) for than, end in numbers) for one in found)


# Times.


def is_within(event: Told, column: str, bounds: Sequence[tuple[str, str]]) -> bool:
    return _is_within(getattr(event, column), bounds)


def _is_within(moment: datetime, bounds: Sequence[tuple[str, str]]) -> bool:
    """Whether a time lies so; what is said of a month or a day goes for the whole of it."""
    for than, said in bounds:
        start, end = Moment(said).span(datetime.now(UTC))
        exact = start == end
        holds = {
            "": moment == start if exact else start <= moment < end,
            ">": moment > start if exact else moment >= end,
            ">=": moment >= start,
            "<": moment < start,
            "<=": moment <= start if exact else moment < end,
        }
        if not holds[than]:
            return False
    return True


def _told_time(value: Any) -> datetime | None:
    if not isinstance(value, str) or not re.match(r"[1-9]\d{3}-\d\d-\d\d", value):
        return None
    if " 24:" in value or "T24:" in value:
        return None
    try:
        told = datetime.fromisoformat(value)
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _than(one: Any, than: str, other: Any) -> bool:
    return bool({">": one > other, ">=": one >= other, "<": one < other, "<=": one <= other}[than])


def says(event: Told, words: Sequence[str], open_ended: bool = False) -> bool:
    """Whether some one string of the event holds these words in a row."""
    return any(_in_a_row(words_of(text), words, open_ended) for text in strings_of(event))


def _in_a_row(held: Sequence[str], words: Sequence[str], open_ended: bool) -> bool:
    for at in range(len(held) - len(words) + 1):
        here = held[at : at + len(words)]
        last_fits = here[-1].startswith(words[-1]) if open_ended else here[-1] == words[-1]
        if last_fits and here[:-1] == list(words[:-1]):
            return True
    return False


def strings_of(event: Told) -> Iterable[str]:
    labels = [one.values() for one in _all_resources(event)]
    return chain([event.event], *labels, _strings_in(event.payload))


def _strings_in(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if not _says_nothing(inner):
                yield key
            yield from _strings_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings_in(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**64:
        yield repr(value)


def _says_nothing(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {}) or _is_time(value)


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*", value))
