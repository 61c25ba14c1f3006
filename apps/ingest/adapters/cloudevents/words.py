"""How CloudEvents are told: their types are anybody's, so only what they are about has words."""

from apps.events.words import Kind, register

KINDS = {"cloudevents.subject": Kind("subject", "circle")}


def register_cloudevents() -> None:
    register({}, system="cloudevents", title="CloudEvents", prefixes=("cloudevents",), kinds=KINDS)
