"""`POST /api/v1/events/{workflows,nodes,tasks}` of a running Eventfeed."""

import base64
import gzip
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from apps.ingest.adapters.message import Message
from apps.ingest.doors.flyte_http import post_flyte
from tests.ingest.conftest import Eventfeed
from tests.ingest.flyte_messages import (
    EVENTS,
    REQUESTS,
    TASK,
    by_version_1,
    by_version_2,
    event,
    request,
)

kinds = pytest.mark.parametrize("kind", EVENTS)
PROTOBUF = {"content-type": "application/octet-stream"}


def of(eventfeed: Eventfeed) -> dict[str, dict[str, Any]]:
    """Return what tells of an execution of this test's own, for each kind."""
    execution = {"project": "p", "domain": "d", "name": eventfeed.corner}
    node = {"node_id": "n0", "execution_id": execution}
    return {
        "workflows": {"execution_id": execution},
        "nodes": {"id": node},
        "tasks": {"parent_node_execution_id": node},
    }


def post(eventfeed: Eventfeed, path: str, body: bytes, **headers: str) -> httpx.Response:
    url = f"http://127.0.0.1:{eventfeed.port}{path}"
    return httpx.post(url, content=body, headers=headers, timeout=60)


def stored(eventfeed: Eventfeed) -> list[str]:
    sql = "SELECT event FROM event WHERE strpos(resource_id, %s) > 0 ORDER BY tx, seq"
    return [event for (event,) in eventfeed.query(sql, eventfeed.corner)]


@kinds
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_event_is_stored_before_the_answer(eventfeed: Eventfeed, kind: str, slash: str) -> None:
    body = json.dumps({"event": event(kind, **of(eventfeed)[kind])}).encode()
    for _ in range(2):
        answer = post(eventfeed, f"/api/v1/events/{kind}{slash}", body)
        assert (answer.status_code, answer.json()) == (200, {})
        assert len(stored(eventfeed)) == 1


@kinds
def test_protobuf_is_taken_plain_and_gzip(eventfeed: Eventfeed, kind: str) -> None:
    raw = request(kind, **of(eventfeed)[kind]).SerializeToString()
    path = f"/api/v1/events/{kind}"
    assert post(eventfeed, path, raw, **PROTOBUF).status_code == 200
    zipped = {**PROTOBUF, "content-encoding": "gzip"}
    assert post(eventfeed, path, gzip.compress(raw), **zipped).status_code == 200
    assert len(stored(eventfeed)) == 1


def by_pubsub(content: bytes, key: str) -> bytes:
    message = {"data": base64.b64encode(content).decode(), "attributes": {"key": key}}
    subscription = "projects/p/subscriptions/eventfeed"
    return json.dumps({"message": message, "subscription": subscription}).encode()


def by_sns(content: bytes, key: str) -> bytes:
    topic = "arn:aws:sns:eu-central-1:123456789012:flyte"
    encoded = base64.b64encode(content).decode()
    told = {"Type": "Notification", "TopicArn": topic, "Subject": key, "Message": encoded}
    return json.dumps(told).encode()


Sent = tuple[str, bytes, dict[str, str]]


def ways(kind: str, fields: dict[str, Any]) -> list[Sent]:
    """Return the requests that tell one event, by every way there is over HTTP."""
    told = request(kind, **fields)
    raw, name = told.SerializeToString(), told.DESCRIPTOR.full_name
    path, door = f"/api/v1/events/{kind}", "/api/cloudevents"
    version_1, version_2 = by_version_1(kind, told), by_version_2(kind, told)
    return [
        (path, json.dumps({"event": event(kind, **fields)}).encode(), {}),
        (path, raw, PROTOBUF),
        (door, version_1.body, dict(version_1.headers)),
        (door, version_2.body, {"content-type": version_2.content_type}),
        (door, by_pubsub(raw, name), {}),
        (door, by_sns(raw, name), {"x-amz-sns-message-type": "Notification"}),
    ]


@pytest.mark.parametrize("order", [list, lambda sent: list(reversed(sent))])
def test_one_event_by_every_way_from_two_connections_is_stored_once(
    eventfeed: Eventfeed, order: Callable[[list[Sent]], list[Sent]]
) -> None:
    sent = [one for kind in EVENTS for one in ways(kind, of(eventfeed)[kind])]
    with ThreadPoolExecutor(2) as two:
        answers = two.map(
            lambda one: post(eventfeed, one[0], one[1], **one[2]).status_code, order(sent) * 2
        )
    assert set(answers) == {200, 204}
    assert sorted(stored(eventfeed)) == [
        "flyte.node-execution.RUNNING",
        "flyte.task-execution.RUNNING",
        "flyte.workflow-execution.RUNNING",
    ]


