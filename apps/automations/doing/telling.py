"""What the feed is told of actions: each event follows the one before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.utils import timezone

from apps.automations.doing.job import Done
from apps.automations.firing import DEPTH, MOST_MESSAGE, NAME
from apps.automations.models import Firing, Task
from apps.events.audit import SOURCE, SYSTEM
from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.events.models import Source
from apps.events.record import record
from apps.query.outcomes import Outcome


def tell(task: Task, done: Done) -> None:
    """Record what came of a task, in the transaction that ends it."""
    drafts = list(_drafts(task, done, timezone.now()))
    source, _ = Source.objects.get_or_create(name=SOURCE, defaults={"system": SYSTEM})
    record(drafts, source_id=source.id)


def _drafts(task: Task, done: Done, now: datetime) -> Iterator[Draft]:
    # Told again when it is tried again by hand; the same id and time are stored once.
    triggered = uuid5(task.id, "triggered")
    yield _draft(
        task, "triggered", id=triggered, occurred=task.made, follows=task.firing_id, done=done
    )
    ended = uuid4()
    failed = bool(done.error)
    yield _draft(
        task,
        "failed" if failed else "executed",
        id=ended,
        occurred=now,
        follows=triggered,
        done=done,
        outcome=Outcome.FAILED if failed else Outcome.COMPLETED,
        message=done.error or None,
    )
    if done.recorded and not failed:
        yield Draft(
            id=uuid5(task.id, "recorded"),
            occurred=now,
            event=done.recorded.event,
            resource=dict(done.recorded.resource),
            related=_cause(task.firing),
            payload=done.recorded.payload,
            follows=task.firing_id,
            outcome=Outcome.INFORMATION,
        )


def _draft(
    task: Task,
    what: str,
    *,
    id: UUID,
    occurred: datetime,
    follows: UUID,
    done: Done,
    outcome: Outcome = Outcome.INFORMATION,
    message: str | None = None,
) -> Draft:
    firing = task.firing
    payload: dict[str, Any] = {
        "action_index": task.at,
        "action_type": task.action.get("type"),
        "invocation": str(task.id),
        "firing": str(firing.id),
    }
    if what != "triggered":
        payload |= {"tries": task.tries, **done.details}
    if done.error and what == "failed":
        payload["reason"] = done.error
    return Draft(
        id=id,
        occurred=occurred,
        event=f"eventfeed.automation.action.{what}",
        resource={
            RESOURCE_ID: f"eventfeed.automation.{firing.automation_id}",
            NAME: firing.automation.name,
            DEPTH: str(firing.depth),
        },
        related=[*done.related, *_events_of(firing)],
        payload=payload,
        follows=follows,
        system=SYSTEM,
        outcome=outcome,
        message=" ".join(message.split())[:MOST_MESSAGE] if message else None,
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
