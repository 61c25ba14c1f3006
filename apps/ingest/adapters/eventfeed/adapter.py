"""Our own dialect: an event as the API, `manage.py export` and `tail --json` tell it.

What an event was given at the door the first time is kept: system, outcome, message and warnings.
When it was received and where it stands in the log are another log's, and are left behind.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.ingest import strict_json
from apps.ingest.adapters.message import Element, Message, Problem, Unreadable, one_line
from apps.ingest.strict_json import Malformed, TooDeep
from apps.query.outcomes import OUTCOMES, Outcome

MAX_ID_BYTES = 1_024
MAX_MESSAGE = 200

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Told(msgspec.Struct):
    """The fields of `apps.feed.told` that are kept."""

    id: UUID
    occurred: datetime
    event: Name
    resource: dict[str, str]
    related: list[dict[str, str]] = []
    payload: dict[str, Any] = {}
    follows: UUID | None = None
    system: Name = "custom"
    outcome: str = Outcome.INFORMATION.word
    message: Text | None = None
    warnings: list[Text] = []


class Filed(msgspec.Struct):
    """The source that an event says it came through, and the system whose it is."""

    source: Annotated[str, msgspec.Meta(max_length=100)] = ""
    system: Name = "custom"


TOLD = msgspec.json.Decoder(Told)
FILED = msgspec.json.Decoder(Filed)
REFUSES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_eventfeed(message: Message) -> Iterator[Element]:
    """Read one event; an adapter like those of other systems."""
    body = message.body
    reading = unstorable(body) if may_be_unstorable(body) else None
    yield Element(None, body, reading or read(body))


def filed_as(body: bytes) -> Filed:
    """Return how an event was filed; without a source when it does not say it readably."""
    try:
        return Filed() if may_be_unstorable(body) else FILED.decode(body)
    except REFUSES:
        return Filed()


def read(body: bytes) -> tuple[Draft, ...] | Unreadable:
    try:
        told = TOLD.decode(body)
        occurred = told.occurred.replace(tzinfo=told.occurred.tzinfo or UTC).astimezone(UTC)
    except (*REFUSES, OverflowError) as error:
        return Unreadable.because(422, f"{str(error).rstrip('.')}.")
    if lacking := problem_with(told):
        return Unreadable(422, (lacking,), event_id=str(told.id))
    return (
        Draft(
            id=told.id,
            occurred=occurred,
            event=told.event,
            resource=told.resource,
            related=told.related,
            payload=told.payload,
            follows=told.follows,
            system=told.system,
            outcome=OUTCOMES[told.outcome],
            message=fitting(told.message),
            warnings=tuple(told.warnings),
        ),
    )


def problem_with(told: Told) -> Problem | None:
    if told.outcome not in OUTCOMES:
        say = f"It is none of {', '.join(OUTCOMES)}."
        return Problem(("outcome",), "value_error", say, told.outcome)
    if not names_itself(told.resource):
        return Problem(("resource", RESOURCE_ID), "value_error", ID_SAYS)
    for at, labels in enumerate(told.related):
        if not names_itself(labels):
            return Problem(("related", at, RESOURCE_ID), "value_error", ID_SAYS)
        if not labels.get(RESOURCE_ROLE):
            say = "A related resource has a role."
            return Problem(("related", at, RESOURCE_ROLE), "value_error", say)
    return None


ID_SAYS = f"A resource has an id of 1 to {MAX_ID_BYTES:,} bytes."


def names_itself(labels: dict[str, str]) -> bool:
    return 0 < len(labels.get(RESOURCE_ID, "").encode()) <= MAX_ID_BYTES


def fitting(message: str | None) -> str | None:
    """Leave a message as it is, unless it is none of ours."""
    if message is None or (len(message) <= MAX_MESSAGE and "\n" not in message):
        return message
    return one_line(message) or None


def may_be_unstorable(body: bytes) -> bool:
    deep = body.count(b"{") + body.count(b"[") > strict_json.MAX_DEPTH
    return deep or b"\\u0000" in body or b"\0" in body or b"\\ud" in body.lower()


def unstorable(body: bytes) -> Unreadable | None:
    """Return what in the event PostgreSQL cannot hold, None when it can hold all."""
    try:
        value = strict_json.loads(body)
    except (Malformed, TooDeep) as error:
        return Unreadable.because(400, str(error))
    for flaw in strict_json.flaws(value):
        return Unreadable.because(422, flaw.reason, *flaw.path)
    return None
