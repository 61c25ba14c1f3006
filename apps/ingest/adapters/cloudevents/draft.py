"""CloudEvents' dialect: what a CloudEvent says, in ours, or in the words of the system it is of."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.ingest.adapters.cloudevents.adapter import CloudEvent, Data, Found, events_in
from apps.ingest.adapters.cloudevents.envelopes import Envelope, opened
from apps.ingest.adapters.cloudevents.protobuf import NoProtobuf, event_in_protobuf
from apps.ingest.adapters.flyte.adapter import (
    EXTERNAL_EVENTS,
    read_flyte_cloudevent,
    read_flyte_request,
)
from apps.ingest.adapters.identity import derived, resource_id
from apps.ingest.adapters.message import Element, Message, Unreadable, cut, one_line
from apps.ingest.ownership import warnings_for
from apps.query.outcomes import Outcome

RESOURCE_NAME = "prefect.resource.name"
MAX_NAME = 1_024
NEITHER = "What is wrapped is neither a CloudEvent nor one of Flyte's requests."
# They have columns of their own, or say nothing of the event.
UNLABELLED = {"specversion", "time"}

Reading = tuple[Draft, ...] | Unreadable

# Systems that wrap their events in CloudEvents, by how their types begin.
SYSTEMS: Mapping[str, Callable[[CloudEvent], Reading]] = {
    "com.flyte.resource.": read_flyte_cloudevent,
}

# How it went, by the last word of a type: `com.acme.invoice.failed`.
OUTCOMES: Mapping[str, Outcome] = {
    "aborted": Outcome.FAILED,
    "crashed": Outcome.FAILED,
    "error": Outcome.FAILED,
    "errored": Outcome.FAILED,
    "failed": Outcome.FAILED,
    "failure": Outcome.FAILED,
    "rejected": Outcome.FAILED,
    "completed": Outcome.COMPLETED,
    "passed": Outcome.COMPLETED,
    "resolved": Outcome.COMPLETED,
    "succeeded": Outcome.COMPLETED,
    "success": Outcome.COMPLETED,
    "progress": Outcome.RUNNING,
    "running": Outcome.RUNNING,
    "started": Outcome.RUNNING,
    "pending": Outcome.WAITING,
    "queued": Outcome.WAITING,
    "scheduled": Outcome.WAITING,
    "waiting": Outcome.WAITING,
}
# `dev.cdevents.pipelinerun.finished.0.2.0`, `com.acme.order.failed.v1`
VERSION = re.compile(r"v?[\d.]*\d")
MESSAGES = ("message", "error", "reason", "summary", "description", "title")


def read_cloudevents(message: Message) -> Iterator[Element]:
    """Read the CloudEvents of a message, and those in what Pub/Sub and SNS wrap around theirs."""
    envelope = opened(message)
    if envelope is None:
        yield from map(_element, events_in(message))
    elif isinstance(envelope, Unreadable):
        yield Element(None, message.body, envelope)
    else:
        yield Element(None, message.body, _inside(envelope))


def _element(found: Found) -> Element:
    return Element(found.index, found.raw, _told(found))


def _told(found: Found) -> Reading:
    reading = found.reading
    return reading if isinstance(reading, Unreadable) else drafts_of(reading)


def _inside(envelope: Envelope) -> Reading:
    """Read what was wrapped: CloudEvents, else a request of Flyte's whose kind stands beside it."""
    if not _holds_cloudevents(envelope):
        if kind := EXTERNAL_EVENTS.get(envelope.name):
            return read_flyte_request(kind, envelope.content)
        return Unreadable.because(400, NEITHER)
    drafts: list[Draft] = []
    for found in events_in(envelope.message):
        told = _told(found)
        if isinstance(told, Unreadable):
            return told
        drafts += told
    return tuple(drafts)


def _holds_cloudevents(envelope: Envelope) -> bool:
    if not envelope.message.content_type.endswith("+protobuf"):
        return True
    # Flyte names both alike; only a CloudEvent says its version.
    try:
        return "specversion" in event_in_protobuf(envelope.content).attributes
    except NoProtobuf:
        return False


def drafts_of(event: CloudEvent) -> Reading:
    """Give an event to the system it is of; what is of none tells its own type."""
    read = next((read for head, read in SYSTEMS.items() if event.type.startswith(head)), None)
    return read(event) if read else (draft_of(event),)


def draft_of(event: CloudEvent) -> Draft:
    name = cut(event.type, MAX_NAME)
    resource = resource_of(event)
    odd = warnings_for(name, resource[RESOURCE_ID], system="cloudevents")
    return Draft(
        id=derived("cloudevents", event.source, event.id),
        occurred=event.time or datetime.now(UTC),
        event=name,
        resource=resource,
        related=[source_of(event)] if event.subject else [],
        payload=event.data.payload,
        system="cloudevents",
        outcome=outcome_of(event.type),
        message=message_of(event.data),
        warnings=(*event.warnings, *odd),
        # Without a time of its own, source and id are all that it is known by.
        once=event.time is None,
    )


def resource_of(event: CloudEvent) -> dict[str, str]:
    """Return what it is about: its subject, else its source, with all other attributes."""
    subject = event.subject
    whole = f"cloudevents.subject.{event.source}#{subject}" if subject else event.source
    id, more = resource_id(whole)
    named = {RESOURCE_ID: id, RESOURCE_NAME: subject or event.source}
    attributes = {
        f"ce.{name}": value
        for name, value in event.attributes.items()
        if value and name not in UNLABELLED
    }
    return named | attributes | more


def source_of(event: CloudEvent) -> dict[str, str]:
    id, more = resource_id(event.source)
    return {RESOURCE_ID: id, RESOURCE_ROLE: "source", RESOURCE_NAME: event.source} | more


def outcome_of(type: str) -> Outcome:
    words = [word for word in re.split(r"[._\-/:]", type.lower()) if word]
    last = next((word for word in reversed(words) if not VERSION.fullmatch(word)), "")
    return OUTCOMES.get(last, Outcome.INFORMATION)


def message_of(data: Data) -> str | None:
    """Return the one thing worth reading: what the data call their message, or a short text."""
    if data.form == "text":
        return one_line(data.value) or None
    said = _said(data.value) if isinstance(data.value, dict) else None
    return one_line(said) or None if said else None


def _said(value: Mapping[str, Any]) -> str | None:
    texts = (value.get(key) for key in MESSAGES)
    return next((text for text in texts if text and isinstance(text, str)), None)
