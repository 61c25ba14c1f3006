"""Flyte's requests as binary protobuf, read with the classes of the package flyteidl.

It is imported when the first message comes: it is optional, and Python 3.14 has none.
"""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from apps.ingest.adapters.flyte.forms import Message, Repeated, Values, Wrong
from apps.ingest.adapters.flyte.messages import EVENTS, REQUESTS

MISSING = (
    "Flyte's protobuf needs the package flyteidl, which is not installed: run"
    ' `pip install "eventfeed[grpc]"`, or `pip install flyteidl` into the environment of'
    " Eventfeed. It needs Python 3.13 or older. The JSON of the same event can be read without."
)
CLASSES = {
    "workflows": "WorkflowExecutionEventRequest",
    "nodes": "NodeExecutionEventRequest",
    "tasks": "TaskExecutionEventRequest",
}
# The field `event` of each request.
EVENT = 2


class Missing(Exception):
    """The package flyteidl is not installed."""


def request_of(kind: str, raw: bytes) -> Values:
    """Read a request; raises Wrong, or Missing without flyteidl."""
    told = _parsed(request_class(kind), raw)
    told.DiscardUnknownFields()
    # Written again it has the size of what came, unless something was let go.
    if told.ByteSize() == len(raw):
        return REQUESTS[kind].of_protobuf(told)
    return _closely(kind, raw)


@cache
def request_class(kind: str) -> Any:
    try:
        return getattr(import_module("flyteidl.admin.event_pb2"), CLASSES[kind])
    except ImportError as error:
        raise Missing(MISSING) from error


def _parsed(message: Any, raw: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return message.FromString(raw)
    except DecodeError as error:
        raise Wrong(f"The bytes are no {message.DESCRIPTOR.full_name}: {error}.") from None


# From here on: messages with fields that are newer than flyteidl, or with two sides of a oneof.


def _closely(kind: str, raw: bytes) -> Values:
    message = _parsed(request_class(kind), raw)
    values = REQUESTS[kind].of_protobuf(message)
    _keep_unknown(REQUESTS[kind], message, values)
    if "event" in values:
        for name, value in _overruled(kind, raw):
            values["event"].setdefault(name, value)
    return values


def _keep_unknown(form: Message, message: Any, values: Values) -> None:
    """Put fields without a name under their number, in every message of the message."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    unknowns: Any = UnknownFieldSet(message)
    for unknown in unknowns:
        values[str(unknown.field_number)] = _unnamed(unknown.data)
    for name, inner in form.forms.items():
        if name not in values:
            continue
        if isinstance(inner, Message):
            _keep_unknown(inner, getattr(message, name), values[name])
        elif isinstance(inner, Repeated) and isinstance(inner.form, Message):
            for held, told in zip(getattr(message, name), values[name], strict=True):
                _keep_unknown(inner.form, held, told)


def _unnamed(data: Any) -> Any:
    if isinstance(data, int):
        return data
    if not isinstance(data, bytes):
        return [_unnamed(field.data) for field in data]
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return b64encode(data).decode()
    return text if text.isprintable() else b64encode(data).decode()


def _overruled(kind: str, raw: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a oneof that came before the one which the parser took."""
    event_class = request_class(kind).DESCRIPTOR.fields_by_number[EVENT].message_type
    numbers = {
        event_class.fields_by_name[name].number
        for group in EVENTS[kind].oneofs.values()
        for name in group
    }
    fields: dict[int, bytes] = {}
    event = b"".join(content for number, _, content in _fields(raw) if number == EVENT)
    for number, whole, _ in _fields(event):
        if number in numbers:
            fields[number] = fields.get(number, b"") + whole
    for whole in fields.values():
        yield from EVENTS[kind].of_protobuf(_parsed(event_class._concrete_class, whole)).items()


def _fields(raw: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield number, bytes and content of the fields of a message that a parser has taken.

    https://protobuf.dev/programming-guides/encoding/
    """
    at = 0
    while at < len(raw):
        begin = at
        tag, at = _varint(raw, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 2:
            size, at = _varint(raw, at)
        elif wire_type in FIXED_SIZES:
            size = FIXED_SIZES[wire_type]
        elif wire_type == 0:
            _, end = _varint(raw, at)
            size = end - at
        else:
            # Groups: proto3 has none, and no older Flyte had.
            return
        yield number, raw[begin : at + size], raw[at : at + size]
        at += size


FIXED_SIZES = {1: 8, 5: 4}


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
