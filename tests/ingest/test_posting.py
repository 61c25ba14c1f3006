"""`POST /api/events` of a running Eventfeed."""

import gzip
import json
import socket
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.ingest.conftest import Eventfeed


def test_a_204_is_said_after_the_commit(eventfeed: Eventfeed) -> None:
    events = [eventfeed.event() for _ in range(300)]
    answer = eventfeed.post(events)
    assert eventfeed.stored() == [event["id"] for event in events]
    assert (answer.status_code, answer.content) == (204, b"")


def test_nothing_is_something_one_may_post(eventfeed: Eventfeed) -> None:
    assert eventfeed.post([]).status_code == 204


def test_a_slash_at_the_end_is_no_redirect(eventfeed: Eventfeed) -> None:
    answer = httpx.post(f"{eventfeed.url}/", json=[eventfeed.event()])
    assert answer.status_code == 204
    assert len(eventfeed.stored()) == 1


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress, "gzip"),
        (gzip.compress, "x-gzip"),
        (lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:]), "gzip"),
        (lambda body: body, "identity"),
    ],
)
def test_bodies_may_be_gzip(eventfeed: Eventfeed, body: Any, encoding: str) -> None:
    sent = body(json.dumps([eventfeed.event()]).encode())
    assert eventfeed.post(sent, **{"content-encoding": encoding}).status_code == 204
    assert len(eventfeed.stored()) == 1


def test_bodies_may_come_in_chunks_and_without_a_content_type(eventfeed: Eventfeed) -> None:
    sent = json.dumps([eventfeed.event() for _ in range(500)]).encode()
    chunks = (sent[at : at + 1000] for at in range(0, len(sent), 1000))
    assert httpx.post(eventfeed.url, content=chunks).status_code == 204
    assert len(eventfeed.stored()) == 500


def test_the_same_event_again_changes_nothing(eventfeed: Eventfeed) -> None:
    event = eventfeed.event()
    again = {**event, "event": "another.name", "payload": {"more": 1}}
    for batch in ([event, event], [again], [event, again]):
        assert eventfeed.post(batch).status_code == 204
    assert eventfeed.stored() == [event["id"]]


def test_the_same_id_at_another_time_is_a_second_event(eventfeed: Eventfeed) -> None:
    event = eventfeed.event()
    later = {**event, "occurred": "2026-01-02T03:04:06Z"}
    assert eventfeed.post([event, later]).status_code == 204
    assert eventfeed.stored() == [event["id"]] * 2


def test_events_of_any_year_are_stored(eventfeed: Eventfeed) -> None:
    years = ["0001", "1969", "2023", "2999", "9999"]
    batch = [eventfeed.event(occurred=f"{year}-06-01T00:00:00Z") for year in years]
    assert eventfeed.post(batch).status_code == 204
    assert len(eventfeed.stored()) == 5


def test_one_wrong_event_keeps_the_batch_out_and_is_named_and_kept(eventfeed: Eventfeed) -> None:
    related = [{"prefect.resource.id": "a", "prefect.resource.role": "flow"}, {}]
    wrong = eventfeed.event(related=related)
    answer = eventfeed.post([eventfeed.event(), wrong, eventfeed.event()])
    assert answer.status_code == 422
    assert answer.reason_phrase.startswith("Unprocessable")
    assert answer.json()["exception_message"] == (
        "Nothing was stored. Event 1, related[1].prefect.resource.id:"
        " The label prefect.resource.id is required."
    )
    assert answer.json()["exception_detail"] == [
        {
            "type": "missing",
            "loc": ["body", 1, "related", 1, "prefect.resource.id"],
            "msg": "The label prefect.resource.id is required.",
            "input": "null",
        }
    ]
    assert eventfeed.stored() == []
    assert eventfeed.rejections() == [
        (
            "POST /api/events",
            1,
            "related[1].prefect.resource.id",
            "The label prefect.resource.id is required.",
        )
    ]


def test_several_wrong_events_are_all_named_up_to_a_bound(eventfeed: Eventfeed) -> None:
    batch = [eventfeed.event(event=5), eventfeed.event(), eventfeed.event(id="x")]
    details = eventfeed.post(batch).json()["exception_detail"]
    assert [detail["loc"] for detail in details] == [["body", 0, "event"], ["body", 2, "id"]]
    many = eventfeed.post([eventfeed.event(event=5)] * 500).json()["exception_detail"]
    assert len(many) == 20


def test_an_event_over_the_limit_is_413_with_its_index(eventfeed: Eventfeed) -> None:
    large = eventfeed.event(payload={"text": "x" * 1_500_000})
    answer = eventfeed.post([eventfeed.event(), large])
    assert answer.status_code == 413
    assert answer.json()["exception_detail"][0]["loc"] == ["body", 1]
    assert len(answer.content) < 5_000
    assert eventfeed.stored() == []
    assert len(eventfeed.rejections()) == 1


