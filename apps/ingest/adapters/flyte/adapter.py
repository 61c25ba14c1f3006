"""Flyte's dialect: events as propeller sends them to flyteadmin, and as flyteadmin publishes them.

By HTTP, gRPC, externalEvents or CloudEvents of either version, one event of Flyte gives one draft
with one id.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from apps.events.draft import Draft
from apps.ingest import strict_json
from apps.ingest.adapters.cloudevents.adapter import CloudEvent
from apps.ingest.adapters.flyte.drafts import Told, draft_of, started
from apps.ingest.adapters.flyte.forms import Values, Wrong
from apps.ingest.adapters.flyte.messages import EXECUTION_START, PUBLISHED, REQUESTS
from apps.ingest.adapters.flyte.protobuf import Missing, request_of
from apps.ingest.adapters.message import Element, Message, Problem, Unreadable, cut, media_type
from apps.ingest.strict_json import REPLACED, TEXT_FLAWS, Malformed, TooDeep, storable

Reading = tuple[Draft, ...] | Unreadable

PROTOBUF = {
    "application/octet-stream",
    "application/protobuf",
    "application/x-protobuf",
    "application/vnd.google.protobuf",
}
# The key of Pub/Sub's message, or the subject of SNS's, when externalEvents publishes.
EXTERNAL_EVENTS = {
    "flyteidl.admin.WorkflowExecutionEventRequest": "workflows",
    "flyteidl.admin.NodeExecutionEventRequest": "nodes",
    "flyteidl.admin.TaskExecutionEventRequest": "tasks",
}
# What the field names of an event tell of its kind, where the path did not.
TELLING = {"task_id": "tasks", "taskId": "tasks", "id": "nodes"}
JSON = msgspec.json.Decoder()
FAST_DECODER_REFUSES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
NUL = b"\\u0000"


def read_flyte(message: Message) -> Iterator[Element]:
    """Read the body of a request: its kind (`workflows`, `nodes`, `tasks`) is said by the path."""
    read = _read_protobuf if media_type(message) in PROTOBUF else _read_json
    yield Element(None, message.body, read(message.kind, message.body))


def read_flyte_request(kind: str, raw: bytes) -> Reading:
    """Read the protobuf of an `admin.*EventRequest`, as gRPC and externalEvents carry it."""

    def drafts() -> tuple[Draft, ...]:
        request = request_of(kind, raw)
        # A NUL in a text is a byte of the message, too; but so are those of a float.
        if b"\0" in raw and NUL in msgspec.json.encode(request):
            return _drafts_of_request(kind, storable(request), raw, (REPLACED,))
        return _drafts_of_request(kind, request, raw)

    return _told(drafts)


def read_flyte_cloudevent(event: CloudEvent) -> Reading:
    """Read what flyteadmin publishes: its CloudEvents of version 1 and 2.

    The id of the CloudEvent says less than the event in it (a task's holds neither execution nor
    attempt), so the identity is the event's own.
    """
    return _told(lambda: (_published(event),))


def _read_json(kind: str, body: bytes) -> Reading:
    def drafts() -> tuple[Draft, ...]:
        value, warnings = _json(body)
        told = kind or _kind_in(value)
        return _drafts_of_request(told, REQUESTS[told].of_json(value), body, warnings)

    return _told(drafts)


def _read_protobuf(kind: str, body: bytes) -> Reading:
    if kind:
        return read_flyte_request(kind, body)
    # Only as one of these kinds the message has its identifiers.
    readings = [read_flyte_request(kind, body) for kind in ("tasks", "nodes", "workflows")]
    return next((one for one in readings if not isinstance(one, Unreadable)), readings[-1])


def _kind_in(value: Any) -> str:
    event = value.get("event") if isinstance(value, dict) else None
    keys = event if isinstance(event, dict) else {}
    return next((kind for key, kind in TELLING.items() if key in keys), "workflows")


def _drafts_of_request(
    kind: str, request: Values, raw: bytes, warnings: tuple[str, ...] = ()
) -> tuple[Draft, ...]:
    event, around = _parted(request, "event")
    told = Told(event, around, size=len(raw), warnings=warnings)
    return (_draft(kind, told, "event"),)


def _parted(values: Values, name: str) -> tuple[Values, Values]:
    """Part the event from what stands around it, which is mostly an empty request id."""
    event = values.pop(name, None)
    if event is None:
        raise Wrong(f"The event is missing; it stands under {name}.", name)
    return event, {key: value for key, value in values.items() if value != ""}


def _draft(kind: str, told: Told, *path: str) -> Draft:
    try:
        return draft_of(kind, told)
    except Wrong as wrong:
        raise wrong.inside(*path) from None


# JSON, and what in it PostgreSQL cannot hold.


def _json(body: bytes) -> tuple[Any, tuple[str, ...]]:
    """Parse JSON; raises Malformed, TooDeep or Wrong."""
    try:
        value = JSON.decode(body)
    except FAST_DECODER_REFUSES:
        return _json_closely(body)
    if NUL in body or body.count(b"{") + body.count(b"[") > strict_json.MAX_DEPTH:
        return _json_closely(body)
    return value, ()


def _json_closely(body: bytes) -> tuple[Any, tuple[str, ...]]:
    value = strict_json.loads(body)
    is_odd = False
    for flaw in strict_json.flaws(value):
        if flaw.reason not in TEXT_FLAWS:
            raise Wrong(flaw.reason, *flaw.path)
        is_odd = True
    return (storable(value), (REPLACED,)) if is_odd else (value, ())


# What flyteadmin publishes.


def _published(event: CloudEvent) -> Draft:
    read = next((read for head, read in PUBLICATIONS.items() if event.type.startswith(head)), None)
    kind = event.type.rpartition(".")[2]
    if read is None or kind not in PUBLISHED_KINDS:
        raise Wrong(f"{cut(event.type)} is no type of flyteadmin's that is known.", "type")
    try:
        return read(PUBLISHED_KINDS[kind], event)
    except Wrong as wrong:
        raise wrong.inside("data") from None


def _of_version_1(kind: str, event: CloudEvent) -> Draft:
    inner, around = _parted(REQUESTS[kind].of_json(event.data.value), "event")
    return _draft(kind, _enveloped(event, inner, around), "event")


def _of_version_2(kind: str, event: CloudEvent) -> Draft:
    if kind == START:
        start = EXECUTION_START.of_json(event.data.value)
        return started(_enveloped(event, start, {}, EXECUTION_START.known(start)))
    inner, around = _parted(PUBLISHED[kind].of_json(event.data.value), "raw_event")
    told = _enveloped(event, inner, around, PUBLISHED[kind].known(around))
    return _draft(kind, told, "raw_event")


def _enveloped(
    event: CloudEvent, inner: Values, around: Values, published: Values | None = None
) -> Told:
    return Told(
        inner,
        around,
        published or {},
        time=event.time,
        size=len(event.raw),
        warnings=event.warnings,
    )


START = "start"
PUBLICATIONS: Mapping[str, Callable[[str, CloudEvent], Draft]] = {
    "com.flyte.resource.flyteidl.admin.": _of_version_1,
    "com.flyte.resource.cloudevents.": _of_version_2,
}
# By the last word of a CloudEvent's type, in version 1 and 2.
PUBLISHED_KINDS = {
    "WorkflowExecutionEventRequest": "workflows",
    "NodeExecutionEventRequest": "nodes",
    "TaskExecutionEventRequest": "tasks",
    "WorkflowExecution": "workflows",
    "NodeExecution": "nodes",
    "TaskExecution": "tasks",
    "ExecutionStart": START,
}


def _told(drafts: Callable[[], tuple[Draft, ...]]) -> Reading:
    try:
        return drafts()
    except Wrong as wrong:
        return Unreadable(400, (Problem(wrong.path, "value_error", str(wrong)),))
    except (Malformed, TooDeep) as error:
        return Unreadable.because(400, str(error), type="json_invalid")
    except Missing as missing:
        return Unreadable.because(415, str(missing), type="missing_package")
