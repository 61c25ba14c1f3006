"""`POST /api/events`: a batch of Prefect's events, stored whole before the 204, or not at all."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.accounts.access import AccessAway, Caller
from apps.events.draft import Draft
from apps.events.recorder import DatabaseAway, Overloaded, recorder
from apps.events.row import Refused
from apps.ingest.adapters.prefect import draft_of
from apps.ingest.adapters.prefect_reading import Problem, Unreadable, read_batch
from apps.ingest.doors.admission import MayNotSend, Stranger, admit, source_of
from apps.ingest.doors.answers import answer, answer_no_content
from apps.ingest.doors.asgi import Receive, Scope, Send
from apps.ingest.doors.body import BodyRefused, Gone, read_body
from apps.ingest.doors.refusals import Refusal, keep, refusal_by_database, refusals_in

logger = logging.getLogger(__name__)

DOORWAY = "POST /api/events"
# After so many events of a long batch, others get their turn.
TURN = 200
MOST_REFUSALS = 20
SHOWN_OF_BODY = 1_000


@dataclass(eq=False)
class BatchRefused(Exception):
    """Nothing of this batch is stored."""

    status: int
    refusals: Sequence[Refusal]
    body: bytes = b""


async def post_events(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        caller = await admit(scope)
        await _take(scope, receive, caller)
    except Stranger:
        await answer(send, 401, _said("Unauthorized"), {"www-authenticate": "Bearer"})
    except MayNotSend:
        await answer(send, 403, _said("This token may not send events."))
    except BatchRefused as refused:
        await _keep(refused, caller)
        await answer(send, refused.status, _told(refused))
    except (Overloaded, DatabaseAway, AccessAway) as later:
        say = str(later) or "The database is away; send it again in a moment."
        await answer(send, 503, _said(say), {"retry-after": "2"})
    except Gone:
        return
    else:
        await answer_no_content(send)


async def _take(scope: Scope, receive: Receive, caller: Caller) -> None:
    try:
        body = await read_body(receive, dict(scope["headers"]))
    except BodyRefused as refused:
        problem = Problem((), "value_error", refused.say)
        raise BatchRefused(refused.status, [Refusal(problem)]) from None
    drafts = await _drafts_in(body)
    try:
        await recorder().record(drafts, source_id=await source_of(caller))
    except Refused as refused:
        raise BatchRefused(422, [refusal_by_database(refused, body)], body) from None


async def _drafts_in(body: bytes) -> list[Draft]:
    """Return the draft of each event; raises BatchRefused when one cannot be read."""
    drafts = []
    refusals: list[Refusal] = []
    status = 0
    for count, element in enumerate(read_batch(body), start=1):
        if isinstance(element.reading, Unreadable):
            refusals += refusals_in(element.reading, element.raw, index=element.index)
            status = status or element.reading.status
        else:
            drafts.append(draft_of(element.reading))
        if len(refusals) >= MOST_REFUSALS:
            break
        if count % TURN == 0:
            await asyncio.sleep(0)
    if refusals:
        raise BatchRefused(status, refusals[:MOST_REFUSALS], body)
    return drafts


async def _keep(refused: BatchRefused, caller: Caller) -> None:
    try:
        await keep(refused.refusals, caller=caller, doorway=DOORWAY)
    except DatabaseAway:
        # The answer says all the same what is wrong.
        logger.warning("A rejection was not kept: the database is away.")


def _said(say: str) -> dict[str, Any]:
    return {"exception_message": say}


def _told(refused: BatchRefused) -> dict[str, Any]:
    """Say what is wrong in the shape of Prefect's own answer to an invalid request."""
    first, *more = refused.refusals
    others = f" ({len(more)} more below)" if more else ""
    return {
        "exception_message": f"Nothing was stored. {first.sentence}{others}",
        "exception_detail": [refusal.detail for refusal in refused.refusals],
        "request_body": _beginning(refused.body),
    }


def _beginning(body: bytes) -> str:
    text = body[:SHOWN_OF_BODY].decode(errors="replace")
    return text if len(body) <= SHOWN_OF_BODY else f"{text}… ({len(body):,} bytes)"
