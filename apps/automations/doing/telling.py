"""What the feed is told of actions: each event follows the one before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import uuid4, uuid5

import msgspec
from django.utils import timezone

from apps.automations.doing.actions import Record
from apps.automations.doing.job import Done
from apps.automations.firing import DEPTH, MOST_MESSAGE, NAME
from apps.automations.models import Firing, Task
from apps.events.audit import SOURCE, SYSTEM
from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.events.models import Source
from apps.events.record import record
from apps.query.outcomes import Outcome


def begun(tasks: Iterable[Task]) -> None:
    """Record that tasks are begun; one that was told to be, and not tried, is told once."""
    _record([_beginning(task) for task in tasks])


def ended(task: Task, done: Done) -> None:
    """Record what came of a task, in the transaction that ends it."""
    now = timezone.now()
    told = [_end(task, done, now)]
    if done.recorded and not done.error:
        told.append(_recorded(task, done.recorded, now))
    _record(told)


def _record(drafts: Sequence[Draft]) -> None:
    if drafts:
        source, _ = Source.objects.get_or_create(name=SOURCE, defaults={"system": SYSTEM})
        record(drafts, source_id=source.id)


def _beginning(task: Task) -> Draft:
    firing = task.firing
    return Draft(
        # With a time that is the task's too: the same again after a crash.
        id=uuid5(task.id, "triggered"),
        occurred=task.made,
        event="eventfeed.automation.action.triggered",
        resource={
            RESOURCE_ID: f"eventfeed.automation.{firing.automation_id}",
            NAME: firing.automation.name,
            DEPTH: str(firing.depth),
        },
        related=_events_of(firing),
        payload={
            "action_index": task.at,
            "action_type": task.action.get("type"),
            "invocation": str(task.id),
            "firing": str(firing.id),
        },
        follows=firing.id,
        system=SYSTEM,
        outcome=Outcome.INFORMATION,
    )


def _end(task: Task, done: Done, now: datetime) -> Draft:
    begun = _beginning(task)
    reason = {"reason": done.error} if done.error else {}
    return msgspec.structs.replace(
        begun,
        id=uuid4(),
        occurred=now,
        event=f"eventfeed.automation.action.{'failed' if done.error else 'executed'}",
        related=[*done.related, *begun.related],
        payload=begun.payload | {"tries": task.tries} | done.details | reason,
        follows=begun.id,
        outcome=Outcome.FAILED if done.error else Outcome.COMPLETED,
        message=" ".join(done.error.split())[:MOST_MESSAGE] or None,
    )


def _recorded(task: Task, told: Record, now: datetime) -> Draft:
    return Draft(
        id=uuid5(task.id, "recorded"),
        occurred=now,
        event=told.event,
        resource=dict(told.resource),
        related=_cause(task.firing),
        payload=told.payload,
        follows=task.firing_id,
        outcome=Outcome.INFORMATION,
    )


def _cause(firing: Firing) -> list[dict[str, str]]:
    """Return the related resources by which a recorded event tells its cause."""
    automation = {
        RESOURCE_ID: f"eventfeed.automation.{firing.automation_id}",
        RESOURCE_ROLE: "automation",
        NAME: firing.automation.name,
        DEPTH: str(firing.depth),
    }
    return [automation, *_events_of(firing)]


def _events_of(firing: Firing) -> list[dict[str, str]]:
    fired = {
        RESOURCE_ID: f"eventfeed.event.{firing.id}",
        RESOURCE_ROLE: "automation-triggered-event",
    }
    if not firing.events:
        return [fired]
    triggering = {
        RESOURCE_ID: f"eventfeed.event.{firing.events[-1]['id']}",
        RESOURCE_ROLE: "triggering-event",
    }
    return [fired, triggering]
