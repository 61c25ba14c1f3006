"""The index terms of an event: one function builds them, so SQL and memory agree."""

import re
import struct
from abc import ABC, abstractmethod
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
# What a lexeme takes beside its text and its positions: to be aligned, and to count them.
BESIDE = 3


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


class Terms(ABC):
    """The index terms of one event: its lexemes; words have positions."""

    @abstractmethod
    def positions(self, lexeme: str) -> tuple[int, ...]: ...

    @property
    @abstractmethod
    def _places(self) -> Mapping[str, Any]: ...

    @cached_property
    def lexemes(self) -> Mapping[str, tuple[int, ...]]:
        """Every lexeme with its positions; only words have some."""
        return {lexeme: self.positions(lexeme) for lexeme in self._places}

    def __contains__(self, lexeme: str) -> bool:
        return lexeme in self._places

    def among(self, lexemes: Set[str]) -> Set[str]:
        """Return those of the lexemes that are there."""
        return self._places.keys() & lexemes

    def beginning_with(self, beginning: str) -> Sequence[str]:
        """Return the lexemes that begin so."""
        first = last = bisect_left(self._ordered, beginning)
        while last < len(self._ordered) and self._ordered[last].startswith(beginning):
            last += 1
        return self._ordered[first:last]

    @cached_property
    def _ordered(self) -> Sequence[str]:
        return sorted(self._places)


class BuiltTerms(Terms):
    """Terms as they are to be stored; `dropped` says in a sentence what they had no room for."""

    def __init__(self, places: Mapping[str, str], dropped: str | None = None) -> None:
        self._at = places
        self.dropped = dropped

    @property
    def _places(self) -> Mapping[str, str]:
        return self._at

    def positions(self, lexeme: str) -> tuple[int, ...]:
        at = self._at.get(lexeme, "").encode("latin-1")
        return struct.unpack(f">{len(at) // 2}H", at)

    @property
    def binary(self) -> bytes:
        """Write a tsvector as its receive function reads it.

        That is the number of lexemes, then for each its text, a zero, the number of its positions
        and those. They are sorted there: PostgreSQL's source, utils/adt/tsvector.c, tsvectorrecv.
        """
        places = self._at
        if not "".join(places).isascii():
            # Their bytes as characters, like those of the positions.
            places = {one.encode().decode("latin-1"): at for one, at in places.items()}
        parts = [f"{lexeme}{_COUNTS[len(at)]}{at}" for lexeme, at in places.items()]
        return len(places).to_bytes(4) + "".join(parts).encode("latin-1")

    @property
    def text(self) -> str:
        """Write it as tsvector's text input reads it."""
        told = ((lexemes.quoted(lexeme), self.positions(lexeme)) for lexeme in self._at)
        return " ".join(f"{one}:{','.join(map(str, at))}" if at else one for one, at in told)


class ReadTerms(Terms):
    """Terms from the column's text, which is looked into only when asked."""

    def __init__(self, text: str) -> None:
        self.text = text

    def positions(self, lexeme: str) -> tuple[int, ...]:
        places = self._places.get(lexeme)
        return tuple(map(int, places.split(","))) if places else ()

    @cached_property
    def _places(self) -> Mapping[str, str]:
        pairs = _LEXEME.findall(self.text)
        if "''" in self.text or "\\" in self.text:
            return {lexemes.unquoted(lexeme): places for lexeme, places in pairs}
        return dict(pairs)


_LEXEME = re.compile(r"'([^'\\]*(?:(?:''|\\\\)[^'\\]*)*)'(?::([\d,]+))?")


