"""Firings with their tasks, as the follower writes them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from apps.automations.models import Automation, Firing, Task

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(**fields: Any) -> dict[str, Any]:
    """Return an event as a firing keeps it."""
    return {
        "id": str(uuid4()),
        "occurred": "2026-11-21T11:59:58Z",
        "received": "2026-11-21T11:59:59Z",
        "event": "order.failed",
        "resource": {"prefect.resource.id": "order.42", "prefect.resource.name": "Order 42"},
        "related": [],
        "payload": {"amount": 12.5},
        "outcome": "failed",
        "message": "No stock.",
    } | fields


def automation(**fields: Any) -> Automation:
    return Automation.objects.create(
        **{"name": "Failed orders", "trigger": {"type": "presence", "query": "outcome:failed"}}
        | fields
    )


def fired(*actions: dict[str, Any], **fields: Any) -> list[Task]:
    """Write a firing with a task for each action."""
    state = fields.pop("state", Task.State.WAITING)
    told: dict[str, Any] = {
        "id": uuid4(),
        "version": 1,
        "fired": NOON,
        "tx": 1,
        "seq": 1,
        "why": "An order has failed.",
        "count": 1,
        "events": [event()],
    } | fields
    firing = Firing.objects.create(automation=told.pop("automation", None) or automation(), **told)
    return [
        Task.objects.create(id=uuid4(), firing=firing, at=at, action=action, state=state)
        for at, action in enumerate(actions)
    ]


def again(task: Task) -> Task:
    """Return a task as it stands now."""
    return Task.objects.select_related("firing").get(id=task.id)
