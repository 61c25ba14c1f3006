"""Templates of actions: checked when they are saved, rendered in a process of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from apps.automations.doing.child import Child, Gone
from apps.automations.doing.rendering import RENDERED, Asked
from apps.automations.doing.sandbox import BadTemplate, checked, is_template, names_in

__all__ = ["BadTemplate", "check", "is_template", "names_in", "render", "render_all"]

# Seconds; far beyond what the process allows itself, for a step that nothing interrupts.
LONGEST = 10.0
PROCESS = Child("apps.automations.doing.rendering")


def check(text: str) -> BadTemplate | None:
    """Return what is wrong with a template, None when nothing is: line, message and source."""
    try:
        checked(text)
    except BadTemplate as error:
        return error
    return None


def render(text: str, context: Mapping[str, Any]) -> str:
    """Return a template's text; raises BadTemplate. `context` is what `context_of` makes."""
    return render_all([text], context)[0]


def render_all(texts: Sequence[str], context: Mapping[str, Any]) -> list[str]:
    """Render several with one context; raises BadTemplate for the first that cannot be."""
    if not any(is_template(text) for text in texts):
        return list(texts)
    asked = msgspec.msgpack.encode(Asked(list(texts), dict(context)))
    try:
        answer = RENDERED.decode(PROCESS.ask(asked, within=LONGEST))
    except Gone as gone:
        raise BadTemplate(1, str(gone), "") from None
    if failed := answer.failed:
        raise BadTemplate(failed.line or 1, failed.say, texts[failed.at])
    return answer.texts
