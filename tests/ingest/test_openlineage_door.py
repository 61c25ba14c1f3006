"""What OpenLineage's doors answer: its clients live with these statuses and bodies only."""

import gzip
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.conftest import Eventfeed
from tests.ingest.test_openlineage_reading import CORE, JSON

SPARK = json.loads((Path(__file__).parent / "samples/openlineage/spark.json").read_bytes())


def told(**fields: Any) -> dict[str, Any]:
    """Make an event of a run of its own."""
    return {**SPARK, "run": {"runId": str(uuid4())}, **fields}


def post(eventfeed: Eventfeed, event: object, path: str = "", **headers: str) -> httpx.Response:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    url = f"http://127.0.0.1:{eventfeed.port}/api/v1/lineage{path}"
    return httpx.post(url, content=body, headers=headers, timeout=60)


def stored(eventfeed: Eventfeed, event: dict[str, Any]) -> list[tuple[Any, ...]]:
    sql = "SELECT event, payload FROM event WHERE resource_id = %s ORDER BY tx, seq"
    return eventfeed.query(sql, f"openlineage.run.{event['run']['runId']}")


def test_an_event_is_created_and_sent_again_it_is_known(eventfeed: Eventfeed) -> None:
    event = told()
    answers = [post(eventfeed, event) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert [answer.json()["duplicate"] for answer in answers] == [False, True]
    assert stored(eventfeed, event) == [("openlineage.run.COMPLETE", event)]


@pytest.mark.parametrize("path", ["", "/", "?trace=1", "/?trace=1"])
def test_no_spelling_of_the_path_is_redirected(eventfeed: Eventfeed, path: str) -> None:
    assert post(eventfeed, told(), path).status_code == 201


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
def test_other_methods_are_no_server_error(eventfeed: Eventfeed, method: str) -> None:
    url = f"http://127.0.0.1:{eventfeed.port}/api/v1/lineage"
    assert 200 <= httpx.request(method, url).status_code < 500


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_a_body_may_be_gzip(eventfeed: Eventfeed, encoding: str) -> None:
    event = told()
    body = gzip.compress(json.dumps(event).encode())
    assert post(eventfeed, body, **{"content-encoding": encoding}).status_code == 201
    assert len(stored(eventfeed, event)) == 1


def test_a_chunked_gzip_body_without_length_is_taken_as_java_sends_it(
    eventfeed: Eventfeed,
) -> None:
    event = told()
    body = gzip.compress(json.dumps(event).encode())

    def in_chunks() -> Iterator[bytes]:
        for start in range(0, len(body), 100):
            yield body[start : start + 100]

    connection = http.client.HTTPConnection("127.0.0.1", eventfeed.port, timeout=60)
    headers = {
        "content-type": "application/json; charset=UTF-8",
        "content-encoding": "gzip",
        "transfer-encoding": "chunked",
    }
    connection.request("POST", "/api/v1/lineage", in_chunks(), headers, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 201
    # Java reads the body of every answer and fails where there is none.
    assert json.load(answer)["status"] == "success"
    assert len(stored(eventfeed, event)) == 1


def test_an_event_over_ten_megabytes_is_stored(eventfeed: Eventfeed) -> None:
    event = told(plan={"words": "lorem ipsum " * 1_000_000})
    assert post(eventfeed, event).status_code == 201
    assert len(stored(eventfeed, event)) == 1


def test_a_thousand_inputs_are_all_related(eventfeed: Eventfeed) -> None:
    inputs = [{"namespace": "s3://lake", "name": f"part-{number}"} for number in range(1_000)]
    event = told(inputs=inputs)
    assert post(eventfeed, event).status_code == 201
    sql = "SELECT jsonb_array_length(related) FROM event WHERE resource_id = %s"
    [(related,)] = eventfeed.query(sql, f"openlineage.run.{event['run']['runId']}")
    assert related > 1_000


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        (b"", 400, ""),
        (b"{", 400, ""),
        (b'"x"', 422, ""),
        (b"\xff", 400, ""),
        (b"{}", 422, ""),
        (json.dumps(told(eventTime="2026-11-20")).encode(), 422, "eventTime"),
        (json.dumps(told(run={"runId": 5})).encode(), 422, "run.runId"),
        (json.dumps(told(job={"namespace": "x"})).encode(), 422, "job.name"),
        (json.dumps(told(outputs=[{"name": "x"}])).encode(), 422, "outputs[0].namespace"),
        (b"[" * 100_000 + b"]" * 100_000, 400, ""),
    ],
)
def test_what_cannot_be_read_is_a_4xx_that_is_not_sent_again(
    eventfeed: Eventfeed, body: bytes, status: int, path: str
) -> None:
    answer = post(eventfeed, body)
    if body[:2] == b"[[":
        # An array of events is answered as a batch.
        assert answer.status_code == 200
        assert answer.json()["summary"]["failed"] == 1
        return
    assert answer.status_code == status
    # Python sends a 413 with this header five times more.
    assert "retry-after" not in answer.headers
    assert answer.json()["problems"][0]["path"] == path


def test_an_unknown_encoding_is_415_and_a_body_beyond_the_bound_413(eventfeed: Eventfeed) -> None:
    assert post(eventfeed, b"x", **{"content-encoding": "br"}).status_code == 415
    answer = post(eventfeed, b" " * 70_000_000)
    assert answer.status_code == 413
    assert "retry-after" not in answer.headers


