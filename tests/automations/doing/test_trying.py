"""A destination can be tried before anything depends on it."""

import json
from uuid import uuid4

import pytest

from apps.automations.doing.destinations import save
from apps.automations.doing.trying import preview, send_test
from apps.automations.models import Automation, Destination, Firing
from tests.automations.doing.fired import NOON, event
from tests.automations.doing.receiving import answer

pytestmark = pytest.mark.django_db


MADE = "{{ event.event }}"
RESOURCE = {"prefect.resource.id": "a"}


def firing() -> Firing:
    automation = Automation(name="Failed orders", trigger={})
    return Firing(id=uuid4(), automation=automation, fired=NOON, why="A", events=[event()])


def destination(kind: str, url: str, *, private: bool = True) -> Destination:
    return save(Destination(name="A", kind=kind, private=private), {"url": url})


def test_a_webhook_is_tried(receiver):
    done = send_test(destination("webhook", receiver.url))
    assert (done.status, done.error, done.response) == (200, "", "thank you")
    assert "nothing has happened" in json.loads(receiver.received[0].body)["data"]["firing"]["why"]


def test_what_is_wrong_is_said(receiver):
    receiver.answering = answer(404)
    done = send_test(destination("webhook", receiver.url))
    assert (done.status, done.error) == (404, "It answered 404 Not Found.")


def test_a_private_address_is_refused_with_what_to_do(receiver):
    done = send_test(destination("webhook", receiver.url, private=False))
    assert "EVENTFEED_ALLOWED_DESTINATIONS" in done.error
    assert receiver.received == []


def test_a_notification_is_tried(receiver):
    done = send_test(destination("notification", f"ntfy://127.0.0.1:{receiver.port}/a"))
    assert not done.error
    assert json.loads(receiver.received[0].body)["title"] == "A test from Eventfeed"


def test_a_server_that_is_no_prefect_is_said(receiver):
    receiver.answering = answer(404)
    assert "404" in send_test(destination("prefect", receiver.url)).error


@pytest.mark.parametrize(
    ("said", "field", "text"),
    [
        ({"type": "webhook", "url": "https://a.example", "body": MADE}, "body", "order.failed"),
        ({"type": "webhook", "destination": "A", "body": MADE}, "body", "order.failed"),
        ({"type": "notify", "destination": "A", "body": MADE}, "body", "order.failed"),
        ({"type": "record", "event": "a", "resource": RESOURCE}, "resource", RESOURCE),
        (
            {"type": "run-deployment", "source": "inferred", "parameters": {"a": MADE}},
            "parameters",
            {"a": "order.failed"},
        ),
    ],
)
def test_an_action_is_shown_as_it_would_be_done(said, field, text):
    assert preview(said, firing()).rendered[field] == text


def test_a_template_that_fails_is_said_in_a_preview():
    said = {"type": "notify", "destination": "A", "body": "\n{{ 1 / 0 }}"}
    assert "Line 2" in preview(said, firing()).error
