"""CloudEvents in protobuf, as flyteadmin puts them into Pub/Sub and SNS.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/cloudevents.proto

The schema is small and frozen, so it is read here rather than by a library that is optional.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

# Fields of CloudEvent.
TEXTS = {1: "id", 2: "source", 3: "specversion", 4: "type"}
ATTRIBUTES, BINARY_DATA, TEXT_DATA, PROTO_DATA = 5, 6, 7, 8
# Of CloudEventAttributeValue.
BOOLEAN, INTEGER, BYTES, TIMESTAMP = 1, 2, 4, 7


class NoProtobuf(ValueError):
    """The bytes are no such message."""


@dataclass
class Wire:
    """A CloudEvent as it stands in the message, with nothing checked."""

    attributes: dict[str, object] = field(default_factory=dict)
    data: bytes | str | None = None


def batch_in_protobuf(raw: bytes) -> list[bytes]:
    """Return the events of a CloudEventBatch, each still in bytes; raises NoProtobuf."""
    return [_message(value) for number, value in _fields(raw) if number == 1]


def event_in_protobuf(raw: bytes) -> Wire:
    """Read a CloudEvent; raises NoProtobuf."""
    wire = Wire()
    for number, value in _fields(raw):
        if name := TEXTS.get(number):
            wire.attributes[name] = _text(value)
        elif number == ATTRIBUTES:
            name, told = _attribute(_message(value))
            wire.attributes.setdefault(name, told)
        elif number == BINARY_DATA:
            wire.data = _message(value)
        elif number == TEXT_DATA:
            wire.data = _text(value)
        elif number == PROTO_DATA:
            _any(wire, _message(value))
    return wire


def _attribute(raw: bytes) -> tuple[str, object]:
    entry = dict(_fields(raw))
    return _text(entry.get(1, b"")), _value(_message(entry.get(2, b"")))


def _value(raw: bytes) -> object:
    for number, value in _fields(raw):
        match number:
            case _ if isinstance(value, int):
                return bool(value) if number == BOOLEAN else _signed(value)
            case _ if number == TIMESTAMP:
                return _moment(value)
            case _ if number == BYTES:
                return value.hex()
            case _:
                return _text(value)
    return ""


def _any(wire: Wire, raw: bytes) -> None:
    """Take a packed message: its bytes are the data, and its type says what they are."""
    packed = dict(_fields(raw))
    wire.data = _message(packed.get(2, b""))
    wire.attributes.setdefault("datacontenttype", "application/protobuf")
    wire.attributes.setdefault("dataschema", _text(packed.get(1, b"")))


def _moment(raw: bytes) -> str:
    told = dict(_fields(raw))
    seconds, nanos = told.get(1, 0), told.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        raise NoProtobuf("A timestamp in the protobuf message is none.")
    try:
        moment = EPOCH + timedelta(seconds=_signed(seconds), microseconds=_signed(nanos) // 1000)
    except OverflowError:
        raise NoProtobuf("A timestamp in the protobuf message is beyond the calendar.") from None
    return moment.isoformat()


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _text(value: bytes | int) -> str:
    try:
        return _message(value).decode()
    except UnicodeDecodeError:
        raise NoProtobuf("A text in the protobuf message is not UTF-8.") from None


def _message(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise NoProtobuf("The protobuf message has a number where a text is due.")
    return value


def _fields(raw: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield each field of a message with its number: https://protobuf.dev/programming-guides/encoding"""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        value, at = _field(raw, at, tag & 7)
        yield tag >> 3, value


def _field(raw: bytes, at: int, kind: int) -> tuple[bytes | int, int]:
    if kind == VARINT:
        return _varint(raw, at)
    if kind == LENGTH:
        length, at = _varint(raw, at)
    elif kind in (FIXED64, FIXED32):
        length = 8 if kind == FIXED64 else 4
    else:
        raise NoProtobuf(f"The bytes are no protobuf message: byte {at} begins no field.")
    if at + length > len(raw):
        raise NoProtobuf("The protobuf message is cut off.")
    return raw[at : at + length], at + length


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(raw):
            raise NoProtobuf("The protobuf message is cut off.")
        value |= (raw[at] & 0x7F) << shift
        at += 1
        if raw[at - 1] < 0x80:
            return value & (1 << 64) - 1, at
    raise NoProtobuf("The bytes are no protobuf message: a number in it has no end.")
