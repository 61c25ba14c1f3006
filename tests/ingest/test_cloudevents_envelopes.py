"""What Pub/Sub and SNS wrap around CloudEvents and Flyte's own messages."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from apps.events.away import DatabaseAway
from apps.events.draft import Draft
from apps.ingest import sns
from apps.ingest.adapters.cloudevents.draft import read_cloudevents
from apps.ingest.adapters.cloudevents.envelopes import TO_CONFIRM, confirms, is_enveloped
from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.doors import door
from apps.ingest.doors.cloudevents import CloudEventsDoor
from tests.ingest.cloudevents_schema import CloudEvent
from tests.ingest.conftest import Eventfeed

TOPIC = "arn:aws:sns:eu-central-1:123456789012:flyte"
ADDRESS = (
    "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription"
    f"&TopicArn={TOPIC}&Token=2336412f37"
)
KEY = "flyteidl.admin.TaskExecutionEventRequest"
TASK = {
    "task_id": {"resource_type": 1, "project": "p", "domain": "d", "name": "n", "version": "v"},
    "parent_node_execution_id": {
        "node_id": "n0",
        "execution_id": {"project": "p", "domain": "d", "name": "f1"},
    },
    "retry_attempt": 1,
    "phase": 2,
    "occurred_at": {"seconds": 1_800_000_000},
}


def cloudevent(corner: str = "test", **told: Any) -> bytes:
    """Write a CloudEvent as flyteadmin does for Pub/Sub and SNS."""
    fields = {"id": "1", "source": f"/{corner}", "type": "com.acme.order.paid", **told}
    event = CloudEvent(spec_version="1.0", **fields)
    event.attributes["datacontenttype"].ce_string = "application/json"
    event.attributes["time"].ce_timestamp.FromJsonString("2026-01-02T03:04:05Z")
    event.binary_data = event.binary_data or b'{"total": 42}'
    return event.SerializeToString()


def pubsub(content: bytes, **attributes: str) -> bytes:
    message = {
        "data": base64.b64encode(content).decode(),
        "attributes": attributes,
        "messageId": "2070443601311540",
        "publishTime": "2026-02-26T19:13:55.749Z",
    }
    subscription = "projects/acme/subscriptions/eventfeed"
    return json.dumps({"message": message, "subscription": subscription}).encode()


def notification(content: bytes | str, subject: str = "", **told: Any) -> bytes:
    text = content if isinstance(content, str) else base64.b64encode(content).decode()
    told = {"Type": "Notification", "TopicArn": TOPIC, "Subject": subject, "Message": text, **told}
    return json.dumps(told).encode()


def confirmation(**told: Any) -> bytes:
    asked = {"Type": "SubscriptionConfirmation", "TopicArn": TOPIC, "Token": "2336412f37"}
    return json.dumps({**asked, TO_CONFIRM: ADDRESS, **told}).encode()


def from_sns(body: bytes, type: str = "Notification", **headers: str) -> Message:
    told = {"content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": type, **headers}
    return Message(body, told["content-type"], told)


def draft(message: Message) -> Draft:
    (element,) = read_cloudevents(message)
    assert not isinstance(element.reading, Unreadable), element.reading
    (told,) = element.reading
    return told


def refused(message: Message) -> Unreadable:
    (element,) = read_cloudevents(message)
    assert isinstance(element.reading, Unreadable)
    return element.reading


JSON = {"specversion": "1.0", "id": "1", "source": "/test", "type": "com.acme.order.paid",
        "time": "2026-01-02T03:04:05Z", "datacontenttype": "application/json",
        "data": {"total": 42}}  # fmt: skip
ATTRIBUTES = {f"ce-{name}": value for name, value in JSON.items() if isinstance(value, str)} | {
    "content-type": "application/json"
}
del ATTRIBUTES["ce-datacontenttype"]

WRAPPED = {
    "Pub/Sub, protobuf": Message(pubsub(cloudevent())),
    "Pub/Sub, JSON": Message(pubsub(json.dumps(JSON).encode())),
    "Pub/Sub, attributes": Message(pubsub(b'{"total": 42}', **ATTRIBUTES)),
    "Pub/Sub, unwrapped": Message(cloudevent(), headers={"x-goog-pubsub-message-id": "1"}),
    "SNS, protobuf": from_sns(notification(cloudevent())),
    "SNS, JSON": from_sns(notification(json.dumps(JSON))),
    "SNS, raw": from_sns(base64.b64encode(cloudevent()), **{"x-amz-sns-rawdelivery": "true"}),
    "SNS without its header": Message(notification(cloudevent()), "text/plain"),
}


@pytest.mark.parametrize("message", WRAPPED.values(), ids=WRAPPED)
def test_a_wrapped_event_is_the_event(message: Message) -> None:
    by_itself = Message(json.dumps(JSON).encode(), "application/cloudevents+json")
    assert draft(message) == draft(by_itself)
    assert is_enveloped(message)


def test_an_attribute_of_pubsub_is_no_header() -> None:
    told = draft(Message(pubsub(b"{}", **(ATTRIBUTES | {"ce-subject": '"50 %20 €"'}))))
    assert told.resource["ce.subject"] == '"50 %20 €"'


@pytest.fixture
def request_of_flyte() -> bytes:
    flyte = pytest.importorskip("flyteidl.admin.event_pb2")
    return flyte.TaskExecutionEventRequest(event=TASK).SerializeToString()


BARE: dict[str, Callable[[bytes], Message]] = {
    "Pub/Sub": lambda request: Message(pubsub(request, key=KEY)),
    "Pub/Sub, unwrapped": lambda request: Message(
        request, headers={"x-goog-pubsub-message-id": "1", "key": KEY}
    ),
    "SNS": lambda request: from_sns(notification(request, KEY)),
}


@pytest.mark.parametrize("enveloped", BARE.values(), ids=BARE)
def test_a_bare_request_of_flyte_is_known_by_its_name(
    request_of_flyte: bytes, enveloped: Callable[[bytes], Message]
) -> None:
    assert draft(enveloped(request_of_flyte)).event == "flyte.task-execution.RUNNING"


def test_flyte_names_its_cloudevents_and_bare_requests_alike(request_of_flyte: bytes) -> None:
    wrapped = cloudevent(
        type=f"com.flyte.resource.{KEY}",
        binary_data=json.dumps(
            {
                "event": {
                    "taskId": TASK["task_id"],
                    "parentNodeExecutionId": {
                        "nodeId": "n0",
                        "executionId": {"project": "p", "domain": "d", "name": "f1"},
                    },
                    "retryAttempt": 1,
                    "phase": "RUNNING",
                    "occurredAt": "2027-01-15T08:00:00Z",
                }
            }
        ).encode(),
    )
    bare = draft(Message(pubsub(request_of_flyte, key=KEY)))
    assert draft(Message(pubsub(wrapped, key=KEY))).id == bare.id
    assert draft(from_sns(notification(wrapped, KEY))).id == bare.id


WRONG = {
    "bytes that are none": (Message(pubsub(b"").replace(b'"data": ""', b'"data": "%"')), "base64"),
    "no event": (Message(pubsub(b"hello")), "neither a CloudEvent nor"),
    "nothing": (Message(pubsub(b"")), "neither a CloudEvent nor"),
    "data that are a number": (Message(pubsub(b"").replace(b'"data": ""', b'"data": 7')), "base64"),
    "a bare request of another kind": (
        Message(pubsub(b"\n\x00", key="x")),
        "neither a CloudEvent nor",
    ),
    "half an event": (Message(pubsub(b'{"specversion": "1.0"}')), "id is required"),
    "a notification of text": (from_sns(notification("Hello!")), "base64"),
    "a notification of nothing": (from_sns(b'{"Type": "Notification"}'), "base64"),
    "another type": (from_sns(b'{"Type": "Hi"}', "Hi"), "Hi is no message of SNS"),
    "no JSON": (from_sns(b"\xff"), "JSON"),
    "a list": (from_sns(b"[]"), "must be a JSON object"),
    "a farewell": (
        from_sns(notification("", Type="UnsubscribeConfirmation")),
        f"SNS has ended its subscription to {TOPIC}",
    ),
    "a question": (from_sns(confirmation()), "see /sns"),
    "a question from elsewhere": (
        from_sns(confirmation(SubscribeURL="https://evil.test/")),
        "an address that is not Amazon's",
    ),
}


@pytest.mark.parametrize(("message", "say"), WRONG.values(), ids=WRONG)
def test_what_is_wrapped_and_cannot_be_read_is_forgiven(message: Message, say: str) -> None:
    assert say in refused(message).problems[0].reason
    assert CloudEventsDoor().forgives(message)


@pytest.mark.parametrize(
    "message",
    [
        Message(b'{"message": "hello", "subscription": "x"}'),
        Message(b'{"message": {}}'),
        Message(b'{"TopicArn": "x"}'),
        Message(b'{"TopicArn": "x", "Type": ["Notification"]}'),
        Message(b'"message"'),
        Message(pubsub(b""), "application/cloudevents+json"),
        Message(pubsub(b""), headers={"ce-id": "1"}),
    ],
)
def test_what_is_not_wrapped_is_not_forgiven(message: Message) -> None:
    refused(message)
    assert not CloudEventsDoor().forgives(message)


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS.replace("https", "http"),
        ADDRESS.replace("amazonaws.com", "amazonaws.com.evil.test"),
        ADDRESS.replace("sns.eu", "evil.eu"),
        ADDRESS.replace("sns.eu-central-1.", "sns."),
        ADDRESS.replace("//sns", "//sns.a.amazonaws.com@evil"),
        ADDRESS.replace("//", "//me:pw@"),
        ADDRESS.replace(".com/", ".com:8443/"),
        ADDRESS.replace(".com/", ".com:x/"),
        ADDRESS.replace("ConfirmSubscription", "DeleteTopic"),
        ADDRESS.replace("ConfirmSubscription", "ConfirmSubscription&Action=DeleteTopic"),
        ADDRESS.replace(".com/", ".com/other"),
        ADDRESS.replace(".com/", ".com\\@evil.test/"),
        "https://[::1/?Action=ConfirmSubscription",
        "",
    ],
)
def test_only_amazons_address_for_confirming_may_be_called(address: str) -> None:
    assert confirms(ADDRESS)
    assert not confirms(address)


# With a running Eventfeed.


def post(eventfeed: Eventfeed, body: bytes, **headers: str) -> httpx.Response:
    address = f"http://127.0.0.1:{eventfeed.port}/api/cloudevents"
    return httpx.post(address, content=body, headers=headers)


def test_what_cannot_be_read_is_answered_with_success_once_it_is_kept(
    eventfeed: Eventfeed,
) -> None:
    answer = post(eventfeed, pubsub(b"hello", corner=eventfeed.corner))
    assert answer.status_code == 200
    assert answer.json()["detail"].startswith("Kept as a rejection. ")
    assert len(eventfeed.rejections()) == 1


async def test_what_cannot_be_kept_either_is_to_be_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(*_: object, **__: object) -> int:
        raise DatabaseAway

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pubsub(b"hello"), "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    monkeypatch.setattr(door, "source_of", away)
    sent: list[dict[str, Any]] = []
    scope = {"headers": [], "eventfeed.local": True, "query_string": b"", "client": None}
    await CloudEventsDoor()(scope, receive, send)
    assert sent[0]["status"] == 503
    assert (b"retry-after", b"3") in sent[0]["headers"]


def test_an_event_from_pubsub_is_stored(eventfeed: Eventfeed) -> None:
    assert post(eventfeed, pubsub(cloudevent(eventfeed.corner))).status_code == 204
    source = f"/{eventfeed.corner}"
    assert eventfeed.query("SELECT 1 FROM event WHERE resource->>'ce.source' = %s", source)


def test_a_subscription_waits_for_a_person(eventfeed: Eventfeed) -> None:
    topic = f"{TOPIC}-{eventfeed.corner}"
    asked = confirmation(TopicArn=topic)
    answer = post(eventfeed, asked, **{"x-amz-sns-message-type": "SubscriptionConfirmation"})
    assert answer.status_code == 200
    page = httpx.get(f"http://127.0.0.1:{eventfeed.port}/sns").text
    assert topic in page
    assert "<button>Confirm</button>" in page


def amazon(status: int, called: list[str]) -> httpx.BaseTransport:
    """An HTTPS server in Amazon's place, which notes what it is asked."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        called.append(f"{environ['wsgi.url_scheme']}://{environ['SERVER_NAME']}")
        start_response(f"{status} So", [])
        return [b""]

    return httpx.WSGITransport(app=application)


def test_confirming_asks_amazon_and_follows_it_nowhere() -> None:
    called: list[str] = []
    assert sns.call(ADDRESS, amazon(200, called)) is None
    assert sns.call(ADDRESS, amazon(403, called)) == "SNS answered 403."
    assert sns.call(ADDRESS, amazon(302, called)) == "SNS answered 302."
    assert called == ["https://sns.eu-central-1.amazonaws.com"] * 3
