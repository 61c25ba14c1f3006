"""CloudEvents 1.0 as they arrive over HTTP: bytes to checked events, or to what is wrong with them.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from apps.ingest import strict_json
from apps.ingest.adapters.cloudevents.protobuf import (
    NoProtobuf,
    Wire,
    batch_in_protobuf,
    event_in_protobuf,
)
from apps.ingest.adapters.message import Message, Problem, Unreadable, cut, media_type
from apps.ingest.strict_json import Malformed, TooDeep

BATCH = "application/cloudevents-batch"
STRUCTURED = "application/cloudevents"
HEADER = "ce-"
REQUIRED = ("id", "source", "specversion", "type")
VERSION = "1.0"
MOST_BYTES = 16 * 1024 * 1024

ATTRIBUTE = re.compile("[a-z0-9]+")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
MOMENT = re.compile(
    r"(?P<minute>\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d):(?P<second>\d\d)(?P<fraction>\.\d+)?"
    r"(?P<zone>[Zz]|[+-]\d\d:\d\d)?",
    re.ASCII,
)
# How a NUL and half a surrogate pair are escaped in JSON; in UTF-16 every letter has a NUL.
UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\0")
# Media types that hold text although they do not begin with text/.
TEXTS = {
    "application/graphql",
    "application/javascript",
    "application/sql",
    "application/toml",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "application/x-yaml",
    "application/xml",
    "application/yaml",
}
CHARSETS = {"ascii", "iso-8859-1", "us-ascii", "utf-16", "utf-8", "utf8", "windows-1252"}

ONE_OF_BOTH = "An event has data or data_base64, not both."
NOT_STRUCTURED = (
    "It came as application/json; an event in structured mode is application/cloudevents+json."
)
NO_EVENT = (
    "This is no CloudEvent: send the headers ce-id, ce-source, ce-specversion and ce-type, or an "
    "event as application/cloudevents+json, or an array of events as "
    "application/cloudevents-batch+json."
)

Form = Literal["absent", "json", "text", "bytes"]


class Data(NamedTuple):
    """What an event carries, and whether that is a JSON value, a text or bytes."""

    form: Form = "absent"
    value: Any = None
    warnings: tuple[str, ...] = ()

    @property
    def payload(self) -> dict[str, Any]:
        """Write it as the payload of an event, which is an object."""
        match self.form:
            case "absent":
                return {}
            case "json":
                return self.value if isinstance(self.value, dict) else {"data": self.value}
            case "text":
                return {"text": self.value}
            case "bytes":
                return {"data_base64": base64.b64encode(self.value).decode()}


@dataclass(frozen=True)
class CloudEvent:
    """An event whose required attributes are there, as texts like all others."""

    attributes: Mapping[str, str]
    data: Data
    raw: bytes
    """What arrived: the body in binary and structured mode, in a batch this event of it."""
    time: datetime | None = None
    warnings: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.attributes["id"]

    @property
    def source(self) -> str:
        return self.attributes["source"]

    @property
    def type(self) -> str:
        return self.attributes["type"]

    @property
    def subject(self) -> str | None:
        return self.attributes.get("subject") or None


@dataclass(frozen=True)
class Found:
    """An event of a message with its place, or without one what the whole message says."""

    index: int | None
    raw: bytes
    reading: CloudEvent | Unreadable


class Wrong(Exception):
    """What keeps an event from being read."""

    def __init__(self, *problems: Problem, status: int = 400) -> None:
        super().__init__(problems[0].reason)
        self.unreadable = Unreadable(status, problems)

    @classmethod
    def because(cls, reason: str, *path: str | int, status: int = 400) -> "Wrong":
        return cls(Problem(path, "value_error", reason), status=status)


def events_in(message: Message) -> Iterator[Found]:
    """Yield the events of a message: its content type says in which mode it comes."""
    type = media_type(message)
    # The batch's name begins like the other.
    if type.startswith(BATCH):
        yield from _batch(message, BATCHES.get(type.removeprefix(BATCH)))
    elif type.startswith(STRUCTURED):
        yield _structured(message, EVENTS.get(type.removeprefix(STRUCTURED)))
    elif is_binary(message):
        yield _found(None, message.body, lambda: _binary(message))
    else:
        yield from _untold(message)


def is_binary(message: Message) -> bool:
    return any(name.startswith(HEADER) for name in message.headers)


def _found(index: int | None, raw: bytes, read: Callable[[], CloudEvent]) -> Found:
    try:
        if len(raw) > MOST_BYTES:
            say = f"The event has {len(raw):,} bytes; the limit is {MOST_BYTES:,}."
            raise Wrong.because(say, status=413)
        return Found(index, raw, read())
    except Wrong as wrong:
        return Found(index, raw, wrong.unreadable)


# Binary mode.


def _binary(message: Message) -> CloudEvent:
    told: dict[str, object] = {
        name.removeprefix(HEADER): _header(name, value)
        for name, value in message.headers.items()
        if name.startswith(HEADER)
    }
    warnings = []
    if told.pop("datacontenttype", None) is not None:
        warnings.append("The header ce-datacontenttype was left out: Content-Type says it.")
    type = _declared(message)
    if type:
        told["datacontenttype"] = type
    return checked(told, lambda: content(message.body, type), message.body, warnings)


def _declared(message: Message) -> str | None:
    """Return the content type that the sender has named."""
    named = message.headers.get("content-type", message.content_type)
    # A message without the header is taken for JSON, though nobody has said so.
    is_default = "content-type" not in message.headers and named == Message.content_type
    return None if is_default else named


def _header(name: str, value: str) -> str:
    """Undo quotes, which older senders write, and then percent-encoding, once."""
    if quoted := QUOTED.fullmatch(value):
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    try:
        return unquote_to_bytes(value.encode("latin-1")).decode()
    except UnicodeError:
        raise Wrong.because("The header is not percent-encoded UTF-8.", name) from None


# Structured mode and batches.


def _structured(message: Message, read: Callable[[bytes], CloudEvent] | None) -> Found:
    if read is None:
        return Found(None, message.body, _unknown_format(message))
    return _found(None, message.body, lambda: read(message.body))


def _batch(message: Message, part: "Callable[[bytes], Sequence[Part]] | None") -> Iterator[Found]:
    if part is None:
        yield Found(None, message.body, _unknown_format(message))
        return
    try:
        parts = part(message.body)
    except Wrong as wrong:
        yield Found(None, message.body, wrong.unreadable)
        return
    for index, (raw, read) in enumerate(parts):
        yield _found(index, raw, read)


def _unknown_format(message: Message) -> Unreadable:
    say = f"The format {cut(media_type(message))} is not read; send JSON."
    return Unreadable.because(415, say)


def _untold(message: Message) -> Iterator[Found]:
    """Read what came as plain JSON and is a structured event or a batch all the same."""
    match message.body.lstrip()[:1]:
        case b"{" if b'"specversion"' in message.body:
            yield _warned(_found(None, message.body, lambda: _json_event(message.body)))
        case b"[" if b'"specversion"' in message.body:
            yield from map(_warned, _batch(message, _json_parts))
        case _:
            yield Found(None, message.body, Unreadable.because(400, NO_EVENT))


def _warned(found: Found) -> Found:
    if isinstance(found.reading, Unreadable):
        return found
    warnings = (*found.reading.warnings, NOT_STRUCTURED)
    return replace(found, reading=replace(found.reading, warnings=warnings))


def _json_event(raw: bytes) -> CloudEvent:
    value = parsed(raw)
    if not isinstance(value, dict):
        raise Wrong.because("An event must be a JSON object.")
    told = {name: held for name, held in value.items() if name not in ("data", "data_base64")}
    return checked(told, lambda: _json_data(value, raw), raw)


def _json_data(value: Mapping[str, Any], raw: bytes) -> Data:
    """Return what an event in JSON carries: `null` is a value, but for data_base64."""
    told = value.get("datacontenttype")
    type = told if isinstance(told, str) else None
    encoded = value.get("data_base64")
    if encoded is not None:
        if "data" in value:
            raise Wrong.because(ONE_OF_BOTH, "data_base64")
        return content(_from_base64(encoded), type)
    if "data" not in value:
        return Data()
    data = value["data"]
    is_text = isinstance(data, str) and type is not None and not is_json(type)
    return _stored("text" if is_text else "json", data, raw)


def _stored(form: Form, value: Any, raw: bytes) -> Data:
    """Return data out of `raw` as PostgreSQL can hold them."""
    # Looking at the bytes is a hundred times as fast as walking through the value.
    if UNSTORABLE.search(raw) and any(strict_json.flaws(value)):
        return Data(form, strict_json.storable(value), (strict_json.REPLACED,))
    return Data(form, value)


def _from_base64(encoded: object) -> bytes:
    if not isinstance(encoded, str):
        raise Wrong.because("It must be a string of base64.", "data_base64")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong.because("It is no base64.", "data_base64") from None


def _protobuf_event(raw: bytes) -> CloudEvent:
    try:
        return _from_wire(event_in_protobuf(raw), raw)
    except NoProtobuf as error:
        raise Wrong.because(str(error)) from None


def _from_wire(wire: Wire, raw: bytes) -> CloudEvent:
    return checked(wire.attributes, lambda: _wire_data(wire), raw)


def _wire_data(wire: Wire) -> Data:
    told = wire.attributes.get("datacontenttype")
    type = told if isinstance(told, str) else None
    if isinstance(wire.data, str):
        body = wire.data.encode()
        return content(body, type) if type and is_json(type) else _decoded(body, "utf-8")
    return content(wire.data or b"", type)


Part = tuple[bytes, Callable[[], CloudEvent]]
RAW_PARTS = msgspec.json.Decoder(list[msgspec.Raw])


def _json_parts(body: bytes) -> list[Part]:
    try:
        raws = [bytes(raw) for raw in RAW_PARTS.decode(body)]
    except FAST_DECODER_REFUSES:
        value = parsed(body)
        if not isinstance(value, list):
            raise Wrong.because("A batch must be a JSON array of events.") from None
        raws = [json.dumps(item).encode() for item in value]
    return [(raw, lambda raw=raw: _json_event(raw)) for raw in raws]  # type: ignore[misc]


def _protobuf_parts(body: bytes) -> list[Part]:
    try:
        raws = batch_in_protobuf(body)
    except NoProtobuf as error:
        raise Wrong.because(str(error)) from None
    return [(raw, lambda raw=raw: _protobuf_event(raw)) for raw in raws]  # type: ignore[misc]


# By what the content type says after `application/cloudevents` and `application/cloudevents-batch`.
EVENTS: Mapping[str, Callable[[bytes], CloudEvent]] = {
    "": _json_event,
    "+json": _json_event,
    "+protobuf": _protobuf_event,
}
BATCHES: Mapping[str, Callable[[bytes], list[Part]]] = {
    "": _json_parts,
    "+json": _json_parts,
    "+protobuf": _protobuf_parts,
}


# What is the same in all modes.


def checked(
    told: Mapping[str, object],
    data: Callable[[], Data],
    raw: bytes,
    warnings: Sequence[str] = (),
) -> CloudEvent:
    """Return an event of attributes as told; raises Wrong."""
    # The standard shows null for an attribute that is not there.
    told = {name: value for name, value in told.items() if value is not None}
    if problems := [*_problems(told)]:
        raise Wrong(*problems)
    attributes = {name: _as_text(value) for name, value in told.items()}
    time, odd = _time(attributes.get("time"))
    held = data()
    kept = (*warnings, *_oddities(told), *odd, *held.warnings)
    return CloudEvent(attributes, held, raw, time, kept)


def _problems(told: Mapping[str, object]) -> Iterator[Problem]:
    for name in REQUIRED:
        value = told.get(name)
        if value is None:
            yield Problem((name,), "missing", f"The attribute {name} is required.")
        elif not isinstance(value, str) or not value:
            yield Problem((name,), "value_error", f"The attribute {name} must be a text.")
    version = told.get("specversion")
    if isinstance(version, str) and version and version != VERSION:
        say = f"Version {cut(version)} of CloudEvents is not read, only {VERSION}."
        yield Problem(("specversion",), "value_error", say)
    for name, value in told.items():
        if reason := strict_json.text_reason(f"{name} {value}"):
            yield Problem((name,), "value_error", reason)


def _oddities(told: Mapping[str, object]) -> Iterator[str]:
    for name, value in told.items():
        if not ATTRIBUTE.fullmatch(name):
            yield f"The attribute {cut(name)} is named against the standard, which has a-z and 0-9."
        if not isinstance(value, str | bool | int):
            yield f"The attribute {cut(name)} is no text, which the standard does not allow."


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _time(text: str | None) -> tuple[datetime | None, Sequence[str]]:
    if not text:
        return None, ()
    moment = MOMENT.fullmatch(text.strip())
    try:
        if moment is None:
            raise ValueError
        return _instant(moment), () if moment["zone"] else (ZONELESS,)
    except (ValueError, OverflowError):
        say = "It must be a time such as 2026-11-21T14:32:07.690Z (RFC 3339)."
        raise Wrong.because(say, "time") from None


ZONELESS = "The attribute time names no zone; it was taken as UTC."


def _instant(moment: re.Match[str]) -> datetime:
    # Leap seconds are times, too, but not Python's.
    leap = timedelta(seconds=moment["second"] == "60")
    second = "59" if leap else moment["second"]
    zone = (moment["zone"] or "Z").upper()
    text = f"{moment['minute'].upper()}:{second}{moment['fraction'] or ''}{zone}"
    return datetime.fromisoformat(text).astimezone(UTC) + leap


def content(body: bytes, type: str | None) -> Data:
    """Return what bytes of a media type hold; raises Wrong for JSON that is none."""
    if not body:
        return Data()
    if type is None:
        return _guessed(body)
    if is_json(type):
        return _stored("json", parsed(body, "data"), body)
    return _decoded(body, _charset(type)) if _is_text(type) else Data("bytes", body)


def _guessed(body: bytes) -> Data:
    try:
        return _stored("json", parsed(body), body)
    except Wrong:
        return _decoded(body, "utf-8")


def _decoded(body: bytes, charset: str) -> Data:
    try:
        text = body.decode(charset if charset in CHARSETS else "utf-8")
    except UnicodeError:
        return Data("bytes", body)
    return Data("bytes", body) if strict_json.UNSTORABLE_TEXT.search(text) else Data("text", text)


def is_json(type: str) -> bool:
    """Say whether a media type is JSON: `text/json`, `application/vnd.acme+json; charset=utf-8`."""
    bare = type.partition(";")[0].strip().lower()
    return bare.endswith(("/json", "+json"))


def _is_text(type: str) -> bool:
    bare = type.partition(";")[0].strip().lower()
    return bare.startswith("text/") or bare.endswith(("+xml", "+yaml")) or bare in TEXTS


def _charset(type: str) -> str:
    found = re.search(r";\s*charset\s*=\s*\"?([\w.-]+)", type, re.IGNORECASE)
    return found[1].lower() if found else "utf-8"


FAST_DECODER_REFUSES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def parsed(raw: bytes, *path: str) -> Any:
    """Parse JSON whose numbers and depth can be stored; raises Wrong, `path` before its place."""
    try:
        value = msgspec.json.decode(raw)
        if not _may_be_deep(raw):
            return value
    except FAST_DECODER_REFUSES:
        pass
    try:
        value = strict_json.loads(raw)
    except (Malformed, TooDeep) as error:
        raise Wrong.because(str(error), *path) from None
    for flaw in strict_json.flaws(value):
        if flaw.reason not in strict_json.TEXT_FLAWS:
            raise Wrong.because(flaw.reason, *path, *flaw.path)
    return value


def _may_be_deep(raw: bytes) -> bool:
    return raw.count(b"{") + raw.count(b"[") > strict_json.MAX_DEPTH
