"""Flyte's messages as they arrive: JSON in both spellings, and protobuf, from older and newer."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("flyteidl")

from flyteidl.event import cloudevents_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.events.row import rows_of
from apps.ingest.adapters.flyte import messages as flyte_messages
from apps.ingest.adapters.flyte.adapter import read_flyte, read_flyte_request
from apps.ingest.adapters.flyte.forms import Message as MessageForm
from apps.ingest.adapters.flyte.forms import Repeated
from apps.ingest.adapters.flyte.protobuf import request_class
from apps.ingest.adapters.message import Message, Unreadable
from tests.ingest.flyte_messages import (
    EVENTS,
    PUBLISHED,
    REQUESTS,
    TASK,
    by_json,
    by_protobuf,
    draft,
    event,
    filled,
    read,
    reading_of,
    refusal,
    request,
    structured,
)

kinds = pytest.mark.parametrize("kind", EVENTS)


def payload_of(message: Message) -> dict[str, Any]:
    told = read(message)
    assert rows_of([told], source_id=1)
    return told.payload


# Every field.


def fields_of(form: Any, descriptor: Any, path: str = "") -> Iterator[str]:
    """Yield the fields of a wheel's message that our tables do not know, and the reverse."""
    names = {field.name for field in descriptor.fields}
    yield from (f"{path}.{name}" for name in names ^ set(form.forms))
    for name, inner in form.forms.items():
        inner = inner.form if isinstance(inner, Repeated) else inner
        if isinstance(inner, MessageForm) and name in names:
            field = descriptor.fields_by_name[name]
            yield from fields_of(inner, field.message_type, f"{path}.{name}")


@kinds
def test_every_field_of_the_wheel_is_in_the_tables_and_no_other(kind: str) -> None:
    assert not [*fields_of(flyte_messages.REQUESTS[kind], REQUESTS[kind].DESCRIPTOR)]


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (flyte_messages.PUBLISHED["workflows"], "CloudEventWorkflowExecution"),
        (flyte_messages.PUBLISHED["nodes"], "CloudEventNodeExecution"),
        (flyte_messages.PUBLISHED["tasks"], "CloudEventTaskExecution"),
        (flyte_messages.EXECUTION_START, "CloudEventExecutionStart"),
    ],
)
def test_every_field_of_what_admin_publishes_is_in_the_tables(form: Any, name: str) -> None:
    assert not [*fields_of(form, getattr(cloudevents_pb2, name).DESCRIPTOR)]


@kinds
def test_every_field_is_read_alike_from_every_spelling(kind: str) -> None:
    told = ParseDict(filled(REQUESTS[kind].DESCRIPTOR), REQUESTS[kind]())
    spellings = [
        MessageToDict(told, preserving_proto_field_name=True),
        MessageToDict(told),
        MessageToDict(told, preserving_proto_field_name=True, use_integers_for_enums=True),
        MessageToDict(told, use_integers_for_enums=True),
    ]
    snake = spellings[0]["event"]
    by_wire = payload_of(by_protobuf(kind, told.SerializeToString()))
    assert by_wire == {"request_id": "a request_id", **snake}
    for spelling in spellings:
        payload = payload_of(Message(json.dumps(spelling).encode(), kind=kind))
        assert without_literals(payload) == without_literals(by_wire)


