"""OpenTelemetry's log records: both encodings, identity, and what is an event."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.adapters.otlp.adapter import JSON, PROTOBUF, read_otlp
from apps.query.outcomes import Outcome
from tests.ingest.otlp_requests import (
    AT,
    any_value,
    as_protobuf,
    draft_of,
    drafts_in,
    drafts_of,
    read_json,
    read_protobuf,
    reasons_in,
    record,
    request,
)

SAMPLES = Path(__file__).parent / "samples"
SHOP = "shop.checkout"


def event_of(told: dict[str, Any] | None = None, **fields: Any):
    return draft_of(told, scope=SHOP, **{"eventName": "payment.declined", **fields})


# What is an event.


def test_a_record_with_an_event_name_is_an_event():
    resource = {"service.name": "payments", "service.namespace": "shop", "host.name": "node-3"}
    told = record(
        {"payment.id": "p-1"},
        eventName="payment.declined",
        severityNumber=17,
        severityText="ERROR",
        body=any_value("Card declined"),
        traceId="5B8AA5A2D2C872E8321CF37308D69DF2",
        spanId="051581bf3cb55c13",
        flags=1,
    )
    (draft,) = drafts_of(request(told, scope=SHOP, resource=resource))
    assert (draft.event, draft.system, draft.outcome) == (
        "payment.declined",
        "otel",
        Outcome.FAILED,
    )
    assert draft.occurred == datetime(2026, 11, 20, 10, 0, 0, 3_000, tzinfo=UTC)
    assert draft.message == "Card declined"
    assert draft.resource == {
        "prefect.resource.id": "otel.service.shop/payments",
        "prefect.resource.name": "payments",
        "otel.scope": "shop.checkout",
        "otel.severity": "ERROR",
    }
    assert [labels["prefect.resource.id"] for labels in draft.related] == [
        "otel.host.node-3",
        "otel.trace.5b8aa5a2d2c872e8321cf37308d69df2",
    ]
    assert draft.payload == {
        "name": "payment.declined",
        "severity_number": 17,
        "severity_text": "ERROR",
        "body": "Card declined",
        "attributes": {"payment.id": "p-1"},
        "scope": "shop.checkout",
        "resource": resource,
        "time": "2026-11-20T10:00:00.003000000Z",
        "observed_time": "2026-11-20T10:00:00.000000000Z",
        "trace_id": "5b8aa5a2d2c872e8321cf37308d69df2",
        "span_id": "051581bf3cb55c13",
        "flags": 1,
    }


def test_the_older_attribute_names_an_event_too():
    assert event_of({"event.name": "cart.emptied"}, eventName=None).event == "cart.emptied"


def test_a_record_without_an_event_name_is_refused_and_the_others_are_read():
    told = request(record({"name": "Ada"}), record(eventName="a.b"), record(), scope=SHOP)
    for elements in (read_json(told), read_protobuf(told)):
        assert [element.index for element in elements] == [0, 1, 2]
        assert [draft.event for draft in drafts_in(elements)] == ["a.b"]
        no_name = "It has no event name: it is a log record, and no event."
        assert reasons_in(elements) == [(0, no_name), (2, no_name)]


def test_an_ordinary_log_of_flink_is_no_event():
    assert reasons_in(read_json(request(record(), scope="org.apache.flink.runtime.Task")))


def test_what_is_refused_can_be_read_again_by_itself():
    resource = {"service.name": "payments"}
    for scope in (SHOP, "s" * 300):
        told = request(record(eventName="a.b"), record({"n": 1}), scope=scope, resource=resource)
        for encoding, elements in ((JSON, read_json(told)), (PROTOBUF, read_protobuf(told))):
            refused = elements[1]
            (again,) = read_otlp(Message(refused.raw, encoding))
            assert again.reading == refused.reading
            if encoding == PROTOBUF:
                logs = ExportLogsServiceRequest.FromString(refused.raw).resource_logs[0]
                assert logs.resource.attributes[0].value.string_value == "payments"
                assert logs.scope_logs[0].scope.name == scope


# Time.


def test_time_counts_before_the_observed_one():
    assert event_of().occurred.microsecond == 3_000
    assert event_of(timeUnixNano=None).occurred.microsecond == 0
    assert event_of(timeUnixNano="0").occurred.microsecond == 0


def test_what_says_no_time_happens_now_and_is_an_event_of_its_own():
    told = request(
        record(eventName="a.b", timeUnixNano=None, observedTimeUnixNano=None), scope=SHOP
    )
    (first,), (second,) = drafts_in(read_json(told)), drafts_in(read_json(told))
    assert first.id != second.id
    assert (datetime.now(UTC) - first.occurred).total_seconds() < 60


# Identity.


def test_both_encodings_of_a_request_give_the_same_drafts():
    for path in sorted(SAMPLES.glob("*/*.protobuf.bin")):
        beside = path.with_name(path.name.replace(".protobuf.bin", ".json"))
        in_protobuf = drafts_in(list(read_otlp(Message(path.read_bytes(), PROTOBUF))))
        assert in_protobuf == drafts_in(list(read_otlp(Message(beside.read_bytes(), JSON))))


BASE = {"n": 1, "m": "x"}
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "scope": (BASE, {"scope": "another"}),
    "name": (BASE, {"eventName": "another"}),
    "severity": (BASE, {"severityNumber": 10}),
    "severity text": (BASE, {"severityText": "info"}),
    "body": (BASE, {"body": any_value("text")}),
    "attributes": ({"n": 2, "m": "x"}, {}),
    "type of an attribute": ({"n": "1", "m": "x"}, {}),
    "trace": (BASE, {"traceId": "5b8aa5a2d2c872e8321cf37308d69df2"}),
    "span": (BASE, {"spanId": "051581bf3cb55c13"}),
    "time, to the nanosecond": (BASE, {"timeUnixNano": str(AT + 3_000_001)}),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_content_is_another_event(what: str):
    told, fields = OTHERS[what]
    one = draft_of(BASE, scope=SHOP, eventName="a.b")
    other = draft_of(told, **{"scope": SHOP, "eventName": "a.b", **fields})
    assert one.id != other.id


def test_another_resource_is_another_event():
    told = record(eventName="a.b")
    ids = {
        draft.id
        for name in ("one", "two")
        for draft in drafts_of(request(told, scope=SHOP, resource={"service.name": name}))
    }
    assert len(ids) == 2


def test_the_order_of_attributes_and_the_time_that_is_not_used_name_nothing():
    one = event_of({"n": 1, "m": "x"})
    assert event_of({"m": "x", "n": 1}).id == one.id
    assert event_of({"n": 1, "m": "x"}, observedTimeUnixNano=str(AT + 9)).id == one.id
    assert event_of({"n": 1, "m": "x"}, flags=1).id == one.id


def test_equal_records_of_a_request_are_events_of_their_own_again_and_again():
    told = request(*[record({"n": 1}, eventName="a.b")] * 3, scope=SHOP)
    first, second = drafts_of(told), drafts_of(told)
    assert len({draft.id for draft in first}) == 3
    assert [draft.id for draft in first] == [draft.id for draft in second]


def test_equal_records_are_counted_over_the_whole_request():
    once = request(record(eventName="a.b"), scope=SHOP)["resourceLogs"][0]
    apart = drafts_of({"resourceLogs": [once, once]})
    together = drafts_of(request(*[record(eventName="a.b")] * 2, scope=SHOP))
    assert {draft.id for draft in apart} == {draft.id for draft in together}


def test_a_record_with_a_uid_is_known_by_it_whenever_it_comes():
    uid = {"log.record.uid": "01J9ZQ8Y0N7E3T4S5R6Q7P8M9K"}
    one, again = event_of(uid), event_of(uid, body=any_value("x"), timeUnixNano=str(AT + 5))
    assert one.id == again.id
    assert one.once
    assert again.once
    assert event_of({"log.record.uid": "another"}).id != one.id
    assert not event_of().once


def test_a_uid_that_is_a_uuid_is_the_id():
    uid = "7f1b6d9e-55a3-4a39-9a71-2f8d3a5d7f10"
    assert str(event_of({"log.record.uid": uid}).id) == uid


# Outcome.


@pytest.mark.parametrize(
    ("number", "text", "told", "outcome", "label"),
    [
        (9, "INFO", {}, Outcome.INFORMATION, "INFO"),
        (16, None, {}, Outcome.INFORMATION, "WARN"),
        (17, None, {}, Outcome.FAILED, "ERROR"),
        (21, None, {}, Outcome.FAILED, "FATAL"),
        (24, "Alert", {}, Outcome.FAILED, "Alert"),
        (99, None, {}, Outcome.FAILED, "FATAL"),
        (None, "critical", {}, Outcome.FAILED, "critical"),
        (None, "whatever", {}, Outcome.INFORMATION, "whatever"),
        (None, None, {}, Outcome.INFORMATION, "UNSPECIFIED"),
        (1, None, {}, Outcome.INFORMATION, "TRACE"),
        (5, None, {}, Outcome.INFORMATION, "DEBUG"),
        (None, None, {"exception.type": "E"}, Outcome.FAILED, "UNSPECIFIED"),
    ],
)
def test_severity_says_how_it_went(number, text, told, outcome, label):
    draft = event_of(told, severityNumber=number, severityText=text)
    assert (draft.outcome, draft.resource["otel.severity"]) == (outcome, label)


# What is odd.


def test_a_name_that_belongs_to_another_system_is_kept_with_a_warning():
    assert event_of(eventName="prefect.flow-run.Completed").warnings


def test_attributes_that_the_sender_left_out_are_counted():
    assert event_of(droppedAttributesCount=2).warnings == (
        "The sender has left out 2 of its attributes.",
    )


def test_a_long_name_is_cut_with_a_warning_and_kept_in_the_payload():
    draft = event_of(eventName="x" * 2_000)
    assert len(draft.event) == 1_024
    assert draft.payload["name"] == "x" * 2_000
    assert draft.warnings


# The encodings.

TYPED = {
    "text": "é",
    "empty": "",
    "yes": True,
    "no": False,
    "whole": -(1 << 63),
    "double": 0.25,
    "list": [1, "a", None, [2.5], {"k": []}],
    "object": {"a": {"b": "c"}, "d": None},
    "nothing": None,
}


def test_values_keep_their_types():
    draft = event_of(TYPED, body=any_value(TYPED))
    assert draft.payload["attributes"] == TYPED
    assert draft.payload["body"] == TYPED


def test_bytes_are_told_in_base64_and_what_is_no_number_in_words():
    told = {"raw": b"\0\1\xff", "nan": math.nan, "inf": math.inf, "minus": -math.inf}
    assert event_of(told).payload["attributes"] == {
        "raw": "AAH/",
        "nan": "NaN",
        "inf": "Infinity",
        "minus": "-Infinity",
    }


def test_json_takes_numbers_as_such_or_as_strings_and_nulls_for_nothing():
    told = record({"n": 5}, eventName="a.b")
    loose = {**told, "timeUnixNano": AT + 3_000_000, "body": None, "traceId": None, "flags": None}
    loose["attributes"] = [{"key": "n", "value": {"intValue": 5, "stringValue": None}}]
    assert drafts_in(read_json(request(loose, scope=SHOP))) == drafts_in(
        read_json(request(told, scope=SHOP))
    )


def test_json_ignores_keys_that_nobody_knows():
    told = {**record(eventName="a.b"), "severity_number": "x", "futureField": {"a": [1]}}
    assert drafts_in(read_json({**request(told, scope=SHOP), "future": 1}))


MISFITS: dict[str, tuple[dict[str, Any], str]] = {
    "an enum by its name": ({"severityNumber": "SEVERITY_NUMBER_INFO"}, "Expected `int"),
    "an id in base64": ({"traceId": "W4qlotLIcugyHPNzCNad8g=="}, "traceId must be hexadecimal."),
    "half a byte": ({"spanId": "abc"}, "spanId must be hexadecimal."),
    "a time that is no number": ({"timeUnixNano": "now"}, "timeUnixNano must be a whole"),
    "a time beyond 64 bits": ({"timeUnixNano": "9" * 30}, "timeUnixNano must be a whole"),
    "digits without end": ({"timeUnixNano": "9" * 100_000}, "timeUnixNano must be a whole"),
    "a number beyond 64 bits": (
        {"attributes": [{"key": "n", "value": {"intValue": str(1 << 63)}}]},
        "intValue must be a whole",
    ),
    "a word for a double": (
        {"attributes": [{"key": "n", "value": {"doubleValue": "much"}}]},
        "A doubleValue must be a number.",
    ),
    "NUL": ({"body": {"stringValue": "a\0b"}}, "It holds the character U+0000"),
    "NUL in a key": ({"attributes": [{"key": "\0"}]}, "It holds the character U+0000"),
    "attributes that are none": ({"attributes": 5}, "Expected `array"),
}


@pytest.mark.parametrize("what", MISFITS)
def test_json_that_is_against_the_specification_is_refused_alone(what: str):
    fields, reason = MISFITS[what]
    good, bad = record(eventName="a.b"), {**record(eventName="a.b"), **fields}
    elements = read_json(request(good, bad, good, scope=SHOP))
    assert len(drafts_in(elements)) == 2
    ((index, said),) = reasons_in(elements)
    assert index == 1
    assert said.startswith(reason)


def test_nul_behind_a_second_backslash_is_none():
    draft = event_of({"path": "\\u0000"})
    assert draft.payload["attributes"] == {"path": "\\u0000"}


def test_protobuf_that_postgresql_could_not_store_is_refused_alone():
    good, bad = record(eventName="a.b"), record({"k": "a\0b"}, eventName="a.b")
    elements = read_protobuf(request(good, bad, scope=SHOP))
    assert len(drafts_in(elements)) == 1
    assert reasons_in(elements)[0][0] == 1


def test_values_nested_too_deeply_are_refused_alone():
    body = json.dumps(request(record(eventName="a.b"), scope=SHOP)).encode()
    for depth in (150, 3_000):
        text = b'{"arrayValue":{"values":[' * depth + b"{}" + b"]}}" * depth
        nested = body.replace(b'"eventName"', b'"body": ' + text + b', "eventName"')
        (element,) = read_otlp(Message(nested, JSON))
        assert isinstance(element.reading, Unreadable)


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"{", JSON, 400),
        (b"[]", JSON, 400),
        (b"", JSON, 400),
        (b'{"resourceLogs": 5}', JSON, 400),
        (b"\xff", JSON, 400),
        (b"\x0a\xff", PROTOBUF, 400),
        (b"\x0b\x0c", PROTOBUF, 400),
        (b"\x08" + b"\xff" * 12, PROTOBUF, 400),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
    ],
)
def test_what_is_no_request_is_refused_as_a_whole(body: bytes, encoding: str, status: int):
    (element,) = read_otlp(Message(body, encoding))
    assert element.index is None
    assert isinstance(element.reading, Unreadable)
    assert element.reading.status == status


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"", PROTOBUF), (b"{}", JSON), (b"{}", f"{JSON}; charset=utf-8")],
)
def test_an_empty_request_has_no_records(body: bytes, encoding: str):
    assert list(read_otlp(Message(body, encoding))) == []


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)
WHOLE = st.integers(-(1 << 63), (1 << 63) - 1)
VALUES = st.recursive(
    TEXTS | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.builds(
    lambda told, body, time, observed, number, text, name, flags, dropped, trace: record(
        told,
        body=any_value(body),
        timeUnixNano=str(time),
        observedTimeUnixNano=str(observed),
        severityNumber=number,
        severityText=text,
        eventName=name,
        flags=flags,
        droppedAttributesCount=dropped,
        traceId=trace.hex(),
    ),
    st.dictionaries(TEXTS, VALUES, max_size=5),
    VALUES,
    st.integers(1, (1 << 63) - 1),
    st.integers(0, (1 << 64) - 1),
    st.integers(0, 24),
    TEXTS,
    TEXTS.filter(bool),
    st.integers(0, (1 << 32) - 1),
    st.integers(0, (1 << 32) - 1),
    st.binary(min_size=16, max_size=16),
)


@settings(max_examples=150, deadline=None)
@given(records=st.lists(RECORDS, max_size=3), scope=TEXTS, resource=st.dictionaries(TEXTS, VALUES))
def test_what_opentelemetrys_own_classes_write_is_read_as_it_was_meant(
    records: list[dict[str, Any]], scope: str, resource: dict[str, Any]
):
    drafts = drafts_of(request(*records, scope=scope, resource=resource))
    assert len(drafts) == len(records)
    assert all(draft.payload["resource"] == resource for draft in drafts if resource)


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=80), at=st.integers(0, 600), cut=st.integers(0, 20))
def test_protobuf_that_is_altered_anywhere_is_read_or_refused(body: bytes, at: int, cut: int):
    whole = as_protobuf(request(record({"a": 1, "b": [1.5, "x"]}, eventName="a.b"), scope=SHOP))
    altered = whole[:at] + body + whole[at + cut :]
    for element in read_otlp(Message(altered, PROTOBUF)):
        assert isinstance(element.reading, Unreadable | tuple)
