"""The public `cloudevents` SDK sends to a running Eventfeed, in every mode that it has."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.conversion import to_binary as older_to_binary
from cloudevents.v1.conversion import to_structured as older_to_structured
from cloudevents.v1.http import CloudEvent as OlderCloudEvent

from apps.ingest.adapters.identity import derived
from tests.ingest.conftest import Eventfeed

SUBJECT = "Grüße/€ 7 %"


def event(eventfeed: Eventfeed, id: str = "1", **told: Any) -> CloudEvent:
    data = told.pop("data", {"total": 42})
    attributes = {
        "id": id,
        "source": f"/{eventfeed.corner}",
        "type": "com.acme.order.paid",
        "time": datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC),
        "datacontenttype": "application/json",
        "subject": SUBJECT,
        "partitionkey": "p1",
        **told,
    }
    return CloudEvent({name: value for name, value in attributes.items() if value}, data)


def send(eventfeed: Eventfeed, message: HTTPMessage) -> httpx.Response:
    return httpx.post(address(eventfeed), content=message.body, headers=message.headers)


def address(eventfeed: Eventfeed) -> str:
    return f"http://127.0.0.1:{eventfeed.port}/api/cloudevents"


def stored(eventfeed: Eventfeed) -> list[tuple[Any, ...]]:
    return eventfeed.query(
        "SELECT id, occurred, event, payload, resource FROM event"
        " WHERE resource->>'ce.source' = %s ORDER BY tx, seq",
        f"/{eventfeed.corner}",
    )


MODES = {
    "binary": to_binary,
    "structured": to_structured,
}


@pytest.mark.parametrize("written", MODES.values(), ids=MODES)
def test_an_event_is_stored_before_the_204(eventfeed: Eventfeed, written: Any) -> None:
    answer = send(eventfeed, written(event(eventfeed), JSONFormat()))
    ((id, occurred, name, payload, labels),) = stored(eventfeed)
    assert (answer.status_code, answer.content) == (204, b"")
    assert id == derived("cloudevents", f"/{eventfeed.corner}", "1")
    assert occurred == datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC)
    assert name == "com.acme.order.paid"
    assert payload == {"total": 42}
    assert labels["prefect.resource.name"] == SUBJECT
    assert labels["ce.partitionkey"] == "p1"


def test_a_batch_is_stored_whole(eventfeed: Eventfeed) -> None:
    # The SDK writes no batches, so they are made of what it writes.
    events = [json.loads(to_structured(event(eventfeed, id), JSONFormat()).body) for id in "123"]
    answer = httpx.post(
        address(eventfeed),
        json=events,
        headers={"content-type": "application/cloudevents-batch+json"},
    )
    assert answer.status_code == 204
    assert [labels["ce.id"] for *_, labels in stored(eventfeed)] == ["1", "2", "3"]


def test_the_same_event_in_either_mode_is_one_event(eventfeed: Eventfeed) -> None:
    for written in (to_binary, to_structured, to_binary):
        assert send(eventfeed, written(event(eventfeed), JSONFormat())).status_code == 204
    assert len(stored(eventfeed)) == 1


DATA = {
    "text": ("text/plain", "hello €", {"text": "hello €"}),
    "bytes": ("image/png", b"\x89PNG\xff", {"data_base64": "iVBOR/8="}),
    "nothing": (None, None, {}),
}


@pytest.mark.parametrize("written", MODES.values(), ids=MODES)
@pytest.mark.parametrize(("type", "data", "payload"), DATA.values(), ids=DATA)
def test_data_of_every_kind_arrive(
    eventfeed: Eventfeed, written: Any, type: str | None, data: Any, payload: dict[str, Any]
) -> None:
    told = event(eventfeed, datacontenttype=type, data=data)
    assert send(eventfeed, written(told, JSONFormat())).status_code == 204
    ((_, _, _, stored_payload, _),) = stored(eventfeed)
    assert stored_payload == payload


@pytest.mark.parametrize("written", [older_to_binary, older_to_structured])
def test_the_sdk_of_version_1_sends_too(eventfeed: Eventfeed, written: Any) -> None:
    told = OlderCloudEvent({"source": f"/{eventfeed.corner}", "type": "t"}, {"total": 42})
    headers, body = written(told)
    answer = httpx.post(address(eventfeed), content=body, headers=headers)
    assert answer.status_code == 204
    ((_, _, _, payload, _),) = stored(eventfeed)
    assert payload == {"total": 42}
