"""Two people edit one automation: who saves later is told of who was first, and keeps the words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from apps.automations.edition import WRITTEN
from apps.automations.models import Automation
from apps.events.counting import QueryTimeout
from apps.events.models import Event
from apps.events.search import last_match
from apps.feed.automations.listing import Moment
from apps.feed.rows import ROLE
from apps.query import display_name, parse

# What the editor writes, as a person calls it; several names may be one thing to them.
CALLED: Mapping[str, str] = {
    "trigger": "when it fires",
    **dict.fromkeys(("actions", "actions_on_trigger", "actions_on_resolve"), "what it does"),
    "most_a_minute": "firings a minute",
    "late": "how late an event may come",
    "dry_run": "dry run",
}


@dataclass(frozen=True)
class Overtaking:
    """What happened to an automation while somebody was editing it."""

    automation: Automation
    who: str
    when: Moment | None
    differs: tuple[str, ...] = ()

    @property
    def is_gone(self) -> bool:
        return self.automation.gone is not None


def overtaking(written: Automation) -> Overtaking:
    """Tell who changed or removed what somebody has written over, when, and what differs."""
    kept = Automation.objects.get(id=written.id)
    told = _told(kept.id, "removed" if kept.gone else "changed")
    differs = [one for one in WRITTEN if getattr(kept, one) != getattr(written, one)]
    return Overtaking(
        automation=kept,
        who=_actor(told) if told else "",
        when=Moment.of(told.occurred if told else kept.updated),
        differs=tuple(dict.fromkeys(CALLED.get(one, one) for one in differs)),
    )


def _told(id: UUID, what: str) -> Event | None:
    try:
        return last_match(
            parse(f"resource:eventfeed.automation.{id} event:eventfeed.audit.automation.{what}")
        )
    except QueryTimeout:
        return None


def _actor(event: Event) -> str:
    return next((display_name(one) for one in event.related if one.get(ROLE) == "actor"), "")
