"""Prefect's event as it arrives: bytes to a checked event, or to what is wrong with it and where.

The schema and its limits are those of prefect/server/events/schemas/events.py. A decoder with
types reads nearly every event; what it refuses is read again closely, because a sender needs the
path and a sentence, and because the real server takes more forms of times and ids.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE
from apps.ingest import strict_json
from apps.ingest.adapters.message import Problem, Unreadable
from apps.ingest.strict_json import Malformed, Path, TooDeep

MAX_EVENT_BYTES = 1_500_000
MAX_NAME = 1_024
MAX_LABELS = 500
MAX_RELATED = 100
# PostgreSQL's btree refuses keys over 2,704 bytes, and resources are looked up by id.
MAX_ID_BYTES = 1_024

Labels = Annotated[dict[str, str], msgspec.Meta(max_length=MAX_LABELS)]


class PrefectEvent(msgspec.Struct):
    id: UUID
    occurred: datetime
    event: Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
    resource: Labels
    related: Annotated[list[Labels], msgspec.Meta(max_length=MAX_RELATED)] = []
    payload: dict[str, Any] = {}
    follows: UUID | None = None


EVENT = msgspec.json.Decoder(PrefectEvent)
BATCH = msgspec.json.Decoder(list[msgspec.Raw])
FAST_DECODER_REFUSES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Reading = PrefectEvent | Unreadable


class Posted(msgspec.Struct, frozen=True):
    """A part of a posted body: an event with its place, or without one the whole body."""

    index: int | None
    raw: bytes
    reading: Reading


def read_batch(body: bytes) -> Iterator[Posted]:
    """Yield each event of a posted array, or once what the whole body is not."""
    try:
        raws = BATCH.decode(body)
    except FAST_DECODER_REFUSES:
        yield from _read_batch_closely(body)
        return
    for index, raw in enumerate(map(bytes, raws)):
        yield Posted(index, raw, read(raw))


def read(raw: bytes) -> Reading:
    """Read one event."""
    try:
        told = EVENT.decode(raw)
    except FAST_DECODER_REFUSES:
        return read_closely(raw)
    if _hides_more_than_types_say(raw) or not _is_plain(told):
        return read_closely(raw)
    return _bounded(told, len(raw))


def _hides_more_than_types_say(raw: bytes) -> bool:
    return b"\\u0000" in raw or raw.count(b"{") + raw.count(b"[") > strict_json.MAX_DEPTH


def _is_plain(told: PrefectEvent) -> bool:
    return (
        _is_named(told.resource)
        and all(_is_named(labels) and labels.get(RESOURCE_ROLE) for labels in told.related)
        # In the first and last year another zone can leave the calendar.
        and 1 < told.occurred.year < 9999
    )


def _is_named(labels: dict[str, str]) -> bool:
    # A character has four bytes at most.
    return 0 < len(labels.get(RESOURCE_ID, "")) <= MAX_ID_BYTES // 4


def _bounded(told: PrefectEvent, size: int) -> Reading:
    # Blanks and escapes do not count, as they do not for Prefect.
    if size > MAX_EVENT_BYTES and (size := len(msgspec.json.encode(told))) > MAX_EVENT_BYTES:
        say = f"The event has {size:,} bytes; the limit is {MAX_EVENT_BYTES:,}."
        return Unreadable(413, (Problem((), "event_too_large", say),), event_id=str(told.id))
    return told


# From here on: the close reading.


class Wrong(ValueError):
    def __init__(self, type: str, reason: str, *path: str | int) -> None:
        super().__init__(reason)
        self.type = type
        self.path = path


def read_closely(raw: bytes) -> Reading:
    try:
        value = strict_json.loads(raw)
    except Malformed as error:
        return _wholly_wrong(400, "json_invalid", str(error))
    except TooDeep as error:
        return _wholly_wrong(422, "too_deep", str(error))
    return read_value(value, len(raw))


def _read_batch_closely(body: bytes) -> Iterator[Posted]:
    try:
        value = strict_json.loads(body)
    except Malformed as error:
        yield Posted(None, body, _wholly_wrong(400, "json_invalid", str(error)))
        return
    except TooDeep as error:
        yield Posted(error.index, body, _wholly_wrong(422, "too_deep", str(error)))
        return
    if not isinstance(value, list):
        say = "The body must be an array of events."
        yield Posted(None, body, _wholly_wrong(422, "list_type", say, excerpt(value)))
        return
    for index, item in enumerate(value):
        raw = _as_json(item).encode()
        yield Posted(index, raw, read_value(item, len(raw)))


def _wholly_wrong(status: int, type: str, say: str, found: str | None = None) -> Unreadable:
    return Unreadable(status, (Problem((), type, say, found),))


def read_value(value: object, size: int) -> Reading:
    """Read an event that is parsed already, closely."""
    if not isinstance(value, dict):
        return _wholly_wrong(422, "dict_type", "An event must be an object.", excerpt(value))
    told: dict[str, Any] = {}
    problems = []
    for name, check in FIELDS.items():
        if name not in value:
            if name in REQUIRED:
                problems.append(Problem((name,), "missing", f"The field {name} is required."))
            continue
        try:
            told[name] = _checked(value[name], check)
        except Wrong as wrong:
            path = (name, *wrong.path)
            found = excerpt(_at(value, path))
            problems.append(Problem(path, wrong.type, str(wrong), found))
    if problems:
        return Unreadable(422, tuple(problems), event_id=_claimed_id(value))
    return _bounded(PrefectEvent(**told), size)


def _checked(value: object, check: Callable[[Any], Any]) -> object:
    for flaw in strict_json.flaws(value):
        raise Wrong("value_error", flaw.reason, *flaw.path)
    return check(value)


def _uuid(value: object) -> UUID:
    if not isinstance(value, str):
        raise Wrong("uuid_type", "It must be a UUID, written as a string.")
    if not UUID_FORM.fullmatch(value):
        raise Wrong("uuid_parsing", "It must be a UUID.")
    return UUID(value)


def _optional_uuid(value: object) -> UUID | None:
    return None if value is None else _uuid(value)


def _moment(value: object) -> datetime:
    try:
        moment = _instant(value)
        # One without a zone is told in UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        say = "It must be a time between the years 1 and 9999, such as 2026-11-21T14:32:07.690Z."
        raise Wrong("datetime_parsing", say) from None


def _instant(value: object) -> datetime:
    if isinstance(value, str):
        return _unix(float(value)) if UNIX_FORM.fullmatch(value) else _iso(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _unix(value)
    raise ValueError


def _iso(text: str) -> datetime:
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return datetime.fromisoformat(text.upper())


def _unix(number: float) -> datetime:
    # As pydantic has it: what is too large for seconds is milliseconds.
    seconds = number if abs(number) <= 2e10 else number / 1000
    return EPOCH + timedelta(seconds=seconds)


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise Wrong("string_type", "It must be a string.")
    if len(value) > MAX_NAME:
        say = f"A name has at most {MAX_NAME:,} characters, this one {len(value):,}."
        raise Wrong("string_too_long", say)
    return value


def _resource(value: object) -> dict[str, str]:
    labels = _labels(value)
    _need(labels, RESOURCE_ID)
    if len(labels[RESOURCE_ID].encode()) > MAX_ID_BYTES:
        say = f"An id has at most {MAX_ID_BYTES:,} bytes."
        raise Wrong("string_too_long", say, RESOURCE_ID)
    return labels


def _related(value: object) -> list[dict[str, str]]:
    if not isinstance(value, list):
        raise Wrong("list_type", "It must be an array of resources.")
    if len(value) > MAX_RELATED:
        say = f"An event has at most {MAX_RELATED} related resources, this one {len(value):,}."
        raise Wrong("too_long", say)
    return [_in_role(index, resource) for index, resource in enumerate(value)]


def _in_role(index: int, value: object) -> dict[str, str]:
    try:
        labels = _resource(value)
        _need(labels, RESOURCE_ROLE)
    except Wrong as wrong:
        raise Wrong(wrong.type, str(wrong), index, *wrong.path) from None
    return labels


def _labels(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Wrong("dict_type", "A resource must be an object of labels.")
    if len(value) > MAX_LABELS:
        say = f"A resource has at most {MAX_LABELS} labels, this one {len(value):,}."
        raise Wrong("too_long", say)
    for label, text in value.items():
        if not isinstance(text, str):
            raise Wrong("string_type", "The value of a label must be a string.", label)
    return value


def _need(labels: dict[str, str], label: str) -> None:
    if label not in labels:
        raise Wrong("missing", f"The label {label} is required.", label)
    if not labels[label]:
        raise Wrong("value_error", f"The label {label} must not be empty.", label)


def _payload(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Wrong("dict_type", "It must be an object.")
    return value


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNIX_FORM = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_DASHED = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
UUID_FORM = re.compile(rf"(urn:uuid:)?{_DASHED}|\{{{_DASHED}\}}|[0-9a-fA-F]{{32}}")

REQUIRED = ("occurred", "event", "resource", "id")
FIELDS: dict[str, Callable[[Any], Any]] = {
    "occurred": _moment,
    "event": _name,
    "resource": _resource,
    "related": _related,
    "payload": _payload,
    "id": _uuid,
    "follows": _optional_uuid,
}


def excerpt(value: object) -> str:
    """Return a found value as one short line of JSON: nobody wants megabytes back."""
    text = _as_json(value)
    return text if len(text) <= 100 else f"{text[:99]}…"


def _as_json(value: object) -> str:
    try:
        return json.dumps(value, default=lambda unstorable: unstorable.text)
    except RecursionError:
        return "…"


def _at(value: Any, path: Path) -> object:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _claimed_id(value: dict[str, Any]) -> str | None:
    claimed = value.get("id")
    return claimed[:100] if isinstance(claimed, str) else None