def test_what_was_refused_is_kept_to_look_at(eventfeed: Eventfeed) -> None:
    post(eventfeed, {"job": {"namespace": eventfeed.corner}, "eventTime": "2026-11-20T00:00:00Z"})
    assert eventfeed.rejections() == [
        ("POST /api/v1/lineage", None, "job.name", "name is required.")
    ]


def test_of_a_batch_what_can_be_read_is_stored_and_the_rest_named(eventfeed: Eventfeed) -> None:
    good = [told(), told()]
    answer = post(eventfeed, [good[0], {"eventTime": 5}, good[1], told(run=[])], "/batch")
    assert answer.status_code == 200
    failed = answer.json().pop("failed_events")
    assert {key: value for key, value in answer.json().items() if key != "failed_events"} == {
        "status": "partial_success",
        "summary": {
            "received": 4,
            "successful": 2,
            "failed": 2,
            "retriable": 0,
            "non_retriable": 2,
        },
    }
    assert [(one["index"], one["retriable"]) for one in failed] == [(1, False), (3, False)]
    assert "eventTime: " in failed[0]["reason"]
    assert failed[1]["reason"] == "run: run must be an object."
    assert [len(stored(eventfeed, event)) for event in good] == [1, 1]


def test_a_batch_of_known_events_is_a_success(eventfeed: Eventfeed) -> None:
    batch = [told(), told()]
    for _ in range(2):
        answer = post(eventfeed, batch, "/batch/")
        assert answer.status_code == 200
        assert answer.json()["status"] == "success"
        assert answer.json()["summary"]["successful"] == 2
    assert len(stored(eventfeed, batch[0])) == 1


def test_a_batch_of_failures_names_every_one(eventfeed: Eventfeed) -> None:
    answer = post(eventfeed, [{"x": number} for number in range(50)], "/batch")
    assert answer.status_code == 200
    assert answer.json()["status"] == "partial_success"
    assert answer.json()["summary"]["successful"] == 0
    assert [one["index"] for one in answer.json()["failed_events"]] == list(range(50))


def test_an_empty_batch_is_a_success(eventfeed: Eventfeed) -> None:
    answer = post(eventfeed, [], "/batch")
    assert (answer.status_code, answer.json()["status"]) == (200, "success")


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"[{}", b"nonsense", b"[{}] x"])
def test_what_is_no_array_is_no_batch(eventfeed: Eventfeed, body: bytes) -> None:
    assert post(eventfeed, body, "/batch").status_code == 400


def test_one_odd_number_spoils_no_other_event_of_a_batch(eventfeed: Eventfeed) -> None:
    events = [told(), told(mean=float("nan")), told(), told(text="\0")]
    answer = post(eventfeed, events, "/batch")
    assert answer.json()["status"] == "success"
    sql = "SELECT warnings FROM event WHERE resource_id = %s"
    [(warnings,)] = eventfeed.query(sql, f"openlineage.run.{events[1]['run']['runId']}")
    assert any(warning.startswith("mean: NaN") for warning in warnings)


def test_an_array_at_the_single_door_is_answered_as_a_batch(eventfeed: Eventfeed) -> None:
    answer = post(eventfeed, [told()])
    assert (answer.status_code, answer.json()["status"]) == (200, "success")


def test_an_event_alone_and_in_a_batch_is_one_event(eventfeed: Eventfeed) -> None:
    event = told()
    post(eventfeed, event)
    post(eventfeed, [event], "/batch")
    # Another serializer writes its keys in another order, and blanks between them.
    post(eventfeed, json.dumps(dict(reversed(event.items())), indent=2).encode())
    assert len(stored(eventfeed, event)) == 1


@settings(max_examples=150, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    body=st.binary(max_size=60) | (CORE | JSON | st.lists(CORE, max_size=3)).map(json.dumps),
    path=st.sampled_from(["", "/batch"]),
    encoding=st.sampled_from(["", "", "gzip", "br"]),
)
def test_whatever_comes_is_no_server_error(
    eventfeed: Eventfeed, body: bytes | str, path: str, encoding: str
) -> None:
    raw = body.encode() if isinstance(body, str) else body
    answer = post(eventfeed, raw, path, **{"content-encoding": encoding})
    assert answer.status_code < 500, answer.text
    assert answer.json()


def test_the_page_of_an_event_shows_what_it_tells(eventfeed: Eventfeed) -> None:
    facets = {**SPARK["run"]["facets"], "own": {"value": eventfeed.corner}}
    event = told(run={"runId": str(uuid4()), "facets": facets})
    assert post(eventfeed, event).status_code == 201
    sql = "SELECT id FROM event WHERE resource_id = %s"
    [(id,)] = eventfeed.query(sql, f"openlineage.run.{event['run']['runId']}")
    page = httpx.get(f"http://127.0.0.1:{eventfeed.port}/events/{id}", timeout=60)
    assert page.status_code == 200
    for shown in (
        "Run completed",
        "1 of 2 assertions failed: not_null of amount",
        "Schema of raw/orders",
        "Column lineage of shop.public.orders_daily",
        "SQL (spark)",
        "run.facets.own: Object missing required field",
    ):
        assert shown in page.text
