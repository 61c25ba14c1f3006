"""`/api/cloudevents` of a running Eventfeed: answers, the handshake, and what is kept."""

import gzip
import json
from typing import Any

import httpx

from tests.ingest.conftest import Eventfeed

BATCH = "application/cloudevents-batch+json"
ONE = "application/cloudevents+json"


def address(eventfeed: Eventfeed) -> str:
    return f"http://127.0.0.1:{eventfeed.port}/api/cloudevents"


def event(eventfeed: Eventfeed, id: str = "1", **told: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": f"/{eventfeed.corner}",
        "type": "com.acme.order.paid",
        **told,
    }


def post(eventfeed: Eventfeed, value: object, type: str = ONE, **headers: str) -> httpx.Response:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return httpx.post(
        address(eventfeed), content=body, headers={"content-type": type, **headers}, timeout=60
    )


def stored(eventfeed: Eventfeed) -> list[Any]:
    return [
        id
        for (id,) in eventfeed.query(
            "SELECT resource->>'ce.id' FROM event WHERE resource->>'ce.source' = %s"
            " ORDER BY tx, seq",
            f"/{eventfeed.corner}",
        )
    ]


def test_an_event_without_a_time_is_stored_once(eventfeed: Eventfeed) -> None:
    for _ in range(3):
        assert post(eventfeed, event(eventfeed)).status_code == 204
    assert stored(eventfeed) == ["1"]


def test_of_a_batch_nothing_is_stored_when_one_event_is_wrong(eventfeed: Eventfeed) -> None:
    answer = post(eventfeed, [event(eventfeed), event(eventfeed, "")], BATCH)
    assert answer.status_code == 400
    assert answer.json() == {
        "detail": "Nothing was stored. Event 1, id: The attribute id must be a text.",
        "problems": [{"index": 1, "path": "id", "problem": "The attribute id must be a text."}],
    }
    assert stored(eventfeed) == []
    assert eventfeed.rejections() == [
        ("POST /api/cloudevents", 1, "id", "The attribute id must be a text.")
    ]


def test_an_empty_batch_and_gzip_and_a_slash_are_taken(eventfeed: Eventfeed) -> None:
    assert post(eventfeed, [], BATCH).status_code == 204
    body = gzip.compress(json.dumps(event(eventfeed)).encode())
    assert post(eventfeed, body, **{"content-encoding": "gzip"}).status_code == 204
    told = httpx.post(
        f"{address(eventfeed)}/",
        json=event(eventfeed, "2"),
        headers={"content-type": ONE},
    )
    assert told.status_code == 204
    assert stored(eventfeed) == ["1", "2"]


def test_an_unknown_format_is_415(eventfeed: Eventfeed) -> None:
    assert post(eventfeed, b"", "application/cloudevents+avro").status_code == 415


def test_no_cache_may_keep_the_answer(eventfeed: Eventfeed) -> None:
    assert post(eventfeed, event(eventfeed)).headers["cache-control"] == "private"


def test_the_handshake_agrees_without_a_token(eventfeed: Eventfeed) -> None:
    answer = httpx.options(
        address(eventfeed),
        headers={
            "WebHook-Request-Origin": "eventemitter.example.com",
            "WebHook-Request-Rate": "120",
            "WebHook-Request-Callback": "http://127.0.0.1:1/never-called",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "eventemitter.example.com"
    assert answer.headers["webhook-allowed-rate"] == "120"
    assert "POST" in answer.headers["allow"]


def test_who_asks_for_no_rate_may_send_at_any(eventfeed: Eventfeed) -> None:
    answer = httpx.options(address(eventfeed), headers={"WebHook-Request-Origin": "a.test"})
    assert answer.headers["webhook-allowed-rate"] == "*"


def test_a_browser_that_asks_is_not_agreed_to(eventfeed: Eventfeed) -> None:
    answer = httpx.options(
        address(eventfeed),
        headers={"origin": "https://evil.test", "access-control-request-method": "POST"},
    )
    assert "webhook-allowed-origin" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers
