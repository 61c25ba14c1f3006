"""A delivery read by its hook's template."""

from collections.abc import Iterator

from apps.ingest.adapters.message import Element, Message, Unreadable
from apps.ingest.hooks.body import told_headers
from apps.ingest.hooks.drafting import METHOD, Recipe, drafts_in
from apps.ingest.hooks.hook import Hook
from apps.ingest.hooks.renderer import Answer, Asked
from apps.ingest.hooks.rendering import render_now

GONE = "The hook that this was sent to is gone, and its template with it."


def asked(recipe: Recipe, message: Message) -> Asked:
    headers = told_headers(message.headers, recipe.signature_header)
    return Asked(
        template=recipe.template,
        delivery=recipe.delivery,
        method=METHOD,
        headers=dict(headers),
        body=message.body,
        content_type=message.content_type,
    )


def elements_in(answer: Answer, recipe: Recipe, message: Message) -> Iterator[Element]:
    for part in drafts_in(answer, recipe, message):
        reading = part.reading if isinstance(part.reading, Unreadable) else (part.reading,)
        yield Element(part.index, message.body, reading)


def read_webhook(message: Message) -> Iterator[Element]:
    """Read a delivery again; its `kind` is the hook's number, as its rejection keeps it."""
    hook = Hook.objects.filter(id=message.kind).first() if message.kind.isdecimal() else None
    if hook is None:
        yield Element(None, message.body, Unreadable.because(422, GONE))
        return
    answer = render_now(asked(hook.recipe, message))
    yield from elements_in(answer, hook.recipe, message)
