"""An automation as a sentence: when what, then what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.automations.doing.actions import BadAction
from apps.automations.doing.actions import read as read_action
from apps.automations.models import Automation
from apps.automations.reading import BadTrigger
from apps.automations.reading import read as read_trigger

JSON = dict[str, Any]


@dataclass(frozen=True)
class Said:
    when: str
    then: str
    resolve: str = ""
    wrong: str = ""


def said_of(automation: Automation) -> Said:
    """Say what an automation waits for and does; of one that cannot be read, why."""
    try:
        when = read_trigger(automation.trigger).sentence()
    except BadTrigger as wrong:
        when, problem = "", str(wrong)
    else:
        problem = ""
    fires = [*automation.actions, *automation.actions_on_trigger]
    return Said(
        when=when,
        then=deeds(fires),
        resolve=deeds([*automation.actions, *automation.actions_on_resolve])
        if automation.actions_on_resolve
        else "",
        wrong=problem,
    )


def deeds(actions: Iterable[JSON]) -> str:
    """Return actions as the end of a sentence, "" for none."""
    said = [deed(action) for action in actions]
    return f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said)


def deed(action: JSON) -> str:
    """Say what one action does; what cannot be read is called by its type."""
    try:
        return read_action(action).sentence()
    except BadAction:
        return f"“{action.get('type', 'something')}”, which cannot be read"
