"""Between an automation as it is kept and as Prefect's clients say it.

Triggers and actions are kept as they were sent and answered unchanged, but for what Prefect's
server writes, too: the ids of triggers, new each time, and their types where they are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from django.db.models import QuerySet

from apps.automations.models import Automation
from apps.feed.prefect.automations_schema import (
    AutomationCore,
    AutomationCreate,
    AutomationUpdate,
)
from apps.feed.prefect.bodies import read_value

Core = TypeVar("Core", bound=AutomationCore)

PREFECT = "prefect"
FIELDS = (
    *("name", "description", "enabled", "tags"),
    *("actions", "actions_on_trigger", "actions_on_resolve"),
)


def made(said: Any) -> Automation:
    """Return the automation that is said, not yet kept; raises Invalid."""
    automation = Automation()
    asked = _put_into(automation, said, AutomationCreate)
    automation.owner_resource = asked.owner_resource or ""
    return automation


def changed(automation: Automation, said: Any) -> Automation:
    """Return the automation as it is said now, not yet kept; raises Invalid."""
    _put_into(automation, said, AutomationUpdate)
    return automation


def _put_into(automation: Automation, said: Any, type: type[Core]) -> Core:
    if isinstance(said, dict) and isinstance(said.get("trigger"), dict):
        said = said | {"trigger": as_kept(said["trigger"])}
    asked = read_value(said, type)
    for name in FIELDS:
        if name in said:
            setattr(automation, name, said[name])
    automation.trigger = {"type": PREFECT, "trigger": said["trigger"]}
    return asked


def as_kept(trigger: dict[str, Any]) -> dict[str, Any]:
    """Return a trigger, and each within it, with an id of its own and its type."""
    kept = msgspec.json.decode(msgspec.json.encode(trigger))
    # By a list, however deep they stand in each other.
    waiting = [kept]
    while waiting:
        one = waiting.pop()
        one["id"] = str(uuid4())
        one.setdefault("type", type_of(one))
        within = one.get("triggers")
        if isinstance(within, list):
            waiting += [each for each in within if isinstance(each, dict)]
    return kept


def type_of(trigger: dict[str, Any]) -> str:
    """Return what Prefect takes a trigger for that does not say its type."""
    if "triggers" in trigger:
        return "compound" if "require" in trigger else "sequence"
    return "metric" if trigger.get("posture") == "Metric" else "event"


def sayable(automations: QuerySet[Automation]) -> Iterator[Automation]:
    """Yield those that Prefect's schema can say: its clients break on a list with any other."""
    for automation in automations.filter(trigger__type=PREFECT):
        if can_be_said(automation):
            yield automation


def can_be_said(automation: Automation) -> bool:
    try:
        msgspec.convert(_core(automation), AutomationCore)
    except msgspec.ValidationError:
        return False
    return True


def told(automation: Automation) -> dict[str, Any]:
    """Return what is to be written as JSON by msgspec."""
    return {
        "id": automation.id,
        "created": automation.created,
        "updated": automation.updated,
        **_core(automation),
        "owner_resource": automation.owner_resource or None,
    }


def _core(automation: Automation) -> dict[str, Any]:
    fields = {name: getattr(automation, name) for name in FIELDS}
    return fields | {"trigger": automation.trigger["trigger"]}
