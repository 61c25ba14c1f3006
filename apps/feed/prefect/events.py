"""An event of ours as Prefect's ReceivedEvent: its fields in its order, times as it writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.events.models import Event
from apps.feed.told import Payload, payloads_of


def received_event(event: Event, payload: Payload) -> dict[str, Any]:
    """Return what is to be written as JSON by msgspec."""
    return {
        "occurred": event.occurred,
        "event": event.event,
        "resource": event.resource,
        "related": event.related,
        "payload": payload,
        "id": event.id,
        "follows": event.follows,
        "received": event.received,
    }


def received_events(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return a list with its payloads, which lists leave in the database."""
    payloads = payloads_of(events) if events else {}
    return [
        received_event(event, payloads[event.identity])
        for event in events
        # Between the two queries its partition may have expired.
        if event.identity in payloads
    ]
