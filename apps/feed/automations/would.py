"""What a firing that never was would have done: each action as it would have been sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.automations.doing.actions import BadAction
from apps.automations.doing.trying import preview
from apps.automations.models import Firing
from apps.feed.automations.firings import Seen, events_of, is_of_one, sent_as_text
from apps.feed.automations.listing import Moment
from apps.feed.automations.saying import deed, kind_said

JSON = dict[str, Any]


@dataclass(frozen=True)
class WouldDo:
    """An action as it would have been done."""

    number: int
    kind: str
    say: str
    sent: str = ""
    error: str = ""


@dataclass(frozen=True)
class Would:
    """A firing of the past, or one made up, with what would have been done."""

    firing: Firing
    deeds: list[WouldDo]

    @property
    def when(self) -> Moment | None:
        return Moment.of(self.firing.fired)

    @property
    def events(self) -> list[Seen]:
        return events_of(self.firing)

    @property
    def event(self) -> Seen | None:
        """The last event behind it."""
        return self.events[-1] if self.firing.events else None

    @property
    def is_one(self) -> bool:
        return is_of_one(self.firing)

    @property
    def more_events(self) -> int:
        return max(0, self.firing.count - len(self.firing.events))


def would_of(firing: Firing) -> Would:
    one = firing.automation
    resolved = firing.kind == Firing.Kind.RESOLVED
    own = one.actions_on_resolve if resolved else one.actions_on_trigger
    actions = [] if firing.silent else [*one.actions, *own]
    return Would(firing, [_would_do(at, action, firing) for at, action in enumerate(actions, 1)])


def _would_do(number: int, action: JSON, firing: Firing) -> WouldDo:
    kind, say = kind_said(action), deed(action)
    try:
        done = preview(action, firing)
    except BadAction as wrong:
        return WouldDo(number, kind, say, error=str(wrong))
    source = done.details.get("template_source")
    return WouldDo(
        number, kind, say, sent_as_text(done.rendered), _located(done.error, action, source)
    )


def _located(error: str, action: Mapping[str, Any], source: Any) -> str:
    """Say of an error in a template which field of the action holds it."""
    if not error or not source:
        return error
    held = {name: text for name, text in action.items() if isinstance(text, str)}
    held |= action.get("headers") or {}
    names = [name for name, text in held.items() if text.startswith(source)]
    return f"{names[0]}: {error}" if len(names) == 1 else error
