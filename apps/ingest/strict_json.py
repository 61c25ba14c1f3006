"""JSON as senders write it, and what in it PostgreSQL or the next reader cannot hold.

Python's parser lets through what the standard or PostgreSQL refuse; it is kept here long enough to
say where it stands. Only messages that a fast decoder has refused come this way.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 256
UNSTORABLE_TEXT = re.compile("[\0\ud800-\udfff]")
# A string, or what opens, closes or parts.
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)

Path = tuple[str | int, ...]


class Malformed(ValueError):
    """The bytes are no JSON text at all."""


class TooDeep(ValueError):
    """The JSON is nested so deeply that it cannot be read; `index` names the event it is in."""

    def __init__(self, index: int | None) -> None:
        super().__init__(TOO_DEEP)
        self.index = index


@dataclass(frozen=True)
class Unstorable:
    """A number that JSON or PostgreSQL has no place for, kept where it was found."""

    text: str
    reason: str


@dataclass(frozen=True)
class Flaw:
    path: Path
    reason: str


TOO_DEEP = f"It is nested deeper than {MAX_DEPTH} levels."
NUL = "It holds the character U+0000, which PostgreSQL cannot store."
SURROGATE = "It holds half a surrogate pair, which is no text."
TEXT_FLAWS = {NUL, SURROGATE}
"""Reasons that `storable` does away with."""
REPLACED = "It held characters that PostgreSQL cannot store: each is now U+FFFD."


def loads(body: bytes) -> object:
    """Parse JSON, leaving an Unstorable where a number is none; raises Malformed or TooDeep."""
    try:
        return json.loads(body, parse_constant=_constant, parse_float=_float, parse_int=_integer)
    except json.JSONDecodeError as error:
        say = f"The JSON is broken at character {error.pos}: {error.msg}."
        raise Malformed(say) from None
    except UnicodeDecodeError as error:
        raise Malformed(f"The JSON is not UTF-8 at byte {error.start}.") from None
    except RecursionError:
        raise TooDeep(_deepest_element(body)) from None


def flaws(value: object) -> Iterator[Flaw]:
    """Yield what in a parsed value cannot be stored, in the order it stands there."""
    waiting: list[tuple[Path, object]] = [((), value)]
    while waiting:
        path, value = waiting.pop()
        if reason := _reason(value):
            yield Flaw(path, reason)
        elif isinstance(value, dict | list):
            if len(path) > MAX_DEPTH - 1:
                yield Flaw(path[:1], TOO_DEEP)
                return
            yield from (Flaw((*path, key), why) for key in value if (why := _key_reason(key)))
            waiting.extend(reversed([((*path, key), held) for key, held in _items(value)]))


def storable(value: Any) -> Any:
    """Put U+FFFD in the place of characters that cannot be stored; all else stays."""
    if isinstance(value, str):
        return UNSTORABLE_TEXT.sub("\ufffd", value)
    if isinstance(value, dict):
        return {storable(key): storable(held) for key, held in value.items()}
    if isinstance(value, list):
        return [storable(held) for held in value]
    return value


def _items(value: dict[str, object] | list[object]) -> Iterator[tuple[str | int, object]]:
    return iter(value.items() if isinstance(value, dict) else enumerate(value))


def _key_reason(key: object) -> str | None:
    return text_reason(key) if isinstance(key, str) else None


def _reason(value: object) -> str | None:
    if isinstance(value, str):
        return text_reason(value)
    return value.reason if isinstance(value, Unstorable) else None


def text_reason(text: str) -> str | None:
    """Return why a text cannot be stored, None when it can."""
    if found := UNSTORABLE_TEXT.search(text):
        return NUL if found[0] == "\0" else SURROGATE
    return None


def _constant(name: str) -> Unstorable:
    return Unstorable(name, f"{name} is no JSON number; send null or a string instead.")


def _float(digits: str) -> float | Unstorable:
    number = float(digits)
    if math.isfinite(number):
        return number
    return Unstorable(digits[:40], "The number is beyond 1.8e308; send a string instead.")


def _integer(digits: str) -> int | Unstorable:
    try:
        return int(digits)
    except ValueError:
        say = f"A whole number of {len(digits):,} digits is too long; send a string instead."
        return Unstorable(f"{digits[:40]}…", say)


def _deepest_element(body: bytes) -> int | None:
    """Return which element of the outermost array nests too deeply."""
    depth = index = 0
    for token in TOKEN.finditer(body):
        match token[0]:
            case b"[" | b"{":
                depth += 1
            case b"]" | b"}":
                depth -= 1
            case b"," if depth == 1:
                index += 1
        if depth > MAX_DEPTH + 1:
            return index if body.lstrip().startswith(b"[") else None
    return None
