"""OpenTelemetry's dialect: log records that are events, Flink's among them.

OTLP comes as protobuf or as JSON, over HTTP or gRPC; all four give the same drafts.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha1
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import msgspec

from apps.events.draft import Draft
from apps.ingest.adapters.flink.adapter import flink_name, tell_flink
from apps.ingest.adapters.identity import NAMESPACE, derived
from apps.ingest.adapters.message import Element, Message, Unreadable, media_type
from apps.ingest.adapters.otlp.event import Event, event_name, tell_event
from apps.ingest.adapters.otlp.json import read_json
from apps.ingest.adapters.otlp.protobuf import read_protobuf
from apps.ingest.adapters.otlp.record import Broken, Reader, Record, Scope, Told

JSON, PROTOBUF = "application/json", "application/x-protobuf"
READERS: Mapping[str, Reader] = {
    PROTOBUF: read_protobuf,
    "application/protobuf": read_protobuf,
    JSON: read_json,
}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UID = "log.record.uid"
# One encoder, with keys in order: what it writes names an event for good.
CANONICAL = msgspec.json.Encoder(order="sorted")


def read_otlp(message: Message) -> Iterator[Element]:
    """Read an ExportLogsServiceRequest: one element a log record, counted over the request."""
    read = READERS.get(media_type(message))
    if read is None:
        say = f"The Content-Type must be {PROTOBUF} or {JSON}."
        yield Element(None, message.body, Unreadable.because(415, say))
        return
    drafting = Drafting()
    try:
        for index, told in enumerate(_ahead(read(message.body))):
            reading = drafting.read(told.scope, told.record)
            raw = told.alone(told.raw) if isinstance(reading, Unreadable) else told.raw
            yield Element(index, raw, reading)
    except Broken as broken:
        yield Element(None, message.body, broken.unreadable)


def _ahead(records: Iterator[Told]) -> Iterator[Told]:
    """Decode some records before the first of them is told: 36 µs for one instead of 46.

    Decoding and telling by turns push each other out of the processor's caches.
    """
    while part := list(islice(records, 128)):
        yield from part


NO_NAME = Unreadable.because(
    400, "It has no event name: it is a log record, and no event.", "eventName"
)


class Drafting:
    """Makes drafts of one request's records, and tells those apart that say the same."""

    def __init__(self) -> None:
        self.told: Counter[bytes] = Counter()
        self.scope: tuple[Scope, bytes] | None = None

    def read(self, scope: Scope, record: Record | Unreadable) -> tuple[Draft] | Unreadable:
        if isinstance(record, Unreadable):
            return record
        if name := flink_name(scope, record):
            event = tell_flink(name, scope, record)
            # Flink stamps what happened as observed, and the export as the time.
            at = record.observed if record.observed > 0 else record.time
        elif name := event_name(record):
            event = tell_event(name, scope, record)
            at = record.time if record.time > 0 else record.observed
        else:
            return NO_NAME
        return (self._draft(event, max(at, 0), scope, record),)

    def _draft(self, event: Event, at: int, scope: Scope, record: Record) -> Draft:
        uid = record.attributes.get(UID)
        return Draft(
            id=id_by(str(uid)) if uid else self._id(event, at, scope, record),
            occurred=EPOCH + timedelta(microseconds=at // 1_000) if at else datetime.now(UTC),
            event=event.name,
            resource=event.resource,
            related=event.related,
            payload=payload_of(event, scope, record),
            system=event.system,
            outcome=event.outcome,
            message=event.message,
            warnings=event.warnings,
            # Who gives a uid says that another record with it is the same.
            once=bool(uid),
        )

    def _id(self, event: Event, at: int, scope: Scope, record: Record) -> UUID:
        if not at:
            return uuid4()
        content = CANONICAL.encode(
            [
                event.told_name,
                record.severity,
                record.severity_text,
                record.body,
                record.attributes,
                record.trace_id,
                record.span_id,
                at,
            ]
        )
        content = self._named(scope) + content
        self.told[content] += 1
        return _named_by(b"otel %d" % self.told[content] + content)

    def _named(self, scope: Scope) -> bytes:
        """Return what names a scope, encoded once for all its records."""
        if self.scope is None or self.scope[0] is not scope:
            named = [scope.resource, scope.name, scope.version, scope.attributes]
            self.scope = scope, CANONICAL.encode(named)
        return self.scope[1]


def _named_by(content: bytes) -> UUID:
    """Return the UUIDv5 of bytes, which Python makes of texts only before 3.12."""
    digest = sha1(NAMESPACE.bytes + content, usedforsecurity=False).digest()
    return UUID(bytes=digest[:16], version=5)


def id_by(uid: str) -> UUID:
    """Return the id that a record says it has: a UUID, or whatever else its sender makes."""
    try:
        return UUID(uid)
    except ValueError:
        return derived("otel", UID, uid)


def payload_of(event: Event, scope: Scope, record: Record) -> dict[str, Any]:
    """Keep all that the record says, typed; what it leaves out is left out."""
    payload = {
        "name": event.told_name,
        "severity_number": record.severity,
        "severity_text": record.severity_text,
        "attributes": record.attributes,
        "scope": scope.name,
        "scope_version": scope.version,
        "scope_attributes": scope.attributes,
        "resource": scope.resource,
        "time": moment(record.time),
        "observed_time": moment(record.observed),
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "flags": record.flags,
        "dropped_attributes_count": record.dropped,
    }
    payload = {key: value for key, value in payload.items() if value}
    return payload if record.body in (None, "") else {**payload, "body": record.body}


def moment(nanoseconds: int) -> str:
    """Write a time to the nanosecond, as it was told; none if it was not."""
    if nanoseconds <= 0:
        return ""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_to_the_second(seconds)}.{rest:09}Z"


# The records of one request are of a few seconds.
@lru_cache(maxsize=128)
def _to_the_second(seconds: int) -> str:
    return (EPOCH + timedelta(0, seconds)).isoformat()[:19]
