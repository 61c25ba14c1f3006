"""How Flyte's values are read, from JSON and from protobuf alike.

Both become the same plain values: snake_case names, enums by name, times in RFC 3339. What no
table knows is kept as it was told.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, Protocol

from apps.ingest.strict_json import Path

Values = dict[str, Any]


class Wrong(ValueError):
    """A value is not what the message has in its place."""

    def __init__(self, reason: str, *path: str | int) -> None:
        super().__init__(reason)
        self.path: Path = path

    def inside(self, *path: str | int) -> "Wrong":
        self.path = (*path, *self.path)
        return self


Read = Callable[[Any], Any]


class Form(Protocol):
    """How the values of one type are read."""

    @property
    def of_json(self) -> Read: ...
    @property
    def of_protobuf(self) -> Read: ...


@dataclass(frozen=True)
class Value:
    of_json: Read
    of_protobuf: Read
    plain: type | None = None
    """The type of a value in JSON that needs no reading: nearly all have theirs."""


# Values without parts.


def _as_told(value: Any) -> Any:
    return value


def _refused(reason: str) -> Read:
    def refuse(value: Any) -> Any:
        raise Wrong(reason)

    return refuse


def _number(value: Any) -> int:
    """Read a whole number that is told as a string or as 1.0, which protojson takes, too."""
    if (type(value) is float and value.is_integer()) or (
        type(value) is str and WHOLE.fullmatch(value)
    ):
        return int(value)
    raise Wrong("It must be a whole number.")


def _count(value: Any) -> int:
    """Read what is a uint32 in the proto: an attempt, an index, a version of a phase."""
    number = value if type(value) is int else _number(value)
    if 0 <= number < 2**32:
        return number
    raise Wrong("It must be from 0 to 4,294,967,295.")


def _time(told: Any) -> str:
    """Write a Timestamp as protojson does: with 0, 3, 6 or 9 digits after the second."""
    try:
        return f"{_second(told.seconds)}{_fraction(told.nanos)}Z"
    except OverflowError:
        raise Wrong("It must be a time between the years 1 and 9999.") from None


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return (EPOCH + timedelta(seconds=seconds)).isoformat()


def _duration(told: Any) -> str:
    sign = "-" if told.seconds < 0 or told.nanos < 0 else ""
    return f"{sign}{abs(told.seconds)}{_fraction(abs(told.nanos))}s"


def _fraction(nanos: int) -> str:
    if not nanos:
        return ""
    digits = f"{nanos:09}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f".{digits}"


def _struct(told: Any) -> Values:
    return {key: _struct_value(value) for key, value in told.fields.items()}


def _struct_value(told: Any) -> Any:
    match told.WhichOneof("kind"):
        case "string_value":
            return told.string_value
        case "number_value":
            return _plain_number(told.number_value)
        case "bool_value":
            return told.bool_value
        case "struct_value":
            return _struct(told.struct_value)
        case "list_value":
            return [_struct_value(value) for value in told.list_value.values]
    return None


def _plain_number(number: float) -> float | int | str:
    if number.is_integer() and abs(number) < 2**53:
        return int(number)
    # JSON has no number for these.
    return number if abs(number) < float("inf") else str(number)


def _whole_message(told: Any) -> Values:
    from google.protobuf.json_format import Error, MessageToDict

    # A literal map of 20 MB would be written out only to be left out.
    if told.ByteSize() > LARGEST:
        return left_out(told.SerializeToString(deterministic=True))
    try:
        return MessageToDict(told, preserving_proto_field_name=True)
    except (Error, ValueError, TypeError):
        # It holds what JSON has no form for: a NaN, a time beyond the calendar.
        return {"protobuf": b64encode(told.SerializeToString()).decode()}


WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)
EPOCH = datetime(1970, 1, 1)

TEXT = Value(_refused("It must be a string."), _as_told, str)
FLAG = Value(_refused("It must be true or false."), _as_told, bool)
NUMBER = Value(_number, _as_told, int)
COUNT = Value(_count, _as_told)
TIME = Value(_refused("It must be a time, such as 2026-11-20T10:00:00.123Z."), _time, str)
DURATION = Value(_refused("It must be a duration, such as 60s."), _duration, str)
STRUCT = Value(_refused("It must be an object."), _struct, dict)
# Literal maps, interfaces and compiled workflows: looked at by people, not by us.
WHOLE_MESSAGE = Value(_refused("It must be an object."), _whole_message, dict)

# Values with parts.


@dataclass(frozen=True)
class Repeated:
    form: Form

    def of_json(self, told: Any) -> list[Any]:
        if type(told) is not list:
            raise Wrong("It must be an array.")
        plain = _plain(self.form)
        values = []
        for index, value in enumerate(told):
            try:
                values.append(value if type(value) is plain else self.form.of_json(value))
            except Wrong as wrong:
                raise wrong.inside(index) from None
        return values

    def of_protobuf(self, told: Any) -> list[Any]:
        return [self.form.of_protobuf(value) for value in told]


def _plain(form: Form) -> type | None:
    return form.plain if isinstance(form, Value) else None


def texts_by_key() -> Form:
    def of_json(told: Any) -> dict[str, str]:
        if type(told) is not dict:
            raise Wrong("It must be an object.")
        for key, value in told.items():
            if type(value) is not str:
                raise Wrong("It must be a string.", key)
        return told

    return Value(of_json, dict)


def enum(*names: str) -> Form:
    """Read an enum by name or number; a value that is not in this table stays as it is."""
    by_number = dict(enumerate(names))
    known = frozenset(names)

    def of_json(told: Any) -> str | int:
        if type(told) is str:
            if told in known:
                return told
            if told.isascii() and told.isdigit() and len(told) < 10:
                return of_number(int(told))
            if NAME.fullmatch(told):
                return told
        elif type(told) is int and -(2**31) <= told < 2**31:
            return of_number(told)
        raise Wrong("It must be the name or the number of a value of its enum.")

    def of_number(told: int) -> str | int:
        return by_number.get(told, told)

    return Value(of_json, of_number)


NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}", re.ASCII)


@dataclass(frozen=True)
class Message:
    """A message: its fields by their names, and the groups of which only one may be told."""

    forms: Mapping[str, Form]
    oneofs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_key: dict[str, tuple[str, type | None, Read]] = field(default_factory=dict)
    by_name: dict[str, Read] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, form in self.forms.items():
            told = (name, _plain(form), form.of_json)
            self.by_key[name] = self.by_key[camel(name)] = told
            self.by_name[name] = form.of_protobuf

    def known(self, values: Values) -> Values:
        """Return the fields that have been checked: of others anything may have been told."""
        return {name: value for name, value in values.items() if name in self.forms}

    def of_json(self, told: Any) -> Values:
        if type(told) is not dict:
            raise Wrong("It must be an object.")
        by_key = self.by_key
        values = {}
        for key, value in told.items():
            name, plain, read = by_key.get(key) or (key, None, _as_told)
            if name in values:
                raise Wrong("It is told twice, in both spellings.", key)
            if value is None:
                continue
            try:
                values[name] = value if type(value) is plain else read(value)
            except Wrong as wrong:
                raise wrong.inside(key) from None
        return values

    def of_protobuf(self, told: Any) -> Values:
        by_name = self.by_name
        values = {}
        for descriptor, value in told.ListFields():
            name = descriptor.name
            try:
                values[name] = by_name[name](value)
            except KeyError:
                values[name] = _of_newer_flyte(value)
            except Wrong as wrong:
                raise wrong.inside(name) from None
        return values


def _of_newer_flyte(value: Any) -> Any:
    """Write down a field that the installed flyteidl knows and we do not."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, str | int | float):
        return value
    if hasattr(value, "ListFields"):
        return _whole_message(value)
    if hasattr(value, "items"):
        return {str(key): _of_newer_flyte(held) for key, held in value.items()}
    return [_of_newer_flyte(held) for held in value]


def message(oneofs: Mapping[str, tuple[str, ...]] | None = None, /, **forms: Form) -> Message:
    return Message(forms, oneofs or {})


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


# What is too large to keep: its size and hash say whether two are the same.

LARGEST = 256 * 1024


class LeftOut(dict[str, Any]):
    """What stands in the place of a value that is too large to keep."""


def left_out(content: bytes) -> LeftOut:
    told = {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    return LeftOut(left_out=told)
