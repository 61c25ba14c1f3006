"""Rejected CloudEvents are tried again as they came."""

import json
from typing import Any

import pytest

from apps.events.models import Event, Rejection, Source
from apps.ingest.again import try_again, why_not

pytestmark = pytest.mark.django_db

EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "com.acme.order.paid"}
BATCH = "application/cloudevents-batch+json; charset=utf-8"


def rejected(value: object, content_type: str, **fields: Any) -> Rejection:
    body = json.dumps(value).encode()
    source, _ = Source.objects.get_or_create(name="CloudEvents", system="cloudevents")
    return Rejection.objects.create(
        source=source,
        doorway="POST /api/cloudevents",
        reason="It could not be read.",
        body=body,
        body_size=len(body),
        system="cloudevents",
        content_type=content_type,
        **fields,
    )


BINARY = {f"ce-{name}": value for name, value in EVENT.items()}
KEPT = {
    "one of a batch": (EVENT, BATCH, {"index": 1}),
    "a whole batch": ([EVENT], BATCH, {}),
    "one by itself": (EVENT, "application/cloudevents+json", {}),
    "in binary mode": ({"a": 1}, "application/json", {"headers": BINARY}),
}


@pytest.mark.parametrize(("value", "content_type", "fields"), KEPT.values(), ids=KEPT)
def test_what_can_be_read_by_now_is_stored(
    value: object, content_type: str, fields: dict[str, Any]
) -> None:
    assert try_again(rejected(value, content_type, **fields)).stored
    assert Event.objects.filter(resource__contains={"ce.id": "1"}).exists()


def test_a_question_of_sns_is_answered_and_not_tried() -> None:
    assert "/sns" in why_not(rejected({}, "text/plain", path="SubscribeURL"))
