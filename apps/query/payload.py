"""What is asked of a payload: a path into it, and a test of what stands there.

Arrays are looked into, one level at each step and two at the end, as PostgreSQL's lax jsonpath
does; `[]` says so aloud. A test has one type: numbers are compared with numbers, times with texts
that are times.
"""

import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from apps.query.glob import Glob
from apps.query.terms import STRUCTURE
from apps.query.tree import AllOf, Happened, Lexeme, Node, Predicate, Sql, any_of
from apps.query.when import THAN, Bounds
from apps.query.words import holds_time, words_of

Test = Callable[[Any], bool]

NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
WORDS = {"true": True, "false": False, "null": None}
# A number written out is the same in digits and in words only so far.
PLAIN_NUMBERS = 10**15
# Texts that are taken for times, in PostgreSQL as here; finer than a microsecond is cut off.
TIME = (
    r"^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)?)?$"
)
_TIME = re.compile(TIME.replace("$", r"\Z"), re.ASCII)
_FINER = re.compile(r"(\.\d{6})\d+")
_AS_TIME = (
    "CASE WHEN jsonb_typeof(one) = 'string' AND (one #>> '{{}}') ~ %s"
    " AND pg_input_is_valid(one #>> '{{}}', 'timestamptz')"
    " THEN {told} ELSE FALSE END"
)
_TOLD = r"regexp_replace(one #>> '{}', '(\.\d{6})\d+', '\1')::timestamptz"


@dataclass(frozen=True)
class Path:
    """Keys from the outside to the inside; None stands for `[]`."""

    steps: tuple[str | None, ...]

    @property
    def jsonpath(self) -> str:
        return "$" + "".join("[*]" if step is None else f".{_json(step)}" for step in self.steps)

    @property
    def key(self) -> str:
        """The innermost key."""
        return next((step for step in reversed(self.steps) if step is not None), "")

    def found(self, payload: Mapping[str, Any]) -> list[Any]:
        """Return the values that stand there, an array as its elements, and theirs."""
        items: list[Any] = [payload]
        for step in self.steps:
            items = _opened(items)
            if step is not None:
                items = [one[step] for one in items if isinstance(one, Mapping) and step in one]
        return _opened(_opened(items))


def _opened(items: Sequence[Any]) -> list[Any]:
    return [one for item in items for one in (item if isinstance(item, list) else (item,))]


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True)
class AtPath(Node, ABC):
    """Something that one of the values at a path must fulfil."""

    path: Path

    @abstractmethod
    def test(self) -> Test: ...

    def predicate(self) -> Predicate:
        path, test = self.path, self.test()

        def holds(event: Happened, _: object) -> bool:
            return any(map(test, path.found(event.payload)))

        return holds

    def _filtered(self, condition: str) -> Sql:
        # A comparison opens an array by itself, each side on its own: none is to be left for it.
        text = f'{self.path.jsonpath}[*] ? (@.type() != "array" && ({condition}))'
        return Sql("payload @? %s::jsonpath", [text])

    def _any(self, condition: str, params: list[Any]) -> Sql:
        # A filter would open the second one by itself.
        path = f"{self.path.jsonpath}[*][*]"
        return Sql(
            f"EXISTS (SELECT FROM jsonb_path_query(payload, %s::jsonpath) one WHERE {condition})",
            [path, *params],
        )


@dataclass(frozen=True)
class Present(AtPath):
    """Anything but null."""

    def where(self) -> Sql:
        return self._any("jsonb_typeof(one) <> 'null'", [])

    def test(self) -> Test:
        return lambda value: value is not None


@dataclass(frozen=True)
class Equal(AtPath):
    """This text, or the number, truth or null that an unquoted one spells."""

    text: str
    quoted: bool = False

    def where(self) -> Sql:
        alternatives = [f"@ == {_json(self.text)}"]
        if not self.quoted:
            if self.text in WORDS:
                alternatives.append(f"@ == {self.text}")
            elif (number := number_of(self.text)) is not None:
                alternatives.append(f"@ == {number!r}")
        return self._filtered(" || ".join(alternatives))

    def test(self) -> Test:
        text = self.text
        if self.quoted:
            return lambda value: value == text
        if text in WORDS:
            word = WORDS[text]
            return lambda value: value is word or value == text
        if (number := number_of(text)) is not None:
            return lambda value: value == text or (_is_number(value) and value == number)
        return lambda value: value == text


@dataclass(frozen=True)
class Like(AtPath):
    """A text that a glob fits."""

    glob: Glob

    def where(self) -> Sql:
        condition = "jsonb_typeof(one) = 'string' AND (one #>> '{}') LIKE %s"
        return self._any(condition, [self.glob.like()])

    def test(self) -> Test:
        matches = self.glob.matches
        return lambda value: isinstance(value, str) and matches(value)


@dataclass(frozen=True)
class Compared(AtPath):
    """A number within bounds, of which either may be missing."""

    bounds: tuple[tuple[str, int | float], ...]
    """Each as a comparison and a number."""

    def where(self) -> Sql:
        return self._filtered(" && ".join(f"@ {than} {number!r}" for than, number in self.bounds))

    def test(self) -> Test:
        tests = [(THAN[than], number) for than, number in self.bounds]
        return lambda value: _is_number(value) and all(than(value, to) for than, to in tests)


