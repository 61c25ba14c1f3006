"""A refused message is kept as it arrived, without its secrets, and can be tried again."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from apps.events.models import Event, Rejection, Source
from apps.events.rejections import EXCERPT
from apps.ingest.hooks.hook import Hook

ID = "prefect.resource.id"


@pytest.fixture
def log(empty_log, settings):
    settings.LOCAL_MODE = True


def told(**fields: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "orders.order.paid",
        "resource": {ID: "orders.order.42"},
        **fields,
    }


def refused(body: object, **fields: Any) -> Rejection:
    source, _ = Source.objects.get_or_create(name="orders", defaults={"system": "prefect"})
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Rejection.objects.create(
        **{
            "source": source,
            "doorway": "POST /api/events",
            "system": "prefect",
            "reason": "It was refused.",
            "body": raw,
            "body_size": len(raw),
        }
        | fields
    )


def again(client, rejection: Rejection) -> str:
    page = f"/rejections/{rejection.id}"
    answer = client.post(f"{page}/again", follow=True)
    assert answer.redirect_chain == [(page, 302)]
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def test_what_can_be_read_by_now_is_stored_and_the_page_says_so(log, client):
    rejection = refused([told(), told()])
    assert "Tried again: 2 events are in the feed." in again(client, rejection)
    assert Event.objects.filter(source=rejection.source).count() == 2
    assert "Try again" not in again_page(client, rejection)
    assert "in the feed by now" in client.get("/rejections").content.decode()


def again_page(client, rejection: Rejection) -> str:
    return client.get(f"/rejections/{rejection.id}").content.decode().partition("<h2>Message")[0]


def test_one_event_of_a_batch_is_tried_alone(log, client):
    event = told()
    assert "1 event is in the feed" in again(client, refused(event, index=3))
    assert str(Event.objects.get(event=event["event"]).id) == event["id"]


def test_trying_what_was_stored_meanwhile_changes_nothing(log, client):
    event = told()
    again(client, refused([event]))
    assert "It was in the feed already." in again(client, refused([event]))
    assert Event.objects.filter(event=event["event"]).count() == 1


def test_a_delivery_is_read_by_its_hooks_mended_template(log, client):
    hook = Hook(name="payments", template="{{ broken").store()
    rejection = refused(
        {"order": 42},
        source=hook.source,
        system="webhook",
        kind=str(hook.id),
        doorway="POST /hooks",
    )
    assert "Refused again:" in again(client, rejection)
    resource = '{"prefect.resource.id": "shop.order.{{ body.order }}"}'
    hook.template = f'{{"event": "shop.paid", "resource": {resource}}}'
    hook.store()
    assert "1 event is in the feed" in again(client, rejection)
    event = Event.objects.get(event="shop.paid")
    assert (event.resource_id, event.source) == ("shop.order.42", hook.source)


def test_what_still_cannot_be_read_says_why_and_can_be_tried_later(log, client):
    rejection = refused([told(occurred="yesterday")])
    said = again(client, rejection)
    assert "Refused again:" in said
    assert "occurred" in said or "time" in said
    assert "Try again" in said
    assert not Event.objects.exists()


def test_secrets_are_masked_when_it_is_tried_again(log, client):
    rejection = refused([told(payload={"card": "4111", "uri": "ftp://me:hunter2@host"})])
    Source.objects.filter(id=rejection.source_id).update(masks={"keys": ["card"]})
    again(client, rejection)
    payload = Event.objects.get(event="orders.order.paid").payload
    assert payload == {"card": "***", "uri": "ftp://me:***@host"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"body_size": EXCERPT * 2}, "Only its beginning was kept"),
        ({"body": b"", "body_size": 0}, "Nothing of the message was kept"),
        ({"system": "smoke"}, "reads no messages that can be tried again"),
        ({"stored": True}, "It is in the feed by now"),
    ],
)
def test_what_cannot_be_tried_again_is_said(log, client, fields, said):
    rejection = refused(**{"body": [told()]} | fields)
    assert "Try again" not in again_page(client, rejection)
    answer = client.post(f"/rejections/{rejection.id}/again")
    assert answer.status_code == 404
    assert said in answer.content.decode()


def test_rejections_can_be_those_of_one_source(log, client):
    other = Source.objects.create(name="other", system="prefect")
    for number in range(51):
        refused([], source=other, reason=f"Number {number}.")
    refused([], reason="Another’s.")
    page = client.get(f"/rejections?source={other.id}").content.decode()
    assert "Another’s." not in page
    older = re.search(r'rel="next" href="([^"]*)"', page)[1].replace("&amp;", "&")
    assert "Number 0." in client.get(older).content.decode()
    assert "Number 1." not in client.get(older).content.decode()


def test_a_body_kept_before_is_masked_when_it_is_shown(log, client):
    rejection = refused({"password": "hunter2"})
    assert "hunter2" not in client.get(f"/rejections/{rejection.id}").content.decode()
