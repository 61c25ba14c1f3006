"""An automation on one real event: its actions as they would be done, were it to fire now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from apps.automations.firing import copies_at
from apps.automations.models import Automation, Firing
from apps.automations.reading import read
from apps.automations.trigger import Absence, Metric, OfEvents, Presence, Trigger
from apps.events.counting import QueryTimeout
from apps.events.models import Event
from apps.events.search import last_match
from apps.feed.automations.editor import Mistake
from apps.feed.automations.would import Would, would_of
from apps.feed.event_page import find
from apps.query import Query, parse

JSON = dict[str, Any]

ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
POSITION = re.compile(r"[?&]at=([\w.-]+)")
# Of a trigger of triggers, the parts for which an event is looked for.
MOST_PARTS = 10


class NoEvent(Exception):
    """There is none to try it on; says why."""


@dataclass(frozen=True)
class Sample:
    """What it would do for an event, and which one that is."""

    say: str
    would: list[Would] = field(default_factory=list)
    unfit: Sequence[Mistake] = ()
    """Why actions of it are left out."""


def sample_of(automation: Automation, on: str, *, unfit: Sequence[Mistake] = ()) -> Sample:
    """Try it on the event of that id or address; on the newest that fits when it is empty."""
    trigger = read(automation.trigger)
    try:
        event, say = _chosen(on, trigger) if on.strip() else _newest(trigger)
        parts = [_part(part) for part in trigger.parts()[:MOST_PARTS]]
    except NoEvent as none:
        return Sample(str(none), unfit=unfit)
    except QueryTimeout:
        say = "It took too long to find an event that fits. Give the id of one."
        return Sample(say, unfit=unfit)
    firing = _firing(automation, trigger, event, parts)
    resolved = [_resolved(firing)] if automation.actions_on_resolve else []
    return Sample(say, [would_of(one) for one in (firing, *resolved)], unfit)


def newest_of(trigger: Trigger) -> Event | None:
    """Return the newest event that a firing of it would be about; raises QueryTimeout."""
    if isinstance(trigger, Absence) and trigger.after is not None:
        return last_match(trigger.after)
    if isinstance(trigger, OfEvents | Metric):
        return last_match(trigger.query)
    found = [newest_of(part) for part in trigger.parts()[:MOST_PARTS]]
    return max(filter(None, found), key=lambda event: event.occurred, default=None)


def _newest(trigger: Trigger) -> tuple[Event, str]:
    event = newest_of(trigger)
    if event is None:
        raise NoEvent("No event fits so far. Give the id of one to look at.")
    return event, "The newest event that fits."


def _chosen(on: str, trigger: Trigger) -> tuple[Event, str]:
    found = ID.search(on)
    if not found:
        raise NoEvent("Write the id of an event, or the address of its page.")
    at = POSITION.search(on)
    event = find(UUID(found[0]), at[1] if at else "")
    if event is None:
        raise NoEvent("No event has this id.")
    this = parse(f"id:{event.id}").clauses
    if any(last_match(Query("", (*one.clauses, *this))) for one in trigger.queries()):
        return event, "This event fits what is waited for."
    return event, "This event does not fit what is waited for. If it did:"


@dataclass(frozen=True)
class Part:
    """One of the triggers that it is made of, with the newest event of it."""

    trigger: Trigger
    event: Event | None


def _part(trigger: Trigger) -> Part:
    return Part(trigger, newest_of(trigger))


def _firing(
    automation: Automation, trigger: Trigger, event: Event, parts: Sequence[Part]
) -> Firing:
    events = sorted([one.event for one in parts if one.event], key=lambda one: one.occurred)
    events = [*(one for one in events if one.id != event.id), event]
    copies = copies_at([(one.tx, one.seq) for one in events])
    kept = [copies[one.tx, one.seq] for one in events if (one.tx, one.seq) in copies]
    now = timezone.now()
    return Firing(
        id=uuid4(),
        automation=automation,
        version=automation.version,
        key=_key(trigger, event),
        start=event.occurred,
        end=now,
        fired=now,
        why=_why(trigger),
        count=trigger.times if isinstance(trigger, Presence) else len(kept),
        value=trigger.threshold if isinstance(trigger, Metric) else None,
        events=kept,
        children=[_child(one, kept, now) for one in parts],
        depth=1,
    )


def _why(trigger: Trigger) -> str:
    said = trigger.seen(trigger.times) if isinstance(trigger, Presence) else trigger.sentence()
    return f"{said}."


def _resolved(firing: Firing) -> Firing:
    """Make the firing that tells that it is well again; what is done at both is told once."""
    kept = firing.automation
    automation = Automation(
        id=kept.id, name=kept.name, tags=kept.tags, actions_on_resolve=kept.actions_on_resolve
    )
    told = {name: getattr(firing, name) for name in ("key", "start", "end", "fired", "why")}
    told |= {name: getattr(firing, name) for name in ("count", "value", "events", "version")}
    return Firing(id=uuid4(), automation=automation, kind=Firing.Kind.RESOLVED, depth=1, **told)


def _key(trigger: Trigger, event: Event) -> dict[str, str]:
    return {one.name: one.value(event.resource, event.related) for one in trigger.for_each}


def _child(part: Part, events: Sequence[JSON], now: datetime) -> JSON:
    own = next((one for one in events if part.event and one["id"] == str(part.event.id)), None)
    return {
        "id": str(uuid4()),
        "kind": Firing.Kind.TRIGGERED,
        "triggered": now.isoformat(),
        "triggering_labels": _key(part.trigger, part.event) if part.event else {},
        "triggering_event": own,
        "triggering_value": None,
        "why": _why(part.trigger),
        "count": int(own is not None),
        "start": now.isoformat(),
        "end": now.isoformat(),
        "children": [],
    }
