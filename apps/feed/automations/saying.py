"""An automation as a sentence: when what, then what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.automations.doing.actions import BadAction
from apps.automations.doing.actions import read as read_action
from apps.automations.models import Automation
from apps.automations.reading import BadTrigger
from apps.automations.reading import read as read_trigger
from apps.automations.trigger import Trigger

JSON = dict[str, Any]

TIMES = {1: "", 2: " twice"}
# What an action is, in a word; Prefect's own are all told as Prefect's.
KINDS = {
    "webhook": "Webhook",
    "notify": "Notification",
    "record": "Event",
    "switch": "Switch",
    "do-nothing": "Nothing",
}


@dataclass(frozen=True)
class Said:
    when: str
    then: str
    resolve: str = ""
    wrong: str = ""


def said_of(automation: Automation) -> Said:
    """Say what an automation waits for and does; of one that cannot be read, why."""
    try:
        when = when_said(read_trigger(automation.trigger))
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


def when_said(trigger: Trigger) -> str:
    """Say a trigger as what stands behind “When”."""
    said = trigger.sentence()
    return said[:1].lower() + said[1:]


def deeds(actions: Iterable[JSON]) -> str:
    """Return actions as the end of a sentence, "" for none; the same ones are said once."""
    counted = Counter(deed(action) for action in actions)
    said = [f"{one}{TIMES.get(count, f' {count} times')}" for one, count in counted.items()]
    return f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said)


def deed(action: JSON) -> str:
    """Say what one action does; what cannot be read is called by its type."""
    try:
        return read_action(action).sentence()
    except BadAction:
        return f"“{action.get('type', 'something')}”, which cannot be read"


def kind_said(action: JSON) -> str:
    return KINDS.get(str(action.get("type")), "Prefect")
