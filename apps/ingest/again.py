"""A refused message is tried again: a template was mended, or this Eventfeed reads more by now."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from apps.events.draft import Draft
from apps.events.models import Rejection
from apps.events.record import record
from apps.events.row import Refused
from apps.ingest.adapters.cloudevents.envelopes import CONFIRM_PAGE, TO_CONFIRM
from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.dialects import READERS
from apps.ingest.doors.refusals import Refusal, refusal_by_database, refusals_in
from apps.ingest.masking import Rules, masked

# Of a batch only the events that were refused are kept, one by one.
BATCHED = {"prefect"}
BATCH = "application/cloudevents-batch+json"


class CannotTry(Exception):
    """Why this one cannot be tried again."""


@dataclass(frozen=True)
class Read:
    """What the kept message says by now."""

    drafts: Sequence[Draft]
    refusals: Sequence[Refusal]


def why_not(rejection: Rejection) -> str | None:
    """Return why a rejection cannot be tried again, None when it can."""
    if rejection.stored:
        return "It is in the feed by now."
    if not rejection.body_size:
        return "Nothing of the message was kept."
    if rejection.body_size > len(rejection.body):
        return "Only its beginning was kept, so it cannot be read again."
    if rejection.path == TO_CONFIRM:
        return f"It is a question, and waits for a person's answer at {CONFIRM_PAGE}."
    if rejection.system not in READERS:
        return "Its doorway reads no messages that can be tried again."
    return None


def try_again(rejection: Rejection) -> Rejection:
    """Read the kept message once more and store what is in it; raises CannotTry."""
    if reason := why_not(rejection):
        raise CannotTry(reason)
    read = _read(rejection)
    rejection.tried = timezone.now()
    rejection.told, rejection.stored = _stored(rejection, read)
    if rejection.stored and rejection.event_id is None:
        rejection.event_id = str(read.drafts[0].id)
    rejection.save(update_fields=["tried", "told", "stored", "event_id"])
    return rejection


def _read(rejection: Rejection) -> Read:
    message = Message(
        _body(rejection),
        rejection.content_type or "application/json",
        rejection.headers,
        kind=rejection.kind,
    )
    drafts: list[Draft] = []
    refusals: list[Refusal] = []
    for element in READERS[rejection.system](message):
        if isinstance(element.reading, Unreadable):
            refusals += refusals_in(element.reading, element.raw, index=element.index)
        else:
            drafts += element.reading
    return Read(drafts, refusals)


def _body(rejection: Rejection) -> bytes:
    body = bytes(rejection.body)
    is_batched = rejection.system in BATCHED or rejection.content_type.lower().startswith(BATCH)
    if is_batched and not body.lstrip().startswith(b"["):
        return b"[%s]" % body
    return body


def _stored(rejection: Rejection, read: Read) -> tuple[str, bool]:
    """Store the drafts; return what became of the message, and whether all of it is stored."""
    refused = "; ".join(refusal.problem.reason for refusal in read.refusals)
    if not read.drafts:
        return f"Refused again: {refused}" if refused else "It holds no event.", False
    rules = Rules.of(rejection.source.masks)
    drafts = [masked(draft, rules) for draft in read.drafts]
    try:
        recorded = record(drafts, source_id=rejection.source_id)
    except Refused as error:
        return f"Refused again: {refusal_by_database(error, b'').sentence}", False
    told = _counted(recorded.stored, recorded.known)
    return (f"{told} Refused again: {refused}", False) if refused else (told, True)


def _counted(stored: int, known: int) -> str:
    if not stored:
        return "It was in the feed already."
    events = "1 event is" if stored == 1 else f"{stored:,} events are"
    already = f", {known:,} had been before" if known else ""
    return f"Tried again: {events} in the feed{already}."
