"""`POST /hooks/<slug>`: what a hook's template makes of a delivery.

A delivery that cannot be read is kept and answered with success: GitHub, GitLab and others switch
a hook off that fails, or send again for ever, and it is a person here who must mend the template.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace

from apps.accounts.access import Caller
from apps.events.away import DatabaseAway, in_database
from apps.events.recorder import Overloaded
from apps.ingest.adapters.message import Element, Message, Problem
from apps.ingest.doors.answers import Answer, answered
from apps.ingest.doors.asgi import Receive, Scope, Send
from apps.ingest.doors.body import Gone
from apps.ingest.doors.door import RETRY_AFTER, Door, MessageRefused
from apps.ingest.doors.holding import held
from apps.ingest.doors.refusals import Refusal, harmless
from apps.ingest.hooks.body import told_headers
from apps.ingest.hooks.drafting import SYSTEM
from apps.ingest.hooks.hook import Hook
from apps.ingest.hooks.reading import asked, elements_in, read_webhook
from apps.ingest.hooks.rendering import render
from apps.ingest.hooks.signatures import BadSignature
from eventfeed.sealed import CannotOpen

NOBODY = "There is no hook at this address; it may have been given a new one."
OFF = "This hook is switched off."
SEALED = "The hook's secret cannot be read here; somebody must set it anew."


async def deliver(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand a delivery to the hook whose address it came to."""
    slug = scope["path"].rstrip("/").rpartition("/")[2]
    try:
        until = time.monotonic() + HookDoor.hold
        hook = await held(
            lambda within: in_database(lambda: Hook.objects.at(slug), within=within), until=until
        )
    except DatabaseAway as away:
        await answered(send, Answer(503, {"detail": str(away)}, RETRY_AFTER))
        return
    if hook is None or not hook.enabled:
        await answered(send, Answer(404, {"detail": OFF if hook else NOBODY}))
        return
    await HookDoor(hook)(scope, receive, send)


class HookDoor(Door):
    """The door of one hook. Its address says who is sending, with a signature where it has one."""

    name = "POST /hooks"
    system = SYSTEM
    adapter = staticmethod(read_webhook)

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.source = hook.source.name
        self.kind = str(hook.id)
        self.caller = Caller(hook.name, frozenset({"ingest"}), hook.source.name, kind="hook")

    def forgives(self, message: Message) -> bool:
        return True

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | None:
        message = self._message(scope)
        try:
            message = replace(message, body=await self._body(scope, receive))
        except MessageRefused as refused:
            return self.refused(message, refused)
        except Gone:
            return None
        try:
            return await self._delivered(message)
        except BadSignature as bad:
            say = str(bad)
            if self.hook.is_news(say):
                await self._noted(lambda: self.hook.note_turned_away(say))
                # Without the message: a stranger's is not looked at, and would push others out.
                unsigned = replace(message, headers={})
                await self._keep([Refusal(Problem((), "signature", say))], unsigned, self.caller)
            return self.turned_away(message, 401, say)
        except CannotOpen:
            return self.later(message, SEALED)
        except (Overloaded, DatabaseAway) as later:
            return self.later(message, str(later))

    async def _delivered(self, message: Message) -> Answer:
        self.hook.verify(dict(message.headers), message.body)
        # From here on nobody sees what only the sender may know.
        headers = harmless(told_headers(message.headers, self.hook.signature_header))
        message = replace(message, headers=headers)
        try:
            answer = self.accepted(message, await self.take(message, self.caller))
        except MessageRefused as refused:
            answer = await self._refusal(message, refused, self.caller)
        if self.hook.use_is_news:
            await self._noted(self.hook.note_use)
        return answer

    async def _read(self, message: Message) -> AsyncIterator[Element]:
        recipe = self.hook.recipe
        answer = await render(asked(recipe, message))
        elements = await asyncio.to_thread(lambda: list(elements_in(answer, recipe, message)))
        for element in elements:
            yield element

    async def _noted(self, note: Callable[[], None]) -> None:
        # What the sender is told does not hang on it.
        with suppress(DatabaseAway):
            await in_database(note)
