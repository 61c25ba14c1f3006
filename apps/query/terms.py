"""The index terms of an event: one function builds them, so SQL and memory agree."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cached_property
from typing import Any, Protocol

from apps.query import lexemes
from apps.query.outcomes import Outcome
from apps.query.words import JUMP, is_time, words_of_each

# Raised when terms_of changes; `manage.py reindex` rewrites rows of an older version.
TERMS_VERSION = 1

ID = "prefect.resource.id"
NAME = "prefect.resource.name"
ROLE = "prefect.resource.role"

# Beyond the first two PostgreSQL cuts silently, beyond the third it refuses.
LAST_POSITION = 16_383
MOST_POSITIONS = 255
MOST_BYTES = (1 << 20) - 1


class Told(Protocol):
    """What terms are built from."""

    @property
    def event(self) -> str: ...
    @property
    def resource(self) -> Mapping[str, str]: ...
    @property
    def related(self) -> Sequence[Mapping[str, str]]: ...
    @property
    def payload(self) -> Mapping[str, Any]: ...
    @property
    def outcome(self) -> int: ...
    @property
    def system(self) -> str: ...


class Terms:
    """The index terms of one event: tsvector text, and what it holds."""

    def __init__(self, text: str, dropped: str | None = None) -> None:
        self.text = text
        self.dropped = dropped

    @cached_property
    def lexemes(self) -> Mapping[str, tuple[int, ...]]:
        """Every lexeme with its positions; only words have some."""
        return {lexeme: self.positions(lexeme) for lexeme in self._places}

    def __contains__(self, lexeme: str) -> bool:
        return lexeme in self._places

    def positions(self, lexeme: str) -> tuple[int, ...]:
        places = self._places.get(lexeme)
        return tuple(map(int, places.split(","))) if places else ()

    def beginning_with(self, beginning: str) -> Sequence[str]:
        """Return the lexemes that begin so."""
        first = last = bisect_left(self._ordered, beginning)
        while last < len(self._ordered) and self._ordered[last].startswith(beginning):
            last += 1
        return self._ordered[first:last]

    # Parsed only when asked: a sender's process needs the text alone.
    @cached_property
    def _places(self) -> Mapping[str, str]:
        pairs = _LEXEME.findall(self.text)
        if "''" in self.text or "\\" in self.text:
            return {lexemes.unquoted(lexeme): places for lexeme, places in pairs}
        return dict(pairs)

    @cached_property
    def _ordered(self) -> Sequence[str]:
        return sorted(self._places)


_LEXEME = re.compile(r"'([^'\\]*(?:(?:''|\\\\)[^'\\]*)*)'(?::([\d,]+))?")


def terms_from_text(text: str) -> Terms:
    """Read the column `terms` as PostgreSQL writes it."""
    return Terms(text)


def terms_of(told: Told) -> Terms:
    """Build the index terms of an event, ready to be sent as tsvector text."""
    resource, related = told.resource, told.related
    strings = [told.event, *resource.values()]
    keys = [told.system, *resource]
    for one in related:
        strings += one.values()
        keys += one
    # Looked at once for all of them: nearly always there is nothing to escape or to cut.
    write = lexemes.written_plain if lexemes.are_plain(strings + keys) else lexemes.written
    marks = [
        write(lexemes.EVENT, told.event),
        _OUTCOMES[told.outcome],
        write(lexemes.SYSTEM, told.system),
        write(lexemes.PRIMARY_ID, resource[ID]),
        write(lexemes.PRIMARY_NAME, display_name(resource)),
    ]
    for key, value in resource.items():
        if key not in _PARTS_OF_PRIMARY:
            marks.append(write(lexemes.PRIMARY_LABEL, key, value))
    labels: list[str] = []
    for one in related:
        role = one[ROLE]
        marks += (
            write(lexemes.RELATED_ID, one[ID], role),
            write(lexemes.RELATED_NAME, display_name(one), role),
            write(lexemes.ROLE, role),
        )
        for key, value in one.items():
            if key not in _PARTS_OF_RELATED:
                labels.append(write(lexemes.RELATED_LABEL, key, value))
    strings = [text for text in strings if text[10:11] != "T" or not is_time(text)]
    _gather(told.payload, strings, _STRUCTURE.get(told.system, _NO_STRUCTURE))
    return _fitted(marks, labels, _placed(words_of_each(dict.fromkeys(strings))))


def display_name(labels: Mapping[str, str]) -> str:
    """Say what people call a resource: its name, else the end of its id."""
    for key in _NAMES:
        if name := labels.get(key):
            return name
    return _end_of(labels[ID])


_NAMES = (NAME, "prefect.name", "prefect-cloud.name")
# Said by lexemes of their own.
_PARTS_OF_PRIMARY = frozenset({ID, NAME})
_PARTS_OF_RELATED = frozenset({ID, NAME, ROLE})

# Keys that only hold the parts of a state change. As words they would match every state change
# and be a tenth of its index, which is what bounds recording.
_PREFECT_STRUCTURE = frozenset(
    {
        "empirical_policy",
        "initial_state",
        "intended",
        "state_details",
        "task_inputs",
        "task_run",
        "validated_state",
    }
)
_STRUCTURE = {"prefect": _PREFECT_STRUCTURE, "prefect-cloud": _PREFECT_STRUCTURE}
_NO_STRUCTURE: Set[str] = frozenset()


def _end_of(resource_id: str) -> str:
    end = resource_id.rpartition("/" if "/" in resource_id else ".")[2]
    return end or resource_id


_OUTCOMES: Mapping[int, str] = {
    outcome: lexemes.quoted(lexemes.lexeme(lexemes.OUTCOME, outcome.word)) for outcome in Outcome
}


def _gather(payload: Mapping[str, Any], strings: list[str], structure: Set[str]) -> None:
    """Collect the strings and numbers of a payload, each behind its key.

    A key goes with a value that says nothing in words: null, false, empty, or a time.
    """
    for key, value in payload.items():
        kind = type(value)
        if kind is str:
            # The cheap look first, because most strings are no times.
            if value and (value[10:11] != "T" or not is_time(value)):
                strings.append(key)
                strings.append(value)
        elif kind is dict:
            if value:
                if key not in structure:
                    strings.append(key)
                _gather(value, strings, structure)
        elif kind is int or kind is float:
            strings.append(key)
            if -_HUGE < value < _HUGE:
                strings.append(repr(value))
        elif value:
            strings.append(key)
            if kind is list:
                _gather_list(value, strings, structure)


def _gather_list(values: Iterable[Any], strings: list[str], structure: Set[str]) -> None:
    for value in values:
        kind = type(value)
        if kind is str:
            strings.append(value)
        elif kind is dict:
            _gather(value, strings, structure)
        elif kind is list:
            _gather_list(value, strings, structure)
        elif (kind is int or kind is float) and -_HUGE < value < _HUGE:
            strings.append(repr(value))


# Longer than the longest word; and Python refuses to write integers of 4,300 digits.
_HUGE = 10**64


def _placed(words: Sequence[str]) -> list[str]:
    """Write each word with its positions."""
    places: dict[str, str] = {}
    for word, first, further in zip(words, _FIRST, _FURTHER, strict=False):
        if word in places:
            places[word] += further
        elif word != JUMP:
            places[word] = first
    if len(words) > MOST_POSITIONS:
        places = {word: _capped(at) for word, at in places.items()}
        for word in words[len(_FIRST) :]:
            if word != JUMP:
                places.setdefault(word, f"':{LAST_POSITION}")
    return [f"'{word}{at}" for word, at in places.items()]


def _capped(places: str) -> str:
    if places.count(",") < MOST_POSITIONS:
        return places
    return ",".join(places.split(",", MOST_POSITIONS)[:MOST_POSITIONS])


# Written out beforehand: formatting numbers was a fifth of the time. One position stays free
# before the last, so that the words put there are in no phrase.
_FIRST = [f"':{position}" for position in range(1, LAST_POSITION - 1)]
_FURTHER = [f",{position}" for position in range(1, LAST_POSITION - 1)]


def _fitted(marks: Sequence[str], labels: Sequence[str], words: Sequence[str]) -> Terms:
    """Join the terms; beyond 1 MB words go first, then labels of related resources."""
    text = " ".join([*marks, *labels, *words])
    # A character takes at most four bytes. The text is never shorter than what it becomes.
    if len(text) * 4 <= MOST_BYTES or len(text.encode()) <= MOST_BYTES:
        return Terms(text)
    return _cut_to_size(
        {"related resources": marks, "labels of related resources": labels, "words": words}
    )


def _cut_to_size(by_importance: Mapping[str, Sequence[str]]) -> Terms:
    kept: list[str] = []
    lost: list[str] = []
    room = MOST_BYTES
    for what, terms in by_importance.items():
        for term in dict.fromkeys(terms):
            room -= len(term.encode()) + 1
            if room < 0:
                lost.append(what)
                break
            kept.append(term)
    said = " and ".join(lost)
    return Terms(" ".join(kept), f"The event is so large that some {said} cannot be searched for.")
