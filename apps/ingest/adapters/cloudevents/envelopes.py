"""What Google's Pub/Sub and Amazon's SNS wrap around the messages that they push over HTTP.

https://cloud.google.com/pubsub/docs/push
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from apps.ingest.adapters.cloudevents.adapter import (
    STRUCTURED,
    Wrong,
    is_binary,
    parsed,
)
from apps.ingest.adapters.message import Message, Unreadable, cut, media_type

SNS_TYPE = "x-amz-sns-message-type"
SNS_RAW = "x-amz-sns-rawdelivery"
# Pub/Sub without its wrapper, when it is set to write what it knows as headers.
PUBSUB_UNWRAPPED = "x-goog-pubsub-message-id"
SNS_TYPES = ("Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation")
SNS_HOST = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.com")

TO_CONFIRM = "SubscribeURL"
"""Where in a message the address stands that a person may call: the mark of its rejection."""
CONFIRM_PAGE = "/sns"


@dataclass(frozen=True)
class Envelope:
    """What was wrapped: bytes, what names their kind, and the attributes beside them."""

    content: bytes
    name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def message(self) -> Message:
        """Return what is inside as if it had come by itself, as JSON where it looks so."""
        if is_binary(inner := Message(self.content, headers=self.attributes)):
            return Message(self.content, self.attributes.get("content-type", ""), inner.headers)
        format = {b"{": "+json", b"[": "-batch+json"}.get(self.content.lstrip()[:1], "+protobuf")
        return Message(self.content, f"{STRUCTURED}{format}")


@dataclass(frozen=True)
class Subscription:
    """A subscription of SNS that waits to be confirmed."""

    topic: str
    address: str

    @property
    def host(self) -> str:
        return urlsplit(self.address).hostname or ""


def is_enveloped(message: Message) -> bool:
    """Say whether a message comes from Pub/Sub or SNS, which send again what is not taken."""
    return _kind_of(message) is not None


def opened(message: Message) -> Envelope | Unreadable | None:
    """Return what is wrapped in a message, or why it cannot be had, or None where nothing is."""
    try:
        match _kind_of(message):
            case "pubsub":
                return _from_pubsub(_object(message.body)["message"])
            case "unwrapped":
                return Envelope(message.body, message.headers.get("key", ""))
            case "sns":
                return _from_sns(message)
            case _:
                return None
    except Wrong as wrong:
        return wrong.unreadable


def subscription_in(body: bytes) -> Subscription | None:
    """Return the subscription that a message asks to confirm, if Amazon's own address does it."""
    try:
        value = _object(body)
    except Wrong:
        return None
    topic, address = value.get("TopicArn"), value.get(TO_CONFIRM)
    if isinstance(topic, str) and isinstance(address, str) and confirms(address):
        return Subscription(topic, address)
    return None


def confirms(address: str) -> bool:
    """Say whether an address is Amazon's for confirming: nothing else may be called for anybody."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and port in (None, 443)
        and SNS_HOST.fullmatch(parts.hostname or "") is not None
        and "@" not in parts.netloc
        and parts.path in ("", "/")
        and parse_qs(parts.query).get("Action") == ["ConfirmSubscription"]
    )


def _kind_of(message: Message) -> str | None:
    if SNS_TYPE in message.headers:
        return "sns"
    if is_binary(message) or media_type(message).startswith(STRUCTURED):
        return None
    if PUBSUB_UNWRAPPED in message.headers:
        return "unwrapped"
    if b'"message"' not in message.body and b'"TopicArn"' not in message.body:
        return None
    try:
        value = _object(message.body)
    except Wrong:
        return None
    if isinstance(value.get("message"), dict) and isinstance(value.get("subscription"), str):
        return "pubsub"
    return "sns" if value.get("Type") in SNS_TYPES and "TopicArn" in value else None


def _object(body: bytes) -> dict[str, Any]:
    value = parsed(body)
    if not isinstance(value, dict):
        raise Wrong.because("The message must be a JSON object.")
    return value


def _from_pubsub(message: dict[str, Any]) -> Envelope:
    told = message.get("attributes")
    attributes = {
        # A header is percent-encoded, an attribute is not.
        key.lower(): quote(value) if key.lower().startswith("ce-") else value
        for key, value in (told if isinstance(told, dict) else {}).items()
        if isinstance(value, str)
    }
    content = _decoded(message.get("data") or "", "message", "data")
    return Envelope(content, attributes.get("key", ""), attributes)


def _from_sns(message: Message) -> Envelope | Unreadable:
    if message.headers.get(SNS_RAW, "").lower() == "true":
        return Envelope(_content(message.body.decode(errors="replace"), "body"))
    value = _object(message.body)
    match value.get("Type"):
        case "Notification":
            subject = value.get("Subject")
            return Envelope(
                _content(value.get("Message"), "Message"),
                subject if isinstance(subject, str) else "",
            )
        case "SubscriptionConfirmation":
            return _to_confirm(message.body)
        case "UnsubscribeConfirmation":
            say = f"SNS has ended its subscription to {cut(str(value.get('TopicArn')))}."
            return Unreadable.because(400, say, "Type")
        case other:
            return Unreadable.because(400, f"{cut(str(other))} is no message of SNS.", "Type")


def _to_confirm(body: bytes) -> Unreadable:
    if subscription := subscription_in(body):
        say = f"SNS asks to confirm its subscription to {cut(subscription.topic)}"
        return Unreadable.because(400, f"{say}: see {CONFIRM_PAGE}.", TO_CONFIRM)
    say = "SNS asks to confirm a subscription at an address that is not Amazon's."
    return Unreadable.because(400, say, "Type")


def _content(text: object, *path: str) -> bytes:
    """Return the bytes of a text: JSON as it is, all else is base64."""
    if isinstance(text, str) and text.lstrip()[:1] in ("{", "["):
        return text.encode()
    return _decoded(text, *path)


def _decoded(text: object, *path: str) -> bytes:
    try:
        if isinstance(text, str):
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise Wrong.because("It is no base64.", *path)
