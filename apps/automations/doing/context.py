"""What templates are shown: Prefect's context, of a firing of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from apps.automations.doing.sandbox import ORIGIN
from apps.automations.models import Automation, Firing

TIMES = ("occurred", "received", "start", "end", "fired", "triggered")


def context_of(firing: Firing, automation: Automation | None = None) -> dict[str, Any]:
    """Return `automation event labels firing firings events`, as plain values.

    A firing need not be stored: a backtest's has a context too. `event` is the last of its events.
    """
    automation = automation or firing.automation
    children = list(_children(firing.children))
    event = _event(firing.events[-1]) if firing.events else None
    events = [_event(one) for one in firing.events]
    seen = {one["id"] for one in events}
    for child in children:
        if (one := child.get("triggering_event")) and one["id"] not in seen:
            seen.add(one["id"])
            events.append(one)
    labels = {str(name): str(value) for name, value in firing.key.items()}
    told = {
        "id": str(firing.id),
        "kind": firing.kind,
        "trigger_states": [firing.kind.capitalize()],
        "triggered": firing.fired,
        "key": labels,
        "triggering_labels": labels,
        "triggering_event": event,
        "triggering_value": firing.value,
        "why": _why(firing),
        "count": firing.count,
        "more": firing.more,
        "start": firing.start,
        "end": firing.end,
        "url": _page(f"/automations/firings/{firing.id}"),
    }
    return {
        "automation": _automation(automation),
        "event": event,
        "labels": labels,
        "firing": told,
        "firings": [told, *children],
        "events": events,
        ORIGIN: _origin(),
    }


def _why(firing: Firing) -> str:
    if not firing.more:
        return firing.why
    times = "once more" if firing.more == 1 else f"{firing.more:,} more times"
    return f"{firing.why} It fired {times} within a minute."


def _children(children: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Go through the firings that a firing is made of, and theirs."""
    for child in children:
        told = _timed(child)
        event = told.get("triggering_event")
        told["triggering_event"] = _event(event) if event else None
        below = told.pop("children", ())
        yield told
        yield from _children(below)


def _automation(automation: Automation) -> dict[str, Any]:
    return {
        "id": str(automation.id),
        "name": automation.name,
        "description": automation.description,
        "tags": automation.tags,
        "enabled": automation.enabled,
        "url": _page(f"/automations/{automation.id}"),
        "about": f"eventfeed.automation.{automation.id}",
    }


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    told = _timed(event)
    told["url"] = _page(f"/events/{event.get('id', '')}")
    told["resource"] = dict(event.get("resource") or {})
    told["related"] = [dict(labels) for labels in event.get("related") or ()]
    return told


def _timed(told: Mapping[str, Any]) -> dict[str, Any]:
    """Make moments of the texts that are some, so that templates can say how long ago they are."""
    return {name: _moment(value) if name in TIMES else value for name, value in told.items()}


def _moment(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _page(path: str) -> str:
    """Return the address of a page, whole where it is known where pages come from."""
    return f"{_origin()}{path}"


def _origin() -> str:
    address: str = settings.EVENTFEED_ADDRESS
    return address
