"""What a CloudEvent may look like, in which mode, and what is said of one that cannot be read."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.events.draft import Draft
from apps.ingest.adapters.cloudevents.draft import outcome_of, read_cloudevents
from apps.ingest.adapters.message import Message, Unreadable
from apps.query.outcomes import Outcome
from tests.ingest.cloudevents_schema import CloudEvent, CloudEventBatch

REQUIRED = {
    "specversion": "1.0",
    "id": "A234-1234",
    "source": "https://github.com/acme/shop",
    "type": "com.acme.order.paid",
}
TIME = "2026-11-21T14:32:07.690Z"
EVENT: dict[str, Any] = {**REQUIRED, "time": TIME, "data": {"total": 42}}


def binary(body: bytes = b"", type: str | None = "application/json", **told: str) -> Message:
    headers = {f"ce-{name}": value for name, value in {**REQUIRED, "time": TIME, **told}.items()}
    if type is not None:
        headers["content-type"] = type
    return Message(body, type or "application/json", headers)


def structured(value: object, type: str = "application/cloudevents+json") -> Message:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Message(body, type, {"content-type": type})


def batch(*events: object) -> Message:
    return structured(list(events), "application/cloudevents-batch+json")


def drafts(message: Message) -> list[Draft]:
    told: list[Draft] = []
    for element in read_cloudevents(message):
        assert not isinstance(element.reading, Unreadable), element.reading
        told += element.reading
    return told


def draft(message: Message) -> Draft:
    (told,) = drafts(message)
    return told


def refused(message: Message) -> Unreadable:
    readings = [element.reading for element in read_cloudevents(message)]
    return next(reading for reading in readings if isinstance(reading, Unreadable))


def test_an_event_in_structured_mode_becomes_a_draft() -> None:
    told = draft(structured({**EVENT, "subject": "order/17", "traceparent": "00-1-2-01"}))
    assert told.event == "com.acme.order.paid"
    assert told.occurred == datetime(2026, 11, 21, 14, 32, 7, 690_000, UTC)
    assert told.system == "cloudevents"
    assert told.payload == {"total": 42}
    assert told.resource == {
        "prefect.resource.id": "cloudevents.subject.https://github.com/acme/shop#order/17",
        "prefect.resource.name": "order/17",
        "ce.id": "A234-1234",
        "ce.source": "https://github.com/acme/shop",
        "ce.type": "com.acme.order.paid",
        "ce.subject": "order/17",
        "ce.traceparent": "00-1-2-01",
    }
    assert told.related == [
        {
            "prefect.resource.id": "https://github.com/acme/shop",
            "prefect.resource.role": "source",
            "prefect.resource.name": "https://github.com/acme/shop",
        }
    ]
    assert not told.once
    assert not told.warnings


def test_without_a_subject_it_is_about_its_source() -> None:
    told = draft(structured(EVENT))
    assert told.resource_id == "https://github.com/acme/shop"
    assert told.related == []


def test_all_modes_tell_the_same_event() -> None:
    wire = in_protobuf({**EVENT, "datacontenttype": "application/json"})
    told = {
        "binary": draft(binary(b'{"total": 42}')),
        "structured": draft(structured({**EVENT, "datacontenttype": "application/json"})),
        "batch": draft(batch({**EVENT, "datacontenttype": "application/json"})),
        "base64": draft(
            structured(
                {
                    **{name: value for name, value in EVENT.items() if name != "data"},
                    "datacontenttype": "application/json",
                    "data_base64": base64.b64encode(b'{"total": 42}').decode(),
                }
            )
        ),
        "protobuf": draft(structured(wire, "application/cloudevents+protobuf")),
    }
    assert dict.fromkeys(told, told["binary"]) == told


def in_protobuf(event: dict[str, Any]) -> bytes:
    told = CloudEvent(
        id=event["id"], source=event["source"], spec_version="1.0", type=event["type"]
    )
    for name, value in event.items():
        if name == "time":
            told.attributes[name].ce_timestamp.FromJsonString(value)
        elif name not in {*REQUIRED, "data"}:
            told.attributes[name].ce_string = value
    told.binary_data = json.dumps(event["data"]).encode()
    return told.SerializeToString()


def test_protobuf_holds_values_of_every_type() -> None:
    wire = CloudEvent(id="1", source="/s", spec_version="1.0", type="t", text_data="hello")
    wire.attributes["flag"].ce_boolean = True
    wire.attributes["count"].ce_integer = -7
    wire.attributes["blob"].ce_bytes = b"\x01\xff"
    wire.attributes["dataschema"].ce_uri = "https://acme.test/schema"
    wire.attributes["other"].ce_uri_ref = "/there"
    wire.attributes["time"].ce_timestamp.FromJsonString("1969-12-31T23:59:59.5Z")
    told = draft(structured(wire.SerializeToString(), "application/cloudevents+protobuf"))
    assert told.payload == {"text": "hello"}
    assert told.occurred == datetime(1969, 12, 31, 23, 59, 59, 500_000, UTC)
    assert {name: told.resource[f"ce.{name}"] for name in ("flag", "count", "blob", "other")} == {
        "flag": "true",
        "count": "-7",
        "blob": "01ff",
        "other": "/there",
    }


def test_protobuf_holds_a_packed_message() -> None:
    wire = CloudEvent(id="1", source="/s", spec_version="1.0", type="t")
    wire.proto_data.type_url = "type.googleapis.com/acme.Order"
    wire.proto_data.value = b"\x08\x01"
    told = draft(structured(wire.SerializeToString(), "application/cloudevents+protobuf"))
    assert told.payload == {"data_base64": "CAE="}
    assert told.resource["ce.dataschema"] == "type.googleapis.com/acme.Order"
    assert told.resource["ce.datacontenttype"] == "application/protobuf"


def test_a_batch_in_protobuf_holds_events() -> None:
    wires = [in_protobuf({**EVENT, "id": id}) for id in ("1", "2")]
    body = CloudEventBatch(events=[CloudEvent.FromString(wire) for wire in wires])
    told = drafts(structured(body.SerializeToString(), "application/cloudevents-batch+protobuf"))
    assert [one.resource["ce.id"] for one in told] == ["1", "2"]


def test_source_and_id_make_the_id_and_nothing_else_does() -> None:
    first = draft(structured(EVENT))
    other = draft(structured({**EVENT, "type": "another", "data": None}))
    elsewhere = draft(structured({**EVENT, "source": "/elsewhere"}))
    assert first.id == other.id != elsewhere.id
    # The parts cannot run into each other.
    one = draft(structured({**EVENT, "source": "/a", "id": "b\nc"}))
    two = draft(structured({**EVENT, "source": "/a\nb", "id": "c"}))
    assert one.id != two.id


def test_without_a_time_an_event_is_told_once_at_its_arrival() -> None:
    before = datetime.now(UTC)
    told = draft(structured({**EVENT, "time": None}))
    assert told.once
    assert before <= told.occurred <= datetime.now(UTC)


DATA = {
    "a JSON object": (b'{"a": 1}', "application/json", {"a": 1}),
    "another JSON": (b"[1, 2]", "application/json; charset=utf-8", {"data": [1, 2]}),
    "a JSON of somebody's": (b'{"a": 1}', "application/vnd.acme+JSON", {"a": 1}),
    "a JSON string that looks like JSON": (b'"{}"', "application/json", {"data": "{}"}),
    "null": (b"null", "application/json", {"data": None}),
    "nothing": (b"", "application/json", {}),
    "nothing of no type": (b"", None, {}),
    "a text": ("Grüße".encode(), "text/plain", {"text": "Grüße"}),
    "a text of its time": ("Grüße".encode("latin-1"), "text/plain; charset=ISO-8859-1",
                           {"text": "Grüße"}),
    "a text against its charset": (b"\xff\xfe", "text/plain", {"data_base64": "//4="}),
    "a text with a NUL": (b"a\0", "text/plain", {"data_base64": "YQA="}),
    "a text in an odd charset": (b"abc", 'text/plain; charset="utf-7"', {"text": "abc"}),
    "XML": (b"<a/>", "application/xml", {"text": "<a/>"}),
    "XML of somebody's": (b"<a/>", "application/soap+xml", {"text": "<a/>"}),
    "bytes": (b"\x89PNG", "image/png", {"data_base64": "iVBORw=="}),
    "JSON of no type": (b'{"a": 1}', None, {"a": 1}),
    "a text of no type": (b"hello", None, {"text": "hello"}),
    "bytes of no type": (b"\xff", None, {"data_base64": "/w=="}),
}  # fmt: skip


@pytest.mark.parametrize(("body", "type", "payload"), DATA.values(), ids=DATA)
def test_a_body_in_binary_mode_is_read_by_its_type(
    body: bytes, type: str | None, payload: dict[str, Any]
) -> None:
    told = draft(binary(body, type))
    assert told.payload == payload
    assert told.resource.get("ce.datacontenttype") == type


HELD = {
    "an object": ({"data": {"a": 1}}, {"a": 1}),
    "a list": ({"data": [1]}, {"data": [1]}),
    "a string": ({"data": '{"a": 1}'}, {"data": '{"a": 1}'}),
    "null": ({"data": None}, {"data": None}),
    "nothing": ({}, {}),
    "a text": ({"data": "<a/>", "datacontenttype": "application/xml"}, {"text": "<a/>"}),
    "a JSON value of another type": ({"data": 1, "datacontenttype": "text/plain"}, {"data": 1}),
    "bytes": (
        {"data_base64": "iVBORw==", "datacontenttype": "image/png"},
        {"data_base64": "iVBORw=="},
    ),
    "bytes of no type": ({"data_base64": "/w=="}, {"data_base64": "/w=="}),
    "JSON as bytes": ({"data_base64": "eyJhIjogMX0="}, {"a": 1}),
    "null bytes": ({"data_base64": None}, {}),
    "null bytes beside data": ({"data_base64": None, "data": 1}, {"data": 1}),
}


@pytest.mark.parametrize(("held", "payload"), HELD.values(), ids=HELD)
def test_data_in_structured_mode_stay_what_they_are(
    held: dict[str, Any], payload: dict[str, Any]
) -> None:
    assert draft(structured({**REQUIRED, "time": TIME, **held})).payload == payload


HEADERS = {
    "plain": ("abc", "abc"),
    "percent-encoded": ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
    "decoded once": ("%2520", "%20"),
    "quoted": ('"a \\"b\\" c"', 'a "b" c'),
    "quoted and encoded": ('"a%20b"', "a b"),
    "one quote": ('"a', '"a'),
    "raw UTF-8, as some write it": ("Grüße".encode().decode("latin-1"), "Grüße"),
    "a lone percent": ("100%", "100%"),
}


@pytest.mark.parametrize(("header", "value"), HEADERS.values(), ids=HEADERS)
def test_headers_are_decoded(header: str, value: str) -> None:
    assert draft(binary(subject=header)).resource["ce.subject"] == value


@pytest.mark.parametrize("header", ["%C0%A0", "%FF", "a%ED%A0%80"])
def test_a_header_that_is_not_utf_8_is_refused(header: str) -> None:
    told = refused(binary(subject=header))
    assert (told.status, told.problems[0].where) == (400, "ce-subject")


TIMES = {
    "2026-11-21T14:32:07Z": datetime(2026, 11, 21, 14, 32, 7, tzinfo=UTC),
    "2026-11-21t14:32:07z": datetime(2026, 11, 21, 14, 32, 7, tzinfo=UTC),
    "2026-11-21 14:32:07.5+02:00": datetime(2026, 11, 21, 12, 32, 7, 500_000, UTC),
    "2026-11-21T14:32:07.123456789Z": datetime(2026, 11, 21, 14, 32, 7, 123_456, UTC),
    "2016-12-31T23:59:60Z": datetime(2017, 1, 1, tzinfo=UTC),
}


@pytest.mark.parametrize(("text", "moment"), TIMES.items())
def test_times_are_those_of_rfc_3339(text: str, moment: datetime) -> None:
    told = draft(structured({**EVENT, "time": text}))
    assert told.occurred == moment
    assert not told.warnings


WRONG: dict[str, tuple[Message, int, str, str]] = {
    **{
        f"no {name}": (
            structured({key: value for key, value in EVENT.items() if key != name}),
            400,
            name,
            f"The attribute {name} is required.",
        )
        for name in REQUIRED
    },
    **{
        f"an empty {name}": (
            structured({**EVENT, name: ""}),
            400,
            name,
            f"The attribute {name} must be a text.",
        )
        for name in REQUIRED
    },
    "null for an id": (structured({**EVENT, "id": None}), 400, "id", "required"),
    "a number for an id": (structured({**EVENT, "id": 7}), 400, "id", "must be a text"),
    "an older version": (
        structured({**EVENT, "specversion": "0.3"}),
        400,
        "specversion",
        "Version 0.3 of CloudEvents is not read",
    ),
    "no header ce-id": (
        Message(b"", headers={"ce-type": "t", "ce-source": "/s", "ce-specversion": "1.0"}),
        400,
        "id",
        "required",
    ),
    "a time that is none": (structured({**EVENT, "time": "today"}), 400, "time", "RFC 3339"),
    "a time beyond the calendar": (
        structured({**EVENT, "time": "9999-12-31T23:59:59-10:00"}),
        400,
        "time",
        "RFC 3339",
    ),
    "a 13th month": (structured({**EVENT, "time": "2026-13-01T00:00:00Z"}), 400, "time", "3339"),
    "data twice": (structured({**EVENT, "data_base64": ""}), 400, "data_base64", "not both"),
    "bytes that are none": (
        structured({**REQUIRED, "data_base64": "ä"}),
        400,
        "data_base64",
        "no base64",
    ),
    "bytes as a number": (structured({**REQUIRED, "data_base64": 1}), 400, "data_base64", "base64"),
    "JSON data that are none": (binary(b"{"), 400, "data", "The JSON is broken"),
    "a NUL in a name": (structured({**EVENT, "mo\0re": "a"}), 400, "mo\0re", "U+0000"),
    "half a pair in an attribute": (
        structured({**EVENT, "id": "\ud800"}), 400, "id", "half a surrogate pair"),
    "a NUL in a header": (binary(subject="a%00"), 400, "subject", "U+0000"),
    "a number beyond all": (binary(b'{"a": 1e999}'), 400, "data.a", "beyond"),
    "an array": (structured([EVENT]), 400, "", "must be a JSON object"),
    "no JSON": (structured(b"{]"), 400, "", "The JSON is broken"),
    "too deep": (structured(b"[" * 100_000), 400, "", "deeper than"),
    "a batch of no array": (structured(EVENT, "application/cloudevents-batch+json"),
                            400, "", "must be a JSON array"),
    "a batch of numbers": (batch(1), 400, "", "must be a JSON object"),
    "no protobuf": (
        structured(b"\xff\xff", "application/cloudevents+protobuf"), 400, "", "cut off"),
    "an empty protobuf": (
        structured(b"", "application/cloudevents+protobuf"), 400, "id", "required"),
    "a batch of no protobuf": (
        structured(b"\x0b", "application/cloudevents-batch+protobuf"), 400, "", "begins no field"),
    "Avro": (structured(b"", "application/cloudevents+avro"), 415, "", "is not read; send JSON"),
    "a batch in XML": (structured(b"", "application/cloudevents-batch+xml"), 415, "", "not read"),
    "no CloudEvent": (Message(b'{"a": 1}'), 400, "", "This is no CloudEvent: send"),
    "no CloudEvents": (Message(b"[]"), 400, "", "This is no CloudEvent: send"),
    "nothing at all": (Message(b"", ""), 400, "", "This is no CloudEvent: send"),
    "too large": (structured(b" " * (16 * 1024 * 1024 + 1)), 413, "", "the limit is 16,777,216"),
}  # fmt: skip


@pytest.mark.parametrize(("message", "status", "path", "say"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_read_is_refused_with_the_reason_and_where(
    message: Message, status: int, path: str, say: str
) -> None:
    told = refused(message)
    assert told.status == status
    assert told.problems[0].where == path
    assert say in told.problems[0].reason


ODD = {
    "plain JSON": (structured(EVENT, "application/json"), "It came as application/json"),
    "a batch in plain JSON": (structured([EVENT], "application/json"), "It came as application"),
    "capitals in a name": (structured({**EVENT, "traceParent": "1"}), "traceParent is named"),
    "an underscore": (structured({**EVENT, "trace_parent": "1"}), "trace_parent is named"),
    "an object": (structured({**EVENT, "more": {"a": 1}}), "more is no text"),
    "a time without a zone": (
        structured({**EVENT, "time": "2026-11-21T14:32:07"}),
        "it was taken as UTC",
    ),
    "the type twice": (binary(datacontenttype="text/plain"), "ce-datacontenttype was left out"),
    "a NUL in the data": (structured({**EVENT, "data": {"a": "b\0"}}), "is now U+FFFD"),
    "half a pair in the data": (binary(b'["\\ud800"]'), "is now U+FFFD"),
    "a name of Prefect's": (
        structured({**EVENT, "type": "prefect.flow-run.Completed"}),
        "The name prefect.flow-run.Completed belongs to Prefect",
    ),
}


@pytest.mark.parametrize(("message", "say"), ODD.values(), ids=ODD)
def test_what_is_odd_is_kept_with_a_warning(message: Message, say: str) -> None:
    (warning,) = draft(message).warnings
    assert say in warning


def test_the_content_type_decides_the_mode() -> None:
    told = structured(EVENT, "Application/CloudEvents+JSON; charset=UTF-8")
    beside = Message(told.body, told.content_type, {**told.headers, "ce-id": "another"})
    assert draft(beside).resource["ce.id"] == "A234-1234"


def test_extensions_are_labels_as_texts() -> None:
    told = draft(structured({**EVENT, "sampled": True, "sequence": 7, "empty": ""}))
    assert told.resource["ce.sampled"] == "true"
    assert told.resource["ce.sequence"] == "7"
    assert "ce.empty" not in told.resource


def test_an_empty_batch_is_something_one_may_send() -> None:
    assert drafts(batch()) == []


LOOSE = {
    "UTF-16": json.dumps([EVENT, EVENT]).encode("utf-16"),
    "a byte order mark": json.dumps([EVENT, EVENT]).encode("utf-8-sig"),
    "half a pair": json.dumps([EVENT, {**EVENT, "data": {"total": "\ud800"}}]).encode(),
}


@pytest.mark.parametrize("body", LOOSE.values(), ids=LOOSE)
def test_a_batch_that_only_a_patient_reader_reads_is_read(body: bytes) -> None:
    first, second = drafts(structured(body, "application/cloudevents-batch+json"))
    assert first.id == second.id
    assert first.payload == {"total": 42}


def test_what_is_wrong_in_a_batch_says_which_event() -> None:
    elements = list(read_cloudevents(batch(EVENT, {**EVENT, "id": ""}, EVENT)))
    wrong = [one.index for one in elements if isinstance(one.reading, Unreadable)]
    assert (len(elements), wrong) == (3, [1])


def test_a_long_subject_is_cut_and_kept_whole_beside() -> None:
    told = draft(structured({**EVENT, "subject": "ä" * 2_000, "type": "t" * 2_000}))
    assert len(told.resource_id.encode()) <= 1_024
    assert told.resource["ce.subject"] == "ä" * 2_000
    assert len(told.event) == 1_024


MESSAGES = {
    "the message": ({"data": {"message": "Paid\nin full", "reason": "x"}}, "Paid in full"),
    "the reason": ({"data": {"message": "", "reason": "no money"}}, "no money"),
    "a text": ({"data": "late again", "datacontenttype": "text/plain"}, "late again"),
    "nothing": ({"data": {"total": 1, "message": {"a": 1}}}, None),
    "a list": ({"data": [1]}, None),
}


@pytest.mark.parametrize(("held", "message"), MESSAGES.values(), ids=MESSAGES)
def test_the_message_is_what_is_worth_reading(held: dict[str, Any], message: str | None) -> None:
    assert draft(structured({**EVENT, **held})).message == message


@pytest.mark.parametrize(
    ("type", "outcome"),
    [
        ("com.acme.invoice.failed", Outcome.FAILED),
        ("com.acme.backup.completed.0.2.0", Outcome.COMPLETED),
        # It ended, and who knows how.
        ("dev.cdevents.pipelinerun.finished.0.2.0", Outcome.INFORMATION),
        ("com.acme.order_started.v1", Outcome.RUNNING),
        ("acme/build-queued", Outcome.WAITING),
        ("com.acme.failed.orders", Outcome.INFORMATION),
        ("1.0", Outcome.INFORMATION),
        ("", Outcome.INFORMATION),
    ],
)
def test_the_last_word_of_a_type_says_how_it_went(type: str, outcome: Outcome) -> None:
    assert outcome_of(type) == outcome
