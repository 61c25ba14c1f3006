"""OTLP logs in JSON, which is protobuf's JSON with exceptions.

Ids are hexadecimal, enums are whole numbers only, 64-bit numbers may be strings, keys are
lowerCamelCase, unknown ones are ignored: opentelemetry-proto, docs/specification.md, JSON.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from apps.ingest.adapters.message import Unreadable
from apps.ingest.adapters.otlp.record import (
    MAX_DEPTH,
    Broken,
    Record,
    Scope,
    Told,
    hexadecimal,
    number,
    text,
)

WHOLE = re.compile(r"-?\d+", re.ASCII)
HEXADECIMAL = re.compile(r"([0-9a-fA-F]{2})*")
NUL_ESCAPED = b"\\u0000"

NULL = msgspec.Raw(b"null")

Whole = int | str | None


class Camel(msgspec.Struct, frozen=True, rename="camel"):
    """A message; null is the same as absent."""


class AnyValue(Camel, frozen=True):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Whole = None
    double_value: float | str | None = None
    array_value: "ArrayValue | None" = None
    kvlist_value: "KeyValueList | None" = None
    bytes_value: str | None = None


class KeyValue(Camel, frozen=True):
    key: str | None = None
    value: AnyValue | None = None


class ArrayValue(Camel, frozen=True):
    values: list[AnyValue | None] | None = None


class KeyValueList(Camel, frozen=True):
    values: list[KeyValue] | None = None


Attributes = list[KeyValue] | None


class LogRecord(Camel, frozen=True):
    time_unix_nano: Whole = None
    observed_time_unix_nano: Whole = None
    severity_number: int | None = None
    severity_text: str | None = None
    body: AnyValue | None = None
    attributes: Attributes = None
    dropped_attributes_count: int | None = None
    flags: int | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None


class Resource(Camel, frozen=True):
    attributes: Attributes = None


class InstrumentationScope(Camel, frozen=True):
    name: str | None = None
    version: str | None = None
    attributes: Attributes = None


class ScopeLogs(Camel, frozen=True):
    scope: msgspec.Raw = NULL
    log_records: list[msgspec.Raw] | None = None


class ResourceLogs(Camel, frozen=True):
    resource: msgspec.Raw = NULL
    scope_logs: list[ScopeLogs] | None = None


class Request(Camel, frozen=True):
    resource_logs: list[ResourceLogs] | None = None


REQUEST = msgspec.json.Decoder(Request)
RESOURCE = msgspec.json.Decoder(Resource | None)
SCOPE = msgspec.json.Decoder(InstrumentationScope | None)
RECORD = msgspec.json.Decoder(LogRecord)


def read_json(body: bytes) -> Iterator[Told]:
    """Read an ExportLogsServiceRequest."""
    request = _decoded(REQUEST, body)
    for logs in request.resource_logs or ():
        resource = _resource(logs.resource)
        for scope_logs in logs.scope_logs or ():
            scope = _scope(resource, scope_logs.scope)
            alone = _enclosing(logs.resource, scope_logs.scope)
            for raw in map(bytes, scope_logs.log_records or ()):
                yield Told(raw, scope, _read(raw), alone)


def _read(raw: bytes) -> Record | Unreadable:
    try:
        return _record(raw)
    except Broken as broken:
        return broken.unreadable


def _record(raw: bytes) -> Record:
    told = _decoded(RECORD, raw)
    return Record(
        time=_moment(told.time_unix_nano, "timeUnixNano"),
        observed=_moment(told.observed_time_unix_nano, "observedTimeUnixNano"),
        severity=told.severity_number or 0,
        severity_text=told.severity_text or "",
        body=_value(told.body),
        attributes=_attributes(told.attributes),
        dropped=told.dropped_attributes_count or 0,
        flags=told.flags or 0,
        trace_id=_id(told.trace_id, "traceId"),
        span_id=_id(told.span_id, "spanId"),
        event_name=told.event_name or "",
    )


def _resource(raw: msgspec.Raw) -> dict[str, Any]:
    told = _decoded(RESOURCE, raw)
    return _attributes(told.attributes) if told else {}


def _scope(resource: dict[str, Any], raw: msgspec.Raw) -> Scope:
    told = _decoded(SCOPE, raw)
    if not told:
        return Scope(resource)
    return Scope(resource, told.name or "", told.version or "", _attributes(told.attributes))


def _decoded(decoder: msgspec.json.Decoder[Any], raw: Any) -> Any:
    try:
        value = decoder.decode(raw)
    except RecursionError:
        raise Broken(f"A value is nested deeper than {MAX_DEPTH} levels.") from None
    except msgspec.ValidationError as error:
        raise _misfit(error) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Broken(f"The JSON is broken: {error}.") from None
    if decoder is not REQUEST and NUL_ESCAPED in bytes(raw):
        _look_for_nul(msgspec.json.decode(raw))
    return value


def _misfit(error: msgspec.ValidationError) -> Broken:
    """Say where it is: “Expected `int`, got `str` - at `$.severityNumber`”."""
    say, _, where = str(error).partition(" - at `$")
    return Broken(f"{say}.", *filter(None, [where.rstrip("`").lstrip(".")]))


def _look_for_nul(value: Any) -> None:
    """Refuse U+0000; the same letters behind a second backslash are none."""
    if isinstance(value, str):
        text(value)
    elif isinstance(value, dict):
        for key, held in value.items():
            text(key)
            _look_for_nul(held)
    elif isinstance(value, list):
        for held in value:
            _look_for_nul(held)


def _attributes(pairs: Attributes) -> dict[str, Any]:
    return _object(pairs, 0) if pairs else {}


def _object(pairs: list[KeyValue] | None, depth: int) -> dict[str, Any]:
    return {pair.key or "": _value(pair.value, depth) for pair in pairs or ()}


def _value(told: AnyValue | None, depth: int = 0) -> Any:
    if told is None:
        return None
    if told.string_value is not None:
        return told.string_value
    if told.int_value is not None:
        return _whole(told.int_value, "intValue", least=-(1 << 63), most=(1 << 63) - 1)
    return _rarer_value(told, depth + 1)


def _rarer_value(told: AnyValue, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise Broken(f"A value is nested deeper than {MAX_DEPTH} levels.")
    if told.array_value is not None:
        return [_value(item, depth) for item in told.array_value.values or ()]
    if told.kvlist_value is not None:
        return _object(told.kvlist_value.values, depth)
    if told.double_value is not None:
        return _double(told.double_value)
    return told.bool_value if told.bool_value is not None else told.bytes_value


def _double(told: float | str) -> float | str:
    try:
        return number(float(told))
    except ValueError:
        raise Broken("A doubleValue must be a number.") from None


def _moment(told: Whole, field: str) -> int:
    # Unsigned on the wire; Flink sends -1 ms there for a time that it does not know.
    value = _whole(told or 0, field, least=-(1 << 63), most=(1 << 64) - 1)
    return value - (1 << 64) if value >> 63 > 0 else value


def _whole(told: int | str, field: str, *, least: int, most: int) -> int:
    if isinstance(told, str):
        # Longer digits take Python long to read.
        if len(told) > 20 or not WHOLE.fullmatch(told):
            raise Broken(f"{field} must be a whole number of 64 bits.", field)
        told = int(told)
    if not least <= told <= most:
        raise Broken(f"{field} must be a whole number of 64 bits.", field)
    return told


def _id(told: str | None, field: str) -> str:
    if not told:
        return ""
    if not HEXADECIMAL.fullmatch(told):
        raise Broken(f"{field} must be hexadecimal.", field)
    return hexadecimal(bytes.fromhex(told))


def _enclosing(resource: msgspec.Raw, scope: msgspec.Raw) -> Callable[[bytes], bytes]:
    """Return what writes a request with one record alone."""

    def alone(record: bytes) -> bytes:
        logs = b'{"scope":%b,"logRecords":[%b]}' % (bytes(scope), record)
        return b'{"resourceLogs":[{"resource":%b,"scopeLogs":[%b]}]}' % (bytes(resource), logs)

    return alone
