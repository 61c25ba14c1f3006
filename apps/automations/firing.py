"""What is written when an automation fires: the firing, its tasks and its event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid5

import msgspec
from django.db import connection
from django.utils import timezone

from apps.automations.decision import Decision, Mark, Seen
from apps.automations.manners import MINUTE, Judged
from apps.automations.models import Automation, Firing, Task
from apps.events.audit import SYSTEM
from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.events.log import events_of, only, selected
from apps.events.models import Event
from apps.events.words import words
from apps.query.outcomes import Outcome

NAME = "prefect.resource.name"
DEPTH = "eventfeed.automation.depth"
MOST_MESSAGE = 200
# What a firing keeps of an event is cut to these.
MOST_RELATED = 20
MOST_PAYLOAD = 8_192
MOST_FIELDS = 200

COPIED = only(
    frozenset(
        {"occurred", "received", "event", "resource", "related", "payload", "follows", "outcome"}
        | {"system", "message"}
    )
)
# LATERAL keeps the planner to one probe of the index for each.
AT = f"""
    SELECT {selected(COPIED)}
    FROM unnest(%s::bigint[], %s::bigint[]) AS told (told_tx, told_seq)
    CROSS JOIN LATERAL (
        SELECT * FROM event WHERE tx = told_tx AND seq = told_seq LIMIT 1
    ) AS event
"""  # noqa: S608 - of constants

Copies = Mapping[tuple[int, int], dict[str, Any]]


def depth_of(seen: Seen) -> int:
    """Read how many automations fired one after another up to an event of ours."""
    told = [seen.resource.get(DEPTH), *(one.get(DEPTH) for one in seen.related)]
    return max((int(one) for one in told if one and one.isdecimal() and len(one) < 4), default=0)


def copies_of(decisions: Iterable[Decision]) -> dict[tuple[int, int], dict[str, Any]]:
    """Read the events of decisions and of their parts as firings keep them, by their places."""
    return copies_at(mark[:2] for decision in decisions for mark in _marks(decision))


def copies_at(places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], dict[str, Any]]:
    """Read the events at these places of the log as firings keep them."""
    marks = sorted(set(places))
    if not marks:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(AT, [list(column) for column in zip(*marks, strict=True)])
        found = events_of(cursor.fetchall(), COPIED)
    return {(event.tx, event.seq): copy_of(event) for event in found}


def _marks(decision: Decision) -> Iterator[Mark]:
    yield from decision.events
    for child in decision.children:
        yield from _marks(child)


def copy_of(event: Event) -> dict[str, Any]:
    """Return what a firing keeps of an event."""
    return {
        "id": str(event.id),
        "occurred": event.occurred.isoformat(),
        "received": event.received.isoformat(),
        "event": event.event,
        "resource": event.resource,
        "related": event.related[:MOST_RELATED],
        "payload": _cut(event.payload),
        "follows": event.follows and str(event.follows),
        "outcome": Outcome(event.outcome).word,
        "system": event.system,
        "message": event.message,
        "tx": event.tx,
        "seq": event.seq,
    }


def _cut(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of a large payload the small fields, and say of the others how large they are."""
    sizes = {name: len(msgspec.json.encode(value)) for name, value in payload.items()}
    room, kept = MOST_PAYLOAD, {}
    for name in sorted(payload, key=sizes.__getitem__)[:MOST_FIELDS]:
        fits = sizes[name] <= room
        kept[name] = payload[name] if fits else f"({sizes[name]:,} bytes, left out)"
        room -= sizes[name] if fits else 0
    return kept


def firing_of(automation: Automation, decision: Decision, copies: Copies, judged: Judged) -> Firing:
    """Make the firing of a decision, which is not stored yet."""
    speaker = judged.speaker
    return Firing(
        id=decision.id,
        automation=automation,
        version=automation.version,
        kind=decision.kind,
        key=dict(decision.key),
        start=decision.start,
        end=decision.end,
        fired=decision.fired,
        tx=decision.place.tx,
        seq=decision.place.seq,
        why=decision.why,
        count=decision.count,
        value=decision.value,
        events=_copied(decision, copies),
        children=[_child(child, copies) for child in decision.children],
        depth=decision.depth + 1,
        silent=judged.silent,
        more=speaker.more if speaker else 0,
        speaks_until=speaker.until if speaker else None,
    )


def _copied(decision: Decision, copies: Copies) -> list[dict[str, Any]]:
    found = (copies.get(mark[:2]) for mark in decision.events)
    return [copy for copy in found if copy is not None]


def _child(decision: Decision, copies: Copies) -> dict[str, Any]:
    events = _copied(decision, copies)
    return {
        "id": str(decision.id),
        "kind": decision.kind,
        "triggered": decision.fired.isoformat(),
        "triggering_labels": dict(decision.key),
        "triggering_event": events[-1] if events else None,
        "triggering_value": decision.value,
        "why": decision.why,
        "count": decision.count,
        "start": decision.start.isoformat(),
        "end": decision.end.isoformat(),
        "children": [_child(child, copies) for child in decision.children],
    }


def tasks_of(firing: Firing) -> list[Task]:
    """Make the tasks of a firing: none of a silent one, and those of a dry run to be looked at.

    Those of a firing that says how many more there were wait until it knows.
    """
    automation = firing.automation
    if firing.silent and not automation.dry_run:
        return []
    resolved = firing.kind == Firing.Kind.RESOLVED
    then = automation.actions_on_resolve if resolved else automation.actions_on_trigger
    actions = [*automation.actions, *then]
    state = Task.State.DRY if automation.dry_run else Task.State.WAITING
    due = timezone.now() + (MINUTE if firing.speaks_until else timedelta())
    return [
        Task(
            id=uuid5(firing.id, str(at)), firing=firing, at=at, action=action, state=state, due=due
        )
        for at, action in enumerate(actions)
    ]


def event_of(firing: Firing, decision: Decision, now: datetime) -> Draft:
    """Make the event that tells the feed of a firing; it has the firing's id."""
    automation = firing.automation
    name = f"eventfeed.automation.{firing.kind}"
    resource = {
        RESOURCE_ID: f"eventfeed.automation.{automation.id}",
        NAME: automation.name,
        DEPTH: str(firing.depth),
    }
    event = firing.events[-1] if firing.events else None
    return Draft(
        id=firing.id,
        occurred=now,
        event=name,
        resource=resource,
        related=[_related(event)] if event else [],
        payload={
            "firing": str(firing.id),
            "why": firing.why,
            "version": firing.version,
            "triggering_labels": firing.key,
            "triggering_event": event,
            "triggering_value": firing.value,
        },
        follows=decision.event,
        system=SYSTEM,
        outcome=words(name, resource).outcome,
        message=firing.why[:MOST_MESSAGE],
    )


def _related(event: Mapping[str, Any]) -> dict[str, str]:
    return {
        RESOURCE_ID: f"eventfeed.event.{event['id']}",
        RESOURCE_ROLE: "triggering-event",
        NAME: event["event"],
    }
