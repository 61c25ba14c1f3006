"""An event as the API, the live socket and the command line tell it: Prefect's fields and ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from apps.events.models import Event
from apps.feed.rows import iso

# LATERAL keeps the planner to one probe an event.
PAYLOADS = """
    SELECT told.id, told.occurred, kept.payload
    FROM unnest(%s::uuid[], %s::timestamptz[]) AS told (id, occurred)
    CROSS JOIN LATERAL (
        SELECT payload::text FROM event
        WHERE event.id = told.id AND event.occurred = told.occurred
        LIMIT 1
    ) AS kept
"""

Payload = Mapping[str, Any] | msgspec.Raw


def told(
    event: Event, *, source: str | None = None, payload: Payload | None = None
) -> dict[str, Any]:
    """Return the event as a JSON object; a payload or a source's name not read are left out."""
    fields = {
        "id": str(event.id),
        "occurred": iso(event.occurred),
        "event": event.event,
        "resource": event.resource,
        "related": event.related,
        "payload": event.__dict__.get("payload") if payload is None else payload,
        "follows": event.follows and str(event.follows),
        "received": iso(event.received),
        "system": event.system,
        "source": source,
        "outcome": event.outcome_word,
        "message": event.message,
        "warnings": event.warnings or [],
        "position": event.at,
    }
    unread = [name for name in ("payload", "source") if fields[name] is None]
    return {name: value for name, value in fields.items() if name not in unread}


def told_in_full(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return a list with its payloads, read now where the list has left them in the database."""
    payloads, sources = payloads_of(events), sources_of(events)
    return [
        told(event, source=sources[event.source_id], payload=payloads[event.identity])
        for event in events
        # Between the two queries its partition may have expired.
        if event.identity in payloads
    ]


def payloads_of(events: Sequence[Event]) -> dict[tuple[UUID, datetime], Payload]:
    """Return the payloads; those read now are the JSON they are stored as."""
    payloads: dict[tuple[UUID, datetime], Payload] = {
        event.identity: event.payload for event in events if "payload" in event.__dict__
    }
    if unread := [event for event in events if event.identity not in payloads]:
        with connection.cursor() as cursor:
            cursor.execute(PAYLOADS, [[e.id for e in unread], [e.occurred for e in unread]])
            for id, occurred, payload in cursor.fetchall():
                payloads[id, occurred] = msgspec.Raw(payload.encode())
    return payloads


def sources_of(events: Sequence[Event]) -> dict[int, str]:
    ids = {event.source_id for event in events}
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM source WHERE id = ANY(%s)", [list(ids)])
        names = dict(cursor.fetchall())
    return {id: names.get(id, "") for id in ids}