def test_an_event_just_under_the_limit_is_stored(eventfeed: Eventfeed) -> None:
    large = eventfeed.event(payload={"words": "lorem ipsum " * 124_000})
    assert eventfeed.post([large]).status_code == 204
    assert eventfeed.stored() == [large["id"]]


TRAPS = {
    "NaN": '{"payload": {"n": NaN}}',
    "infinity": '{"payload": {"n": -Infinity}}',
    "a huge number": '{"payload": {"n": 1e999}}',
    "a huge integer": '{"payload": {"n": ' + "9" * 140_000 + "}}",
    "NUL in a text": '{"payload": {"n": "\\u0000"}}',
    "NUL in a key": '{"payload": {"\\u0000": 1}}',
    "NUL in the name": '{"event": "a\\u0000"}',
    "NUL in a label": '{"resource": {"prefect.resource.id": "a", "b": "\\u0000"}}',
    "NUL in the name of a label": '{"resource": {"prefect.resource.id": "a", "\\u0000": "b"}}',
    "NUL in a related id": '{"related": [{"prefect.resource.id": "\\u0000"}]}',
    "half a surrogate pair": '{"payload": {"n": "\\ud800"}}',
    "the other half in a key": '{"payload": {"\\udc00": 1}}',
    "half a pair in a label": '{"resource": {"prefect.resource.id": "\\ud800"}}',
    "nesting of lists": '{"payload": {"n": ' + "[" * 100_000 + "]" * 100_000 + "}}",
    "nesting of objects": '{"payload": ' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}",
    "nesting almost too deep to parse": '{"payload": ' + '{"a":' * 950 + "1" + "}" * 950 + "}",
    "a number for an event": "5",
    "null for an event": "null",
    "a list for an event": "[]",
    "a number for a label": '{"resource": {"prefect.resource.id": "a", "b": 1}}',
    "a long resource id": '{"resource": {"prefect.resource.id": "' + "x" * 3_000 + '"}}',
    "a long related id": '{"related": [{"prefect.resource.id": "'
    + "x" * 3_000
    + '", "prefect.resource.role": "a"}]}',
    "a year that is none": '{"occurred": "0000-01-01T00:00:00Z"}',
    "a year out of range": '{"occurred": "12026-01-01T00:00:00Z"}',
    "a zone that leaves the calendar": '{"occurred": "9999-12-31T23:59:59-01:00"}',
    "a bad escape": '{"payload": {"n": "\\x"}}',
    "a control character": '{"payload": {"n": "\n"}}',
    "bytes that are no UTF-8": b'{"payload": {"n": "\xff"}}'.decode("latin-1"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_a_clear_4xx_and_the_next_post_is_taken(eventfeed: Eventfeed, trap: str) -> None:
    # What stands twice counts in its last form: the trap.
    good = json.dumps(eventfeed.event())
    bad = TRAPS[trap]
    told = good[:-1] + "," + bad[1:] if bad.startswith("{") else bad
    answer = eventfeed.post(f"[{good},{told}]".encode("latin-1"))
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["exception_message"].startswith("Nothing was stored. ")
    assert len(answer.content) < 20_000
    assert eventfeed.stored() == []
    assert eventfeed.post([eventfeed.event()]).status_code == 204


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"[{", {}, 400),
        (b"{}", {}, 422),
        (gzip.compress(b"[]" + b" " * 200_000_000), {"content-encoding": "gzip"}, 413),
        (gzip.compress(b"[]" * 100)[:-9], {"content-encoding": "gzip"}, 400),
        (b"[]", {"content-encoding": "gzip"}, 400),
        (b"", {"content-encoding": "gzip"}, 400),
        (b"[]", {"content-encoding": "br"}, 415),
        (b" " * 34_000_000, {}, 413),
    ],
)
def test_a_body_that_cannot_be_read_is_a_4xx(
    eventfeed: Eventfeed, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = eventfeed.post(body, **headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"


def test_a_sender_that_hangs_up_in_the_middle_harms_nobody(eventfeed: Eventfeed) -> None:
    body = json.dumps([eventfeed.event()]).encode()
    with socket.create_connection(("127.0.0.1", eventfeed.port)) as connection:
        head = (
            f"POST /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body[:-1])
    assert eventfeed.post([eventfeed.event(id=str(uuid4()))]).status_code == 204
    assert len(eventfeed.stored()) == 1


@pytest.mark.parametrize(
    ("path", "status", "value"),
    [
        ("admin/version", 200, "3.99.0"),
        ("version", 200, "0.8.4"),
        ("health", 200, True),
        ("ready", 200, {"message": "OK"}),
        ("hello", 200, "👋"),
        ("csrf-token?client=x", 422, {"detail": "CSRF protection is disabled."}),
    ],
)
def test_clients_are_greeted(eventfeed: Eventfeed, path: str, status: int, value: object) -> None:
    answer = httpx.get(f"http://127.0.0.1:{eventfeed.port}/api/{path}")
    assert (answer.status_code, answer.json()) == (status, value)
