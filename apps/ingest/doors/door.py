"""A doorway over HTTP: takes one message a request, and answers after its events are committed.

What is the same for every system stands here. A system's door says which adapter reads, and how
its clients want to be answered.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from django.conf import settings

from apps.accounts.access import AccessAway, Caller
from apps.events.away import AWAY
from apps.events.draft import Draft
from apps.events.record import Recorded
from apps.events.recorder import DatabaseAway, Overloaded, Recorder, recorder
from apps.events.row import Refused
from apps.ingest.adapters.message import Adapter, Element, Message, Problem, Unreadable
from apps.ingest.doors.admission import MayNotSend, Stranger, admit, source_of
from apps.ingest.doors.answers import Answer, answered
from apps.ingest.doors.asgi import Receive, Scope, Send
from apps.ingest.doors.body import BodyRefused, Gone, read_body
from apps.ingest.doors.holding import LEAST, held
from apps.ingest.doors.refusals import Refusal, keep, refusal_by_database, refusals_in
from apps.ingest.masking import Rules, masked, rules_of

logger = logging.getLogger(__name__)

# After so many events of a long message, others get their turn.
TURN = 200
# Larger messages are decoded in a thread.
LARGE = 1024 * 1024
MOST_REFUSALS = 20
RETRY_AFTER = {"retry-after": "3"}


@dataclass(frozen=True)
class Taken:
    """What became of a message: how many events were stored, were known, and were refused."""

    recorded: Recorded
    refusals: Sequence[Refusal] = ()
    received: int = 0


@dataclass(eq=False)
class MessageRefused(Exception):
    """Nothing of this message is stored."""

    status: int
    refusals: Sequence[Refusal]
    body: bytes = b""


class Door:
    """One path for one system. Doors are made once and hold nothing of a request."""

    name: str
    """As people know it: `POST /api/v1/lineage`."""
    system: str
    source: str
    """The source of senders who have no token of their own."""
    adapter: Adapter
    partly = False
    """Whether each event of a message stands for itself; `accepted` tells of those refused."""
    kind = ""
    hold = Recorder.HOLD
    """Seconds that a message is held while the database is away."""

    @property
    def most_body(self) -> int:
        return settings.EVENTFEED_MAX_BODY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (answer := await self._answer(scope, receive)) is not None:
            await answered(send, answer)

    # How the system's clients want to be answered: to be said by its door.

    def accepted(self, message: Message, taken: Taken) -> Answer:
        return Answer(200, {"stored": taken.recorded.stored, "known": taken.recorded.known})

    def refused(self, message: Message, refused: MessageRefused) -> Answer:
        first, *more = refused.refusals
        others = f" ({len(more)} more below)" if more else ""
        problems = [
            {"index": one.index, "path": one.problem.where, "problem": one.problem.reason}
            for one in refused.refusals
        ]
        say = f"Nothing was stored. {first.sentence}{others}"
        return Answer(refused.status, {"detail": say, "problems": problems})

    def forgives(self, message: Message) -> bool:
        """Say whether what cannot be read counts as success once its rejection is committed.

        For senders that send it again for ever, where a person must mend it.
        """
        return False

    def forgiven(self, message: Message, refused: MessageRefused) -> Answer:
        return Answer(200, {"detail": f"Kept as a rejection. {refused.refusals[0].sentence}"})

    def turned_away(self, message: Message, status: int, say: str) -> Answer:
        headers = {"www-authenticate": "Bearer"} if status == 401 else {}
        return Answer(status, {"detail": say}, headers)

    def later(self, message: Message, say: str) -> Answer:
        return Answer(503, {"detail": say}, RETRY_AFTER)

    # What is the same for all.

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | None:
        message = self._message(scope)
        caller = None
        try:
            caller = await self.admitted(scope)
            message = replace(message, body=await self._body(scope, receive))
            return self.accepted(message, await self.take(message, caller))
        except Stranger:
            return self.turned_away(message, 401, "A token is needed to send events.")
        except MayNotSend:
            return self.turned_away(message, 403, "This token may not send events.")
        except MessageRefused as refused:
            return await self._refusal(message, refused, caller)
        except (Overloaded, DatabaseAway, AccessAway) as later:
            return self.later(message, str(later) or AWAY)
        except Gone:
            return None

    async def _refusal(
        self, message: Message, refused: MessageRefused, caller: Caller | None
    ) -> Answer:
        kept = caller is not None and await self._keep(refused.refusals, message, caller)
        if not self.forgives(message):
            return self.refused(message, refused)
        return self.forgiven(message, refused) if kept else self.later(message, AWAY)

    async def admitted(self, scope: Scope) -> Caller:
        """Return who sends; raises Stranger, MayNotSend, and AccessAway or DatabaseAway in time."""
        until = time.monotonic() + self.hold
        return await held(lambda within: admit(scope, self.system, within=within), until=until)

    async def take(self, message: Message, caller: Caller) -> Taken:
        """Store the events of a message; raises MessageRefused, Overloaded, DatabaseAway."""
        drafts: list[Draft] = []
        refusals: list[Refusal] = []
        received = status = 0
        async for element in self._read(message):
            received += 1
            if isinstance(element.reading, Unreadable):
                refusals += refusals_in(element.reading, element.raw, index=element.index)
                status = status or element.reading.status
            else:
                drafts += element.reading
            if len(refusals) >= MOST_REFUSALS and not self.partly:
                break
        if refusals and not (self.partly and are_of_events(refusals)):
            raise MessageRefused(status, refusals[:MOST_REFUSALS], message.body)
        recorded = await self._record(drafts, message, caller)
        await self._keep(refusals[:MOST_REFUSALS], message, caller)
        return Taken(recorded, refusals, received)

    async def _read(self, message: Message) -> AsyncIterator[Element]:
        adapter = type(self).adapter
        if len(message.body) > LARGE:
            for element in await asyncio.to_thread(lambda: list(adapter(message))):
                yield element
            return
        for count, element in enumerate(adapter(message), start=1):
            yield element
            if count % TURN == 0:
                await asyncio.sleep(0)

    async def _record(self, drafts: Sequence[Draft], message: Message, caller: Caller) -> Recorded:
        if not drafts:
            return Recorded(0, 0)
        until = time.monotonic() + self.hold
        source_id = await self._source_of(caller, until)
        shown = await self._masked(drafts, rules_of(source_id))
        try:
            hold = max(0.0, until - time.monotonic())
            return await recorder().record(shown, source_id=source_id, hold=hold)
        except Refused as refused:
            refusal = refusal_by_database(refused, message.body)
            raise MessageRefused(422, [refusal], message.body) from None

    async def _source_of(self, caller: Caller, until: float) -> int:
        return await held(
            lambda within: source_of(caller, self.source, self.system, within=within), until=until
        )

    async def _masked(self, drafts: Sequence[Draft], rules: Rules) -> list[Draft]:
        kept: list[Draft] = []
        for start in range(0, len(drafts), TURN):
            if start:
                await asyncio.sleep(0)
            kept += [masked(draft, rules) for draft in drafts[start : start + TURN]]
        return kept

    async def _keep(self, refusals: Sequence[Refusal], message: Message, caller: Caller) -> bool:
        if not refusals:
            return True
        # Nor is the sender kept waiting longer for being told what is wrong.
        until = time.monotonic() + self.hold
        try:
            source_id = await source_of(
                caller, self.source, self.system, within=max(LEAST, self.hold)
            )
            await keep(
                refusals,
                source_id=source_id,
                doorway=self.name,
                system=self.system,
                message=message,
                within=max(LEAST, until - time.monotonic()),
            )
        except DatabaseAway:
            # The answer says all the same what is wrong.
            logger.warning("A rejection was not kept: the database is away.")
            return False
        return True

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        try:
            return await read_body(receive, dict(scope["headers"]), most=self.most_body)
        except BodyRefused as refused:
            problem = Problem((), "value_error", refused.say)
            raise MessageRefused(refused.status, [Refusal(problem)]) from None

    def _message(self, scope: Scope) -> Message:
        """Return what is known of a message before its body has come."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        type = headers.get("content-type", "application/json")
        return Message(b"", type, headers, kind=self.kind)


def are_of_events(refusals: Sequence[Refusal]) -> bool:
    """Say whether single events are refused, and not the message as a whole."""
    return all(refusal.index is not None for refusal in refusals)
