"""Whatever comes, CloudEvents are read or refused; and what is written in any mode is the same."""

import json
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.events.row import rows_of
from apps.ingest.adapters.cloudevents.draft import read_cloudevents
from apps.ingest.adapters.message import Element, Message, Unreadable

VALUES = st.text(st.characters(max_codepoint=255), max_size=30)
NAMES = st.sampled_from(
    ["id", "source", "specversion", "type", "time", "subject", "datacontenttype", "other", "a_B"]
)
TYPES = st.sampled_from(
    [
        "",
        "application/json",
        "application/json; charset=utf-16",
        "application/cloudevents",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "application/cloudevents+protobuf",
        "application/cloudevents-batch+protobuf",
        "application/cloudevents+xml",
        "text/plain; charset=utf-16",
        "text/plain; charset=nonsense",
        "image/png",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
HEADERS = st.dictionaries(
    NAMES.map(lambda name: f"ce-{name}")
    | st.sampled_from(["x-amz-sns-message-type", "x-goog-pubsub-message-id", "key"]),
    VALUES | st.just("1.0"),
)
FIELDS = st.dictionaries(
    NAMES
    | st.sampled_from(
        ["data", "data_base64", "message", "subscription", "Type", "TopicArn", "Message"]
    ),
    JSON | st.sampled_from(["1.0", "AAAA", "2026-01-02T03:04:05Z", "Notification"]),
)
fuzzed = settings(max_examples=300, deadline=None)


def elements(message: Message) -> list[Element]:
    """Read a message; everything in it must be a clear refusal or can be stored."""
    found = list(read_cloudevents(message))
    for element in found:
        if isinstance(element.reading, Unreadable):
            assert 400 <= element.reading.status < 500
            assert all(problem.reason for problem in element.reading.problems)
        else:
            rows_of(element.reading, source_id=1)
    return found


@fuzzed
@given(body=st.binary(max_size=300), type=TYPES, headers=HEADERS)
def test_no_bytes_break_it(body: bytes, type: str, headers: dict[str, str]) -> None:
    elements(Message(body, type, headers))


@fuzzed
@given(value=FIELDS | st.lists(FIELDS, max_size=3), type=TYPES, headers=HEADERS)
def test_no_fields_break_it(value: Any, type: str, headers: dict[str, str]) -> None:
    elements(Message(json.dumps(value).encode(), type, headers))


# A header is a text that is not empty; PostgreSQL holds no NUL.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
STORABLE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@fuzzed
@given(
    told=st.fixed_dictionaries(
        {"id": TEXT, "source": TEXT, "type": TEXT}, optional={"subject": TEXT, "other": TEXT}
    ),
    data=STORABLE,
)
def test_both_modes_say_the_same(told: dict[str, str], data: Any) -> None:
    told = {**told, "specversion": "1.0", "time": "2026-01-02T03:04:05Z"}
    headers = {f"ce-{name}": quote(value, safe="") for name, value in told.items()}
    body = json.dumps(data).encode()
    binary = Message(body, "application/json", {**headers, "content-type": "application/json"})
    event = {**told, "data": data, "datacontenttype": "application/json"}
    structured = Message(json.dumps(event).encode(), "application/cloudevents+json")
    readings = [[one.reading for one in elements(message)] for message in (binary, structured)]
    assert readings[0] == readings[1]
    assert not isinstance(readings[0][0], Unreadable)
