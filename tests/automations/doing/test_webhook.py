"""A webhook is sent, signed, and what came of it is kept."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from apps.automations.doing import destinations
from apps.automations.models import Attempt, Destination, Task
from apps.events.models import Event
from tests.automations.doing.fired import event, fired
from tests.automations.doing.receiving import answer
from tests.automations.doing.waiting import ended

pytestmark = pytest.mark.usefixtures("delivering", "allowed")


def test_a_webhook_is_delivered_and_told(receiver):
    (task,) = fired({"type": "webhook", "url": receiver.url, "body": "{{ event.event }}!"})
    assert ended(task).state == Task.State.DONE
    (received,) = receiver.received
    assert received.method == "POST"
    assert received.body == b"order.failed!"
    assert received.headers["webhook-id"] == str(task.id)
    attempt = Attempt.objects.get(task=task)
    assert (attempt.status, attempt.response, attempt.error) == (200, "thank you", "")
    told = {one.event: one for one in Event.objects.all()}
    triggered = told["eventfeed.automation.action.triggered"]
    executed = told["eventfeed.automation.action.executed"]
    assert triggered.follows == task.firing_id
    assert executed.follows == triggered.id
    assert executed.outcome_word == "completed"
    assert executed.payload["status_code"] == 200
    assert executed.payload["invocation"] == str(task.id)


def test_a_destination_signs_after_standard_webhooks(receiver):
    secret = destinations.new_secret()
    destinations.save(
        Destination(name="Chat", kind="webhook"),
        {"url": receiver.url, "secret": secret, "headers": {"X-Key": "hidden"}},
    )
    (task,) = fired({"type": "webhook", "destination": "Chat", "body": "{}"})
    assert ended(task).state == Task.State.DONE
    (received,) = receiver.received
    told = received.headers
    assert abs(int(told["webhook-timestamp"]) - time.time()) < 60
    signed = f"{task.id}.{told['webhook-timestamp']}.{{}}".encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert told["webhook-signature"] == f"v1,{expected}"
    assert told["x-key"] == "hidden"
    assert told["content-type"] == "application/json"
    kept = json.dumps(ended(task).rendered)
    assert "hidden" not in kept
    assert "whsec_" not in kept
    assert str(receiver.port) not in kept


def test_without_a_body_the_firing_is_told(receiver):
    (task,) = fired({"type": "webhook", "url": receiver.url})
    assert ended(task).state == Task.State.DONE
    told = json.loads(receiver.received[0].body)
    assert told["type"] == "eventfeed.automation.triggered"
    assert told["data"]["automation"]["name"] == "Failed orders"
    assert told["data"]["event"]["event"] == "order.failed"
    assert told["data"]["firing"]["why"] == "An order has failed."


def test_a_body_that_is_written_and_renders_to_nothing_is_empty(receiver):
    body = "{% if event.payload.nope %}x{% endif %}"
    (task,) = fired({"type": "webhook", "url": receiver.url, "body": body})
    assert ended(task).state == Task.State.DONE
    (received,) = receiver.received
    assert received.body == b""
    assert "content-type" not in received.headers


@pytest.mark.parametrize(
    ("headers", "told"), [({}, "Basic bWU6aGlkZGVu"), ({"Authorization": "Bearer d"}, "Bearer d")]
)
def test_a_header_that_is_said_wins_over_the_user_in_an_address(headers, told, receiver):
    url = receiver.url.replace("://", "://me:hidden@")
    destinations.save(Destination(name="Chat", kind="webhook"), {"url": url, "headers": headers})
    (task,) = fired({"type": "webhook", "destination": "Chat"})
    assert ended(task).state == Task.State.DONE
    assert receiver.received[0].headers["authorization"] == told
    kept = json.dumps(ended(task).rendered) + Attempt.objects.get(task=task).response
    assert "hidden" not in kept + Destination.objects.get().shown


def test_method_address_and_headers_are_templates_too(receiver):
    (task,) = fired(
        {
            "type": "webhook",
            "url": f"{receiver.url}/{{{{ event.resource.id }}}}",
            "method": "PUT",
            "headers": {"X-Amount": "{{ event.payload.amount }}", "Authorization": "Bearer hidden"},
            "body": '{"name": {{ event.resource.name|tojson }}}',
        }
    )
    assert ended(task).state == Task.State.DONE
    (received,) = receiver.received
    assert (received.method, received.path) == ("PUT", "/hook/order.42")
    assert received.headers["x-amount"] == "12.5"
    assert received.headers["authorization"] == "Bearer hidden"
    assert "hidden" not in json.dumps(ended(task).rendered)
    assert received.body == b'{"name": "Order 42"}'
    assert ended(task).rendered["url"] == receiver.url.replace("/hook", "/…")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_has_no_body_is_sent_none(method, receiver):
    (task,) = fired({"type": "webhook", "url": receiver.url, "method": method})
    assert ended(task).state == Task.State.DONE
    (received,) = receiver.received
    assert (received.method, received.body) == (method, b"")
    assert "content-type" not in received.headers


def test_a_template_cannot_add_a_header(receiver):
    (task,) = fired(
        {"type": "webhook", "url": receiver.url, "headers": {"X-A": "{{ event.message }}"}},
        events=[event(message="a\r\nX-B: b")],
    )
    assert ended(task).state == Task.State.FAILED
    assert "one line" in Attempt.objects.get(task=task).error
    assert receiver.received == []


def test_a_template_that_fails_is_told_with_its_line(receiver):
    (task,) = fired({"type": "webhook", "url": receiver.url, "body": "a\n{{ 1 / 0 }}"})
    assert ended(task).state == Task.State.FAILED
    failed = Event.objects.get(event="eventfeed.automation.action.failed")
    assert failed.outcome_word == "failed"
    assert "Line 2" in failed.message
    assert failed.payload["template_source"] == "a\n{{ 1 / 0 }}"


def test_an_answer_is_cut(receiver):
    receiver.answering = answer(200, b"x" * 1_000_000)
    (task,) = fired({"type": "webhook", "url": receiver.url})
    assert ended(task).state == Task.State.DONE
    assert len(Attempt.objects.get(task=task).response) == 1_000


def test_a_dry_run_is_rendered_and_not_sent(receiver):
    action = {"type": "webhook", "url": receiver.url, "body": "{{ event.event }}"}
    (task,) = fired(action, state=Task.State.DRY)
    assert ended(task).state == Task.State.DRY
    assert ended(task).rendered["body"] == "order.failed"
    assert receiver.received == []
    assert not Event.objects.exists()
    assert not Attempt.objects.exists()


def test_a_destination_that_is_gone_is_named():
    (task,) = fired({"type": "webhook", "destination": "Chat"})
    assert ended(task).state == Task.State.FAILED
    assert "“Chat”" in Attempt.objects.get(task=task).error
