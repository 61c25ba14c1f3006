"""Reading what is posted; what is wrong with it is said as Prefect's server says it."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from apps.feed.prefect.times import read_moment

T = TypeVar("T")

# PostgreSQL has no text with it, and takes none as a question.
NUL = rb"\u0000"

_WHERE = re.compile(r"(?P<say>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?\Z", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d*|\.\.\.)\]")
_FIELD = re.compile(r"`(.*)`\Z")
# What its validator calls these, and the sentences of its own.
_UNKNOWN = ("extra_forbidden", "Extra inputs are not permitted")
_MISSING = ("missing", "Field required")


class Invalid(Exception):
    """What was asked cannot be read: 422, with `detail` for each mistake."""

    def __init__(self, detail: list[dict[str, Any]], body: Any = None) -> None:
        super().__init__("; ".join(one["msg"] for one in detail))
        self.detail = detail
        self.body = body


class Refused(Exception):
    """What was asked is understood, but not answered: 422 with a sentence."""


def read_body(raw: bytes, type: type[T]) -> T:
    """Read a JSON body, of which an absent one is an empty object; raises Invalid."""
    return read_value(value_of(raw or b"{}"), type)


def value_of(raw: bytes) -> Any:
    """Read JSON; raises Invalid."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(f"JSON decode error: {error}") from None
    if NUL in raw:
        raise _not_json("JSON decode error: no event has a text with U+0000 in it")
    return value


def _not_json(say: str) -> Invalid:
    return Invalid([{"type": "json_invalid", "loc": ["body"], "msg": say}])


def read_value(value: Any, type: type[T]) -> T:
    """Read what was JSON; raises Invalid."""
    try:
        return msgspec.convert(value, type, dec_hook=read_moment)
    except msgspec.ValidationError as error:
        raise Invalid([_detail(str(error), value)], value) from None


def _detail(told: str, body: Any) -> dict[str, Any]:
    """Say msgspec's "… - at `$.filter.limit`" as a validator's finding."""
    found = _WHERE.match(told)
    assert found
    say, path = found["say"], [name or index for name, index in _STEP.findall(found["path"] or "")]
    kind = "value_error"
    if field := _FIELD.search(say):
        if say.startswith("Object contains unknown field"):
            (kind, say), path = _UNKNOWN, [*path, field[1]]
        elif say.startswith("Object missing required field"):
            (kind, say), path = _MISSING, [*path, field[1]]
    return _finding(kind, path, say, body)


def mistake_at(path: str, say: str, body: Any) -> Invalid:
    """Say what is wrong at `trigger.triggers[1].within` of what was posted."""
    steps = [name or index for name, index in _STEP.findall(f".{path}")]
    return Invalid([_finding("value_error", steps, say, body)], body)


def _finding(kind: str, path: list[str], say: str, body: Any) -> dict[str, Any]:
    loc = [int(step) if step.isdecimal() else step for step in path]
    return {"type": kind, "loc": ["body", *loc], "msg": say, "input": _at(body, loc)}


def _at(value: Any, path: list[Any]) -> Any:
    """Return what stands there, or the last that did."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return value
    return value
