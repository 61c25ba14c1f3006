"""Events of Flyte as its own wheel writes them, with whatever fields a test is about."""

import json
from typing import Any

import pytest

# Python 3.14 has none, so there the tests that import this module are skipped.
pytest.importorskip("flyteidl")

from flyteidl.admin import event_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict

from apps.events.draft import RESOURCE_ROLE, Draft
from apps.ingest.adapters.cloudevents.draft import read_cloudevents
from apps.ingest.adapters.flyte.adapter import read_flyte
from apps.ingest.adapters.message import Message, Unreadable

REQUESTS = {
    "workflows": event_pb2.WorkflowExecutionEventRequest,
    "nodes": event_pb2.NodeExecutionEventRequest,
    "tasks": event_pb2.TaskExecutionEventRequest,
}
PUBLISHED = {"workflows": "WorkflowExecution", "nodes": "NodeExecution", "tasks": "TaskExecution"}
EXECUTION = {"project": "flytesnacks", "domain": "development", "name": "f1"}
TASK = {
    "resource_type": "TASK",
    "project": "flytesnacks",
    "domain": "development",
    "name": "workflows.train.fit",
    "version": "v1",
}
NODE_ID = {"node_id": "n0-0-dn1", "execution_id": EXECUTION}
TIME = {"occurred_at": "2026-11-20T10:00:07Z"}
EVENTS: dict[str, dict[str, Any]] = {
    "workflows": {"execution_id": EXECUTION, "phase": "RUNNING", **TIME},
    "nodes": {"id": NODE_ID, "phase": "RUNNING", **TIME},
    "tasks": {"task_id": TASK, "parent_node_execution_id": NODE_ID, "phase": "RUNNING", **TIME},
}


def event(kind: str, **fields: Any) -> dict[str, Any]:
    told = {**EVENTS[kind], **fields}
    return {key: value for key, value in told.items() if value is not None}


def request(kind: str, **fields: Any) -> Any:
    """Make the request of an event with the classes of the wheel."""
    return ParseDict({"event": event(kind, **fields)}, REQUESTS[kind]())


def by_json(kind: str, told: dict[str, Any]) -> Message:
    return Message(json.dumps({"event": told}).encode(), kind=kind)


def by_protobuf(kind: str, raw: bytes) -> Message:
    return Message(raw, "application/octet-stream", kind=kind)


def by_version_1(kind: str, told: Any) -> Message:
    """Publish a request as flyteadmin's first version does: jsonpb in a binary CloudEvent."""
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "project:%22flytesnacks%22.RUNNING",
        "ce-source": "https://github.com/flyteorg/flyte/flyteadmin",
        "ce-type": f"com.flyte.resource.{told.DESCRIPTOR.full_name}",
        "ce-time": "2026-11-20T10:00:07Z",
    }
    return Message(json.dumps(MessageToDict(told)).encode(), "application/json", headers)


def by_version_2(kind: str, told: Any, **around: Any) -> Message:
    """Publish its event as the second version does: structured, with what admin adds."""
    return structured(PUBLISHED[kind], {"rawEvent": MessageToDict(told.event), **around})


def structured(type: str, data: dict[str, Any]) -> Message:
    content = {
        "specversion": "1.0",
        "id": 'project:"flytesnacks" domain:"development".RUNNING',
        "source": "f1/n0-0-dn1",
        "type": f"com.flyte.resource.cloudevents.{type}",
        "datacontenttype": "application/json",
        "time": "2026-11-20T10:00:07Z",
        "data": data,
        "jsonschemaurl": "",
    }
    return Message(json.dumps(content).encode(), "application/cloudevents+json")


def read(message: Message) -> Draft:
    """Read the one event of a message."""
    reading = reading_of(message)
    assert not isinstance(reading, Unreadable), reading
    [draft] = reading
    return draft


def reading_of(message: Message) -> tuple[Draft, ...] | Unreadable:
    is_cloudevent = "ce-type" in message.headers or "cloudevents" in message.content_type
    [element] = (read_cloudevents if is_cloudevent else read_flyte)(message)
    return element.reading


def draft(kind: str, **fields: Any) -> Draft:
    """Read an event that is told in JSON."""
    return read(by_json(kind, event(kind, **fields)))


def refusal(message: Message) -> tuple[str, str]:
    """Return where a message is wrong, and why."""
    reading = reading_of(message)
    assert isinstance(reading, Unreadable), reading
    [problem] = reading.problems
    return problem.where, problem.reason


def in_role(told: Draft, role: str) -> list[str]:
    return [
        labels["prefect.resource.id"] for labels in told.related if labels[RESOURCE_ROLE] == role
    ]


def filled(descriptor: Descriptor) -> dict[str, Any]:
    """Give every field of a message a value, as JSON has it, and the first of each oneof."""
    told = {}
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if oneof is None or oneof.fields[0].name == field.name:
            told[field.name] = [_value(field)] if field.is_repeated else _value(field)
    return told


WHOLE = {
    "google.protobuf.Timestamp": "2026-11-20T10:00:07.123456Z",
    "google.protobuf.Duration": "60.500s",
    "google.protobuf.Struct": {"gpu": 1, "nodes": ["a", None, True, {"b": 0.5}]},
    "flyteidl.core.LiteralMap": {"literals": {"o0": {"scalar": {"primitive": {"integer": "4"}}}}},
    "flyteidl.core.CompiledWorkflowClosure": {"primary": {"template": {"id": {"name": "w"}}}},
}


def _value(field: FieldDescriptor) -> Any:
    if field.message_type:
        return WHOLE.get(field.message_type.full_name) or filled(field.message_type)
    if field.enum_type:
        return field.enum_type.values[-1].name
    if isinstance(field.default_value, str):
        return f"a {field.name}"
    return True if field.default_value is False else field.number
