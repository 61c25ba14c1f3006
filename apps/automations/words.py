"""How what automations do is told: `eventfeed.automation.*`, and what people do with them."""

from collections.abc import Sequence

from apps.events.audit import SYSTEM
from apps.events.words import Kind, Words, register
from apps.query.outcomes import Outcome

INFORMATION, COMPLETED, FAILED = Outcome.INFORMATION, Outcome.COMPLETED, Outcome.FAILED

KINDS = {
    "eventfeed.automation": Kind("automation", "zap"),
    "eventfeed.destination": Kind("destination", "transfer"),
    "eventfeed.event": Kind("event", "circle"),
}
# Event, words, outcome.
TABLE: Sequence[tuple[str, str, Outcome]] = [
    ("automation.triggered", "Automation fired", INFORMATION),
    ("automation.resolved", "Automation resolved", COMPLETED),
    ("automation.action.triggered", "Action begun", INFORMATION),
    ("automation.action.executed", "Action done", COMPLETED),
    ("automation.action.failed", "Action failed", FAILED),
    ("audit.automation.made", "Automation made", INFORMATION),
    ("audit.automation.changed", "Automation changed", INFORMATION),
    ("audit.automation.switched-on", "Automation switched on", INFORMATION),
    ("audit.automation.switched-off", "Automation switched off", INFORMATION),
    ("audit.automation.muted", "Automation muted", INFORMATION),
    ("audit.automation.unmuted", "Automation no longer muted", INFORMATION),
    ("audit.automation.removed", "Automation removed", INFORMATION),
    ("audit.firing.acknowledged", "Firing acknowledged", INFORMATION),
    ("audit.destination.made", "Destination made", INFORMATION),
    ("audit.destination.changed", "Destination changed", INFORMATION),
    ("audit.destination.removed", "Destination removed", INFORMATION),
]


def _words(event: str, text: str, outcome: Outcome) -> Words:
    about = "destination" if "destination" in event else "automation"
    kind = KINDS[f"eventfeed.{about}"]
    group = "audit" if event.startswith("audit.") else "automations"
    return Words(text, group, kind.text, kind.icon, outcome, owner=SYSTEM)


WORDS = {f"eventfeed.{event}": _words(event, text, outcome) for event, text, outcome in TABLE}


def register_automations() -> None:
    register(WORDS, system=SYSTEM, title="Eventfeed", prefixes=(SYSTEM,), kinds=KINDS)