@dataclass(frozen=True)
class ToldTime(AtPath):
    """A text that is a time within bounds."""

    bounds: Bounds

    def where(self) -> Sql:
        within = self.bounds.sql(_TOLD)
        return self._any(_AS_TIME.format(told=within.text), [TIME, *within.params])

    def test(self) -> Test:
        holds = self.bounds.settled()

        def within(value: Any) -> bool:
            told = time_of(value)
            return told is not None and holds(told)

        return within


def time_of(value: Any) -> datetime | None:
    """Return the time that a value of a payload tells; without a zone it is UTC."""
    if not isinstance(value, str) or not _TIME.match(value):
        return None
    try:
        told = datetime.fromisoformat(_FINER.sub(r"\1", value))
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def number_of(text: str) -> int | float | None:
    """Return the number that a text spells, None when it spells none."""
    if not NUMBER.fullmatch(text):
        return None
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return None
    if exact == exact.to_integral_value() and abs(exact.adjusted()) < 400:
        return int(exact)
    near = float(exact)
    return near if math.isfinite(near) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# What the index knows of a payload: its keys and values as words. It narrows, and the test checks.


def spells_more(text: str) -> bool:
    """Whether it is more than a text without quotes: a number, a measure, a truth or null."""
    return text in WORDS or number_of(text) is not None or is_measure(text)


def equal(path: Path, text: str, *, quoted: bool) -> Node:
    quoted = quoted and spells_more(text)
    check = Equal(path, text, quoted)
    # Not in the index are times, the strings behind some keys, and what says nothing, key and all.
    spells_nothing = not quoted and text in ("false", "null")
    if not text or spells_nothing or holds_time(text) or path.key in STRUCTURE:
        return check
    number = None if quoted else number_of(text)
    readings = [words_of(text)]
    if number is not None:
        readings.append(words_of(repr(number)))
    is_other = not quoted and (text == "true" or (number and abs(number) >= PLAIN_NUMBERS))
    if is_other or not all(readings):
        return _narrowed(_words(path.key), check)
    value = any_of(*[AllOf(tuple(map(Lexeme, words))) for words in readings])
    return _narrowed((*_words(path.key), value), check)


def like(path: Path, glob: Glob) -> Node:
    check = Like(path, glob)
    # Neither a time nor an empty text is in the index, nor then its key.
    could_be_time = not glob.head or glob.head[0].isdigit()
    if could_be_time or path.key in STRUCTURE:
        return check
    return _narrowed(_words(path.key), check)


def compared(path: Path, bounds: Sequence[tuple[str, int | float]]) -> Node:
    return _narrowed(_words(path.key), Compared(path, tuple(bounds)))


def _words(key: str) -> tuple[Node, ...]:
    return tuple(map(Lexeme, words_of(key)))


def _narrowed(words: tuple[Node, ...], check: Node) -> Node:
    return AllOf((*words, check)) if words else check


# Units, where the name of what is measured says in which it is.

_SCALES: Mapping[str, Mapping[str, Decimal]] = {
    "ms": {"us": Decimal("0.001"), "ms": Decimal(1), "s": Decimal(1000), "m": Decimal(60_000),
           "min": Decimal(60_000), "h": Decimal(3_600_000), "d": Decimal(86_400_000)},
    "s": {"us": Decimal("0.000001"), "ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60),
          "min": Decimal(60), "h": Decimal(3600), "d": Decimal(86_400)},
    "bytes": {"B": Decimal(1), "kB": Decimal(10**3), "MB": Decimal(10**6), "GB": Decimal(10**9),
              "TB": Decimal(10**12), "KiB": Decimal(2**10), "MiB": Decimal(2**20),
              "GiB": Decimal(2**30), "TiB": Decimal(2**40)},
}  # fmt: skip
_UNIT_OF_KEY = {
    "ms": re.compile(r"(?:^|[_.-])(?:ms|millis|milliseconds)$|(?:Ms|Millis|Milliseconds)$"),
    "s": re.compile(r"(?:^|[_.-])(?:s|secs?|seconds|run_time|duration)$|(?:Secs|Seconds)$"),
    "bytes": re.compile(r"(?:^|[_.-])(?:bytes|size)$|(?:Bytes|Size)$"),
}
_MEASURED = re.compile(r"([+-]?\d+(?:\.\d+)?)([a-zA-Z]+)", re.ASCII)


def is_measure(text: str) -> bool:
    found = _MEASURED.fullmatch(text)
    return bool(found and any(found[2] in scale for scale in _SCALES.values()))


def measured(key: str, text: str) -> int | float | None:
    """Read `1.5s` or `4kB` in the unit that the key names; None when it names none that fits."""
    found = _MEASURED.fullmatch(text)
    if not found:
        return None
    for unit, names in _UNIT_OF_KEY.items():
        if names.search(key) and found[2] in _SCALES[unit]:
            return number_of(format(Decimal(found[1]) * _SCALES[unit][found[2]], "f"))
    return None