def terms_of(told: Told) -> BuiltTerms:
    """Build the index terms of an event."""
    resource, related = told.resource, told.related
    strings = [told.event, *resource.values()]
    keys = [told.system, *resource]
    for one in related:
        strings += one.values()
        keys += one
    # Looked at once for all of them: nearly always there is nothing to escape or to cut.
    lexeme = lexemes.plain if lexemes.are_plain(strings + keys) else lexemes.lexeme
    marks = [
        lexeme(lexemes.EVENT, told.event),
        _OUTCOMES[told.outcome],
        lexeme(lexemes.SYSTEM, told.system),
        lexeme(lexemes.PRIMARY_ID, resource[ID]),
        lexeme(lexemes.PRIMARY_NAME, display_name(resource)),
    ]
    for key, value in resource.items():
        if key not in _PARTS_OF_PRIMARY:
            marks.append(lexeme(lexemes.PRIMARY_LABEL, key, value))
    labels: list[str] = []
    for one in related:
        role = one[ROLE]
        marks += (
            lexeme(lexemes.RELATED_ID, one[ID], role),
            lexeme(lexemes.RELATED_NAME, display_name(one), role),
            lexeme(lexemes.ROLE, role),
        )
        for key, value in one.items():
            if key not in _PARTS_OF_RELATED:
                labels.append(lexeme(lexemes.RELATED_LABEL, key, value))
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
# Which schema each facet follows, and who wrote it, was a quarter of the time of its terms.
_OPENLINEAGE_STRUCTURE = frozenset(
    {"_producer", "_schemaURL", "facets", "inputFacets", "job", "outputFacets", "run"}
)
_STRUCTURE = {
    "openlineage": _OPENLINEAGE_STRUCTURE,
    "prefect": _PREFECT_STRUCTURE,
    "prefect-cloud": _PREFECT_STRUCTURE,
}
_NO_STRUCTURE: Set[str] = frozenset()
STRUCTURE: Set[str] = frozenset().union(*_STRUCTURE.values())
"""Keys that may be no words, depending on the system."""


def _end_of(resource_id: str) -> str:
    end = resource_id.rpartition("/" if "/" in resource_id else ".")[2]
    return end or resource_id


_OUTCOMES: Mapping[int, str] = {
    outcome: lexemes.lexeme(lexemes.OUTCOME, outcome.word) for outcome in Outcome
}


def _gather(payload: Mapping[str, Any], strings: list[str], structure: Set[str]) -> None:
    """Collect the strings and numbers of a payload, each behind its key.

    A key goes with a value that says nothing in words: null, false, empty, or a time. A key of the
    structure is no word, nor is a string behind it.
    """
    for key, value in payload.items():
        kind = type(value)
        if kind is str:
            # The cheap look first, because most strings are no times.
            said = value and key not in structure
            if said and (value[10:11] != "T" or not is_time(value)):
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


def _placed(words: Sequence[str]) -> dict[str, str]:
    """Give each word its positions."""
    places: dict[str, str] = {}
    known = places.get
    for word, at in zip(words, _AT, strict=False):
        places[word] = known(word, "") + at
    places.pop(JUMP, None)
    if len(words) > MOST_POSITIONS:
        places = {word: at[: 2 * MOST_POSITIONS] for word, at in places.items()}
        for word in words[len(_AT) :]:
            if word != JUMP:
                places.setdefault(word, _LAST)
    return places


def _two_bytes(number: int) -> str:
    """Write a number as PostgreSQL reads it, in characters, because text is joined faster."""
    return chr(number >> 8) + chr(number & 255)


# Written out beforehand: formatting numbers was a fifth of the time. One position stays free
# before the last, so that the words put there are in no phrase.
_AT = [_two_bytes(position) for position in range(1, LAST_POSITION - 1)]
_LAST = _two_bytes(LAST_POSITION)
# What stands between a lexeme and so many characters of positions: a zero and their number.
_COUNTS = [f"\0{_two_bytes(size // 2)}" for size in range(2 * MOST_POSITIONS + 1)]


def _fitted(marks: Sequence[str], labels: Sequence[str], words: Mapping[str, str]) -> BuiltTerms:
    """Join the terms; beyond 1 MB words go first, then labels of related resources."""
    places = dict.fromkeys([*marks, *labels], "")
    places.update(words)
    # A character takes at most four bytes. Most of a million is left nearly always.
    at_most = 4 * len("".join(places)) + len("".join(places.values())) + BESIDE * len(places)
    if at_most <= MOST_BYTES:
        return BuiltTerms(places)
    return _cut_to_size(
        {
            "related resources": dict.fromkeys(marks, ""),
            "labels of related resources": dict.fromkeys(labels, ""),
            "words": words,
        }
    )


def _cut_to_size(by_importance: Mapping[str, Mapping[str, str]]) -> BuiltTerms:
    kept: dict[str, str] = {}
    lost: list[str] = []
    room = MOST_BYTES
    for what, places in by_importance.items():
        for lexeme, at in places.items():
            room -= len(lexeme.encode()) + len(at) + BESIDE
            if room < 0:
                lost.append(what)
                break
            kept[lexeme] = at
    if not lost:
        # Fewer bytes than they could have been.
        return BuiltTerms(kept)
    said = " and ".join(lost)
    return BuiltTerms(kept, f"The event is so large that some {said} cannot be searched for.")