def test_an_event_sent_again_at_another_time_is_the_first_one(eventfeed: Eventfeed) -> None:
    for second in ("07", "08"):
        fields = {**of(eventfeed)["tasks"], "occurred_at": f"2026-11-20T10:00:{second}Z"}
        body = json.dumps({"event": event("tasks", **fields)}).encode()
        assert post(eventfeed, "/api/v1/events/tasks", body).status_code == 200
    sql = "SELECT extract(second FROM occurred) FROM event WHERE strpos(resource_id, %s) > 0"
    assert eventfeed.query(sql, eventfeed.corner) == [(7,)]


def test_a_large_compiled_workflow_is_taken(eventfeed: Eventfeed) -> None:
    """A dynamic node tells megabytes; refusing them would fail the node."""
    workflow = {"primary": {"template": {"id": {"name": "x" * 12_000_000}}}}
    work = {"dynamic_workflow": {"compiled_workflow": workflow}}
    fields = {**of(eventfeed)["nodes"], "task_node_metadata": work}
    body = json.dumps({"event": event("nodes", **fields)}).encode()
    assert post(eventfeed, "/api/v1/events/nodes", body).status_code == 200
    sql = "SELECT warnings, pg_column_size(payload) < 1000 FROM event WHERE resource_id = %s"
    id = f"flyte.node-execution.p.d.{eventfeed.corner}.n0"
    assert eventfeed.query(sql, id) == [
        (["compiled_workflow has 12,000,043 bytes: its size and SHA-256 are kept instead."], True)
    ]


# What is answered when it cannot be stored.


def test_what_is_wrong_is_a_status_and_kept(eventfeed: Eventfeed) -> None:
    fields = {**of(eventfeed)["tasks"], "task_id": {**TASK, "name": ""}}
    body = json.dumps({"event": event("tasks", **fields)}).encode()
    answer = post(eventfeed, "/api/v1/events/tasks", body)
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "code": 3,
            "message": "Nothing was stored. event.task_id.name: It must not be empty.",
            "details": [],
        },
    )
    assert stored(eventfeed) == []
    [(doorway, _, path, reason)] = eventfeed.rejections()
    assert (doorway, path) == ("POST /api/v1/events/tasks", "event.task_id.name")
    assert reason == "It must not be empty."


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 400, 3),
        (b"{", {}, 400, 3),
        (b"\x12\xff", PROTOBUF, 400, 3),
        (b"{}", {"content-encoding": "gzip"}, 400, 3),
        (b"{}", {"content-encoding": "br"}, 415, 3),
        (b" " * 34_000_000, {}, 413, 8),
    ],
)
def test_a_body_that_cannot_be_read_is_a_4xx_with_its_code(
    eventfeed: Eventfeed, body: bytes, headers: dict[str, str], status: int, code: int
) -> None:
    answer = post(eventfeed, "/api/v1/events/nodes", body, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["details"] == []


def test_strangers_and_those_who_must_wait_get_a_status_too() -> None:
    door, message = post_flyte["tasks"], Message(b"")
    stranger = door.turned_away(message, 401, "A token is needed.")
    assert stranger.value == {"code": 16, "message": "A token is needed.", "details": []}
    assert stranger.headers == {"www-authenticate": "Bearer"}
    later = door.later(message, "The database is away.")
    assert (later.status, later.headers) == (503, {"retry-after": "3"})
    assert later.value == {"code": 14, "message": "The database is away.", "details": []}


WHOLE = {kind: request(kind).SerializeToString() for kind in REQUESTS}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


def spoiled(raw: bytes, at: int, bytes_: bytes) -> bytes:
    at %= len(raw)
    return raw[:at] + bytes_ + raw[at + len(bytes_) :]


@settings(
    max_examples=60,
    deadline=None,
    # Each example asks a server: an example made smaller is not worth minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(kind=st.sampled_from(sorted(EVENTS)), data=st.data())
def test_whatever_comes_is_never_a_5xx(
    eventfeed: Eventfeed, kind: str, data: st.DataObject
) -> None:
    whole = {"event": event(kind)}
    name = data.draw(st.sampled_from([*whole["event"], "error", "metadata", "reasons", "x"]))
    whole["event"][name] = data.draw(ANYTHING)
    bytes_ = spoiled(WHOLE[kind], data.draw(st.integers(0)), data.draw(st.binary(max_size=6)))
    path = f"/api/v1/events/{kind}"
    answers = [
        post(eventfeed, path, json.dumps(whole).encode()),
        post(eventfeed, path, bytes_, **PROTOBUF),
        post(eventfeed, path, data.draw(st.binary(max_size=50))),
    ]
    assert all(answer.status_code in (200, 400) for answer in answers), answers
