"""What each clause means, said once more as plainly as can be and without any index."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate
from itertools import chain
from typing import Any
from uuid import UUID

from apps.query.outcomes import Outcome
from apps.query.terms import ID, ROLE, display_name
from apps.query.values import Value
from apps.query.words import words_of
from tests.query.told import Told

Meaning = Callable[[Told, Value], bool]


def means(field: str, value: Value, event: Told) -> bool:
    if field.startswith("label."):
        key = field.removeprefix("label.")
        return any(key in one and _fits(value, one[key]) for one in _all_resources(event))
    if field.startswith("related.role="):
        role = field.removeprefix("related.role=")
        return any(_is(value, one) for one in event.related if one[ROLE] == role)
    return MEANINGS[field](event, value)


def _fits(value: Value, text: str) -> bool:
    if not value.is_glob:
        return value.text == text
    return bool(re.match(translate(re.sub(r"([?\[])", r"[\1]", value.text)), text))


def _is(value: Value, resource: Mapping[str, str]) -> bool:
    """By id, or when it is no glob by its display name."""
    is_named = not value.is_glob and value.text == display_name(resource)
    return is_named or _fits(value, resource[ID])


def _all_resources(event: Told) -> Sequence[Mapping[str, str]]:
    return [event.resource, *event.related]


def _any_related(event: Told, value: Value) -> bool:
    return any(_is(value, one) for one in event.related)


def _follows(event: Told, value: Value) -> bool:
    if value.is_anything:
        return event.follows is not None
    return event.follows == UUID(value.text)


MEANINGS: Mapping[str, Meaning] = {
    "event": lambda event, value: _fits(value, event.event),
    "system": lambda event, value: _fits(value, event.system),
    "outcome": lambda event, value: _fits(value, Outcome(event.outcome).word),
    "resource": lambda event, value: _is(value, event.resource),
    "related": _any_related,
    "any": lambda event, value: _is(value, event.resource) or _any_related(event, value),
    "related.id": lambda event, value: any(_fits(value, one[ID]) for one in event.related),
    "related.name": lambda event, value: any(
        _fits(value, display_name(one)) for one in event.related
    ),
    "related.role": lambda event, value: any(_fits(value, one[ROLE]) for one in event.related),
    "id": lambda event, value: value.is_anything or event.id == UUID(value.text),
    "follows": _follows,
}


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
    return isinstance(value, str) and value == "2026-11-21T03:41:35.493638Z"