def without_literals(payload: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is kept as it was spelled."""
    spelled = {key for key in payload if key.endswith("_data")}
    node = payload.get("task_node_metadata", {}).get("dynamic_workflow", {})
    node.pop("compiled_workflow", None)
    return {key: value for key, value in payload.items() if key not in spelled}


@kinds
def test_zero_values_that_are_written_out_change_nothing(kind: str) -> None:
    told = request(kind)
    written = MessageToDict(told, always_print_fields_with_no_presence=True)
    full = read(Message(json.dumps(written).encode(), kind=kind))
    bare = read(by_protobuf(kind, told.SerializeToString()))
    assert (full.id, full.resource, full.related) == (bare.id, bare.resource, bare.related)


def test_numbers_may_be_strings_and_names_may_be_numbers() -> None:
    told = draft("tasks", retry_attempt="2", phase_version=3.0, phase="8")
    assert told.event == "flyte.task-execution.RETRYABLE_FAILED"
    assert (told.payload["retry_attempt"], told.payload["phase_version"]) == (2, 3)


@pytest.mark.parametrize(
    ("kind", "names"), {"workflows": "FAILING", "nodes": "FAILED", "tasks": "FAILED"}.items()
)
def test_the_same_number_is_another_phase_of_each_kind(kind: str, names: str) -> None:
    assert draft(kind, phase=5).payload["phase"] == names


def test_null_is_nothing() -> None:
    body = {"event": {**event("nodes"), "error": None, "parent_node_metadata": None}}
    assert payload_of(Message(json.dumps(body).encode(), kind="nodes")) == event("nodes")


def test_two_fields_keep_their_spelling_in_capitals() -> None:
    logs = [{"uri": "https://logs.example.com", "ShowWhilePending": True, "ttl": "60s"}]
    raw = request("tasks", logs=logs).SerializeToString()
    assert payload_of(by_protobuf("tasks", raw))["logs"] == logs
    assert draft("tasks", logs=logs).payload["logs"] == logs


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("2026-11-20T10:00:07Z", "2026-11-20T10:00:07+00:00"),
        ("2026-11-20T10:00:07.123456789Z", "2026-11-20T10:00:07.123456+00:00"),
        ("2026-11-20T12:00:07.5+02:00", "2026-11-20T10:00:07.500000+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_times_are_cut_to_microseconds(told: str, kept: str) -> None:
    assert draft("tasks", occurred_at=told).occurred.isoformat() == kept
    raw = request("tasks", occurred_at=told).SerializeToString()
    assert read(by_protobuf("tasks", raw)).occurred.isoformat() == kept


# Older and newer than we know.

OLDER_PROTO = {
    "workflows": {"execution_id", "producer_id", "phase", "occurred_at", "output_uri", "error"},
    "nodes": {
        *("id", "producer_id", "phase", "occurred_at", "input_uri", "output_uri", "error"),
        *("workflow_node_metadata", "parent_task_metadata", "parent_node_metadata"),
        *("retry_group", "spec_node_id", "node_name", "task_node_metadata"),
    },
    "tasks": {
        *("task_id", "parent_node_execution_id", "retry_attempt", "phase", "producer_id", "logs"),
        *("occurred_at", "input_uri", "output_uri", "error", "custom_info", "phase_version"),
    },
}


@kinds
def test_exactly_the_fields_of_the_older_proto_are_enough(kind: str) -> None:
    """The proto of lyft/flyteidl, whose newest field is `phase_version`."""
    descriptor = REQUESTS[kind].DESCRIPTOR.fields_by_name["event"].message_type
    whole = filled(descriptor)
    older = {name: value for name, value in whole.items() if name in OLDER_PROTO[kind]}
    if "task_node_metadata" in OLDER_PROTO[kind]:
        older["task_node_metadata"] = {"cache_status": "CACHE_POPULATED"}
    older |= {"phase": "FAILED", "error": {"code": "E", "message": "boom", "kind": "USER"}}
    older.pop("output_uri", None)
    older.pop("workflow_node_metadata", None)
    raw = ParseDict({"event": older}, REQUESTS[kind]()).SerializeToString()
    told = read(by_json(kind, older))
    assert told == read(by_protobuf(kind, raw))
    assert (told.payload, told.message, told.outcome.word) == (older, "boom", "failed")
    assert told.warnings == ()


def test_phases_and_statuses_of_a_newer_flyte_are_kept() -> None:
    told = draft("nodes", phase="PAUSED", task_node_metadata={"cache_status": 42})
    assert told.event == "flyte.node-execution.PAUSED"
    assert told.resource["flyte.cache-status"] == "42"
    raw = request("nodes")
    raw.event.phase = 42
    assert read(by_protobuf("nodes", raw.SerializeToString())).event == "flyte.node-execution.42"


def test_fields_of_a_newer_flyte_are_kept_in_json_as_told() -> None:
    told = draft("nodes", pausedUntil={"aSignal": [1]})
    assert told.payload["pausedUntil"] == {"aSignal": [1]}


def test_fields_of_a_newer_flyte_are_kept_in_protobuf_under_their_numbers() -> None:
    raw = request("tasks", logs=[{"uri": "https://a"}, {"uri": "https://b"}])
    text, number, double = b"\xfa\x06\x05later", b"\x80\x07\x2a", b"\x89\x07" + b"\xff" * 8
    told = raw.event.SerializeToString() + text + number + double
    payload = payload_of(by_protobuf("tasks", b"\x12" + varint(len(told)) + told))
    assert (payload["111"], payload["112"], payload["113"]) == ("later", 42, 2**64 - 1)
    assert payload["logs"] == [{"uri": "https://a"}, {"uri": "https://b"}]


def varint(number: int) -> bytes:
    low = number & 0x7F
    return bytes([low | 0x80]) + varint(number >> 7) if number > 0x7F else bytes([low])


def test_fields_of_inner_messages_are_kept_under_their_numbers_too() -> None:
    inner = b"\x0a\x02n0" + b"\xfa\x06\x03new"
    raw = request("nodes").event.SerializeToString() + b"\x0a" + varint(len(inner)) + inner
    payload = payload_of(by_protobuf("nodes", b"\x12" + varint(len(raw)) + raw))
    assert payload["id"]["111"] == "new"


# Both sides of a oneof.

BOTH = {
    "output_uri": "s3://b/outputs.pb",
    "error": {"code": "E", "message": "boom"},
    "input_uri": "s3://b/inputs.pb",
    "input_data": {"literals": {"a": {"scalar": {"primitive": {"integer": "1"}}}}},
}
WARNINGS = (
    "Only one of input_value may be told: input_uri and input_data are kept.",
    "Only one of output_result may be told: output_uri and error are kept.",
)


def test_both_sides_of_a_oneof_are_kept_with_a_warning_from_json() -> None:
    told = draft("tasks", **BOTH)
    assert {name: told.payload[name] for name in BOTH} == BOTH
    assert told.warnings == WARNINGS
    assert told.message == "boom"


def test_both_sides_of_a_oneof_are_kept_with_a_warning_from_protobuf() -> None:
    """A parser takes the last one; a writer that is none may have told two."""
    parts = [request("tasks").event.SerializeToString()]
    for name, value in BOTH.items():
        one = ParseDict({"event": {name: value}}, REQUESTS["tasks"]())
        parts.append(one.event.SerializeToString())
    # The event itself may come in parts, too, which a parser puts together.
    raw = b"".join(b"\x12" + varint(len(part)) + part for part in parts)
    told = read(by_protobuf("tasks", raw))
    assert told == draft("tasks", **BOTH)


def test_a_node_may_not_be_a_workflow_and_a_task() -> None:
    execution = {"execution_id": {**EVENTS["workflows"]["execution_id"], "name": "f2"}}
    work = {"cache_status": "CACHE_HIT"}
    told = draft("nodes", workflow_node_metadata=execution, task_node_metadata=work)
    assert told.warnings == (
        "Only one of target_metadata may be told:"
        " workflow_node_metadata and task_node_metadata are kept.",
    )
    assert told.resource["flyte.cache-status"] == "CACHE_HIT"


# What is too large, or what PostgreSQL cannot hold.


@pytest.mark.parametrize("by", [by_json, by_protobuf])
def test_large_literals_and_workflows_become_size_and_hash(by: Any) -> None:
    large = {"literals": {"a": {"scalar": {"primitive": {"string_value": "x" * 300_000}}}}}
    workflow = {"primary": {"template": {"id": {"name": "y" * 300_000}}}}
    work = {"dynamic_workflow": {"id": {"name": "w"}, "compiled_workflow": workflow}}
    fields = {"input_data": large, "output_uri": "s3://b", "task_node_metadata": work}
    raw = request("nodes", **fields).SerializeToString()
    told = read(by("nodes", raw if by is by_protobuf else event("nodes", **fields)))
    dynamic = told.payload["task_node_metadata"]["dynamic_workflow"]
    for left_out in (told.payload["input_data"], dynamic["compiled_workflow"]):
        assert 300_000 < left_out["left_out"]["bytes"] < 300_200
        assert len(left_out["left_out"]["sha256"]) == 64
    assert dynamic["id"] == {"name": "w"}
    assert [warning.split()[0] for warning in told.warnings] == ["input_data", "compiled_workflow"]
    assert rows_of([told], source_id=1)


def test_smaller_literals_are_kept() -> None:
    literals = {"literals": {"a": {"scalar": {"primitive": {"string_value": "x" * 200_000}}}}}
    told = draft("nodes", input_data=literals, deck_uri="s3://" + "d" * 100_000)
    assert told.payload["input_data"] == literals
    assert told.warnings == ()


def test_characters_that_cannot_be_stored_are_replaced_with_a_warning() -> None:
    """Error messages come from the code of users; an event must not be lost for one."""
    error = {"code": "E", "message": "a\0b"}
    by_wire = read(by_protobuf("tasks", request("tasks", error=error).SerializeToString()))
    for told in (by_wire, draft("tasks", error=error), draft("tasks", error={"code": "a\ud800b"})):
        assert "a\ufffdb" in json.dumps(told.payload, ensure_ascii=False)
        assert told.warnings == (
            "It held characters that PostgreSQL cannot store: each is now U+FFFD.",
        )
        assert rows_of([told], source_id=1)


def test_a_backslash_before_u0000_is_no_such_character() -> None:
    told = draft("tasks", error={"code": "E", "message": "\\u0000"})
    assert (told.payload["error"]["message"], told.warnings) == ("\\u0000", ())


def test_numbers_that_json_has_not_are_told_as_text() -> None:
    raw = request("tasks", custom_info={"a": 1})
    raw.event.custom_info["a"] = float("inf")
    raw.event.custom_info["b"] = float("nan")
    payload = payload_of(by_protobuf("tasks", raw.SerializeToString()))
    assert payload["custom_info"] == {"a": "inf", "b": "nan"}


# What cannot be read.


@pytest.mark.parametrize(
    ("kind", "fields", "where", "reason"),
    [
        ("workflows", {"execution_id": None}, "event.execution_id", "It is required"),
        (
            *("workflows", {"execution_id": {"name": ""}}),
            *("event.execution_id.name", "It must not be empty."),
        ),
        ("nodes", {"id": {"node_id": "n0"}}, "event.id.execution_id", "It is required"),
        ("nodes", {"id": "n0"}, "event.id", "It must be an object."),
        ("tasks", {"task_id": {"version": "1"}}, "event.task_id.name", "It must not be empty."),
        (
            *("tasks", {"parent_node_execution_id": None}),
            *("event.parent_node_execution_id", "It is required"),
        ),
        ("tasks", {"logs": {}}, "event.logs", "It must be an array."),
        ("tasks", {"logs": [{}, {"uri": 5}]}, "event.logs[1].uri", "It must be a string."),
        ("tasks", {"retry_attempt": 1.5}, "event.retry_attempt", "It must be a whole number."),
        ("tasks", {"retry_attempt": -1}, "event.retry_attempt", "It must be from 0 to"),
        ("tasks", {"phase_version": 2**32}, "event.phase_version", "It must be from 0 to"),
        ("tasks", {"retry_attempt": True}, "event.retry_attempt", "It must be a whole number."),
        ("nodes", {"is_array": "yes"}, "event.is_array", "It must be true or false."),
        ("nodes", {"phase": []}, "event.phase", "It must be the name or the number"),
        ("nodes", {"phase": "two words"}, "event.phase", "It must be the name or the number"),
        ("nodes", {"phase": 10**12}, "event.phase", "It must be the name or the number"),
        ("nodes", {"occurred_at": 5}, "event.occurred_at", "It must be a time, such as"),
        ("nodes", {"occurred_at": "today"}, "event.occurred_at", "It must be a time between"),
        (
            *("nodes", {"occurred_at": "9999-12-31T23:59:59-01:00"}),
            *("event.occurred_at", "It must be a time between"),
        ),
        ("tasks", {"taskId": TASK}, "event.taskId", "It is told twice, in both spellings."),
        ("tasks", {"custom_info": {"a": float("nan")}}, "event.custom_info.a", "NaN is no JSON"),
        ("tasks", {"custom_info": []}, "event.custom_info", "It must be an object."),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    kind: str, fields: dict[str, Any], where: str, reason: str
) -> None:
    told = refusal(by_json(kind, event(kind, **fields)))
    assert (told[0], told[1][: len(reason)]) == (where, reason)


@pytest.mark.parametrize(
    ("body", "where", "reason"),
    [
        (b"", "", "The JSON is broken at character 0"),
        (b"{", "", "The JSON is broken at character 1"),
        (b"[]", "", "It must be an object."),
        (b"{}", "event", "The event is missing; it stands under event."),
        (b'{"event": null}', "event", "The event is missing; it stands under event."),
        (b'{"event": 5}', "event", "It must be an object."),
        (b"\xff", "", "The JSON is not UTF-8"),
        (b'{"event":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "", "It is nested deeper"),
    ],
)
def test_a_body_without_an_event_is_refused(body: bytes, where: str, reason: str) -> None:
    told = refusal(Message(body, kind="tasks"))
    assert (told[0], told[1][: len(reason)]) == (where, reason)


def test_bytes_that_are_no_protobuf_are_refused() -> None:
    where, reason = refusal(by_protobuf("tasks", b"\x12\xff"))
    assert where == ""
    assert reason.startswith("The bytes are no flyteidl.admin.TaskExecutionEventRequest")


@pytest.mark.parametrize("media_type", ["application/x-protobuf", "Application/Octet-Stream; a=b"])
def test_protobuf_has_several_media_types(media_type: str) -> None:
    raw = request("tasks").SerializeToString()
    [element] = read_flyte(Message(raw, media_type, kind="tasks"))
    assert not isinstance(element.reading, Unreadable)


@kinds
def test_a_message_without_a_path_says_its_kind_itself(kind: str) -> None:
    told = draft(kind)
    assert read(by_json("", event(kind))) == told
    assert read(by_protobuf("", request(kind).SerializeToString())) == told


# Names of fields from anywhere, in places where they may not be known.
NAMES = st.sampled_from(
    [
        *(
            "reasons",
            "reason",
            "error",
            "reported_at",
            "input_data",
            "task_node_metadata",
            "labels",
        ),
        *("task_node_metadata", "launch_plan_id", "principal", "artifact_ids", "metadata"),
        *("id", "task_id", "phase"),
        *("execution_id", "reference_execution", "log_context", "target_entity", "name", "kind"),
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(sorted(EVENTS)),
    fields=st.dictionaries(NAMES, ANYTHING, max_size=2),
    around=st.dictionaries(NAMES, ANYTHING, max_size=2),
)
def test_no_field_in_a_place_of_another_breaks_the_reading(
    kind: str, fields: dict[str, Any], around: dict[str, Any]
) -> None:
    told = {**event(kind, occurred_at=None), **fields}
    messages = [
        Message(json.dumps({**around, "event": told}).encode(), kind=kind),
        structured(PUBLISHED[kind], {**around, "raw_event": told}),
        structured("ExecutionStart", {**around, **told}),
    ]
    for message in messages:
        reading = reading_of(message)
        assert isinstance(reading, Unreadable) or rows_of(reading, source_id=1)


def test_without_flyteidl_protobuf_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = request("tasks").SerializeToString()
    request_class.cache_clear()
    monkeypatch.setitem(sys.modules, "flyteidl.admin.event_pb2", None)
    unreadable = read_flyte_request("tasks", raw)
    assert isinstance(unreadable, Unreadable)
    assert 'pip install "eventfeed[grpc]"' in unreadable.problems[0].reason
    assert draft("tasks").event == "flyte.task-execution.RUNNING"
