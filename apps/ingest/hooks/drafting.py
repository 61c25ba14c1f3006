"""From what a template has written to drafts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.events.words import words
from apps.ingest import strict_json
from apps.ingest.adapters.identity import derived
from apps.ingest.adapters.message import Message, Unreadable, cut, one_line
from apps.ingest.adapters.prefect.reading import (
    MAX_EVENT_BYTES,
    UUID_FORM,
    PrefectEvent,
    read_value,
)
from apps.ingest.hooks.body import told_body, told_headers
from apps.ingest.hooks.renderer import Answer, Failed, Skipped
from apps.ingest.ownership import warnings_for
from apps.query.outcomes import OUTCOMES, Outcome

SYSTEM = "webhook"
MOST_EVENTS = 100
# A larger one would fill an event, and is not taken apart in the process that serves others.
LARGEST_BODY = 1_000_000
ROLE = "webhook"
METHOD = "POST"
# Silence would lose what the template does not know; what is not wanted is said to be so.
NO_EVENT = "The template made no event of it; where none is wanted, let it say {{ skip() }}."
UNRETRIED = "The delivery-id expression found nothing, so a retry would be a second event."


@dataclass(frozen=True)
class Recipe:
    """What of a hook makes an event of a delivery."""

    id: int
    name: str
    template: str
    delivery: str = ""
    signature_header: str = ""

    @property
    def resource(self) -> dict[str, str]:
        """The hook as a related resource of its events; its address is no part of it."""
        return {
            RESOURCE_ID: f"eventfeed.webhook.{self.name}",
            "prefect.resource.name": self.name,
            RESOURCE_ROLE: ROLE,
        }


@dataclass(frozen=True)
class Part:
    """One event of a delivery, or what is wrong with it; without an index, the whole."""

    index: int | None
    reading: Draft | Unreadable


def drafts_in(answer: Answer, recipe: Recipe, message: Message) -> Iterator[Part]:
    """Yield each event that the template has made of the message."""
    if isinstance(answer, Skipped):
        return
    if isinstance(answer, Failed):
        unreadable = Unreadable.because(422, answer.say, answer.place, type="template_error")
        yield Part(None, unreadable)
        return
    try:
        value = strict_json.loads(answer.text.encode())
    except (strict_json.Malformed, strict_json.TooDeep) as error:
        say = f"The template wrote no JSON. {error} It wrote: {cut(answer.text.strip(), 200)}"
        yield Part(None, Unreadable.because(422, say, type="json_invalid"))
        return
    events = value if isinstance(value, list) else [value]
    if not events:
        yield Part(None, Unreadable.because(422, NO_EVENT, type="too_short"))
        return
    if len(events) > MOST_EVENTS:
        say = f"The template wrote {len(events):,} events; the limit is {MOST_EVENTS}."
        yield Part(None, Unreadable.because(422, say, type="too_long"))
        return
    for index, event in enumerate(events):
        reading = _draft(event, index, answer.delivery, recipe, message)
        yield Part(index if isinstance(value, list) else None, reading)


def _draft(
    event: object, index: int, delivery: str | None, recipe: Recipe, message: Message
) -> Draft | Unreadable:
    if not isinstance(event, dict):
        say = "An event must be an object, with “event” and “resource” in it."
        return Unreadable.because(422, say, type="dict_type")
    outcome = event.pop("outcome", None)
    said = event.pop("message", None)
    if outcome is not None and not (isinstance(outcome, str) and outcome in OUTCOMES):
        say = f"The outcome must be one of {', '.join(OUTCOMES)}."
        return Unreadable.because(422, say, "outcome")
    if said is not None and not isinstance(said, str):
        return Unreadable.because(422, "The message must be a string.", "message")
    identity = _identity(event, index, delivery, recipe)
    # Said to be too large, so that it is measured as it will be stored.
    told = read_value(_filled(event, identity, message, recipe), MAX_EVENT_BYTES + 1)
    if isinstance(told, Unreadable):
        return told
    return Draft(
        id=told.id,
        occurred=told.occurred,
        event=told.event,
        resource=told.resource,
        related=[*told.related, recipe.resource],
        payload=told.payload,
        follows=told.follows,
        system=SYSTEM,
        outcome=OUTCOMES[outcome] if outcome else _outcome_of(told),
        message=one_line(said) if said else None,
        warnings=(*identity.warnings, *_cut(event, message), *_owned(told)),
        once=identity.once,
    )


@dataclass(frozen=True)
class Identity:
    """The id of an event, and whether it is known by it alone."""

    id: str
    once: bool
    warnings: tuple[str, ...] = ()


def _identity(event: dict[str, Any], index: int, delivery: str | None, recipe: Recipe) -> Identity:
    if (id := event.get("id")) not in (None, ""):
        # Without a time of its own its next telling has another.
        return Identity(_uuid(id, recipe), once=bool(delivery) or event.get("occurred") is None)
    if delivery:
        return Identity(str(_of_delivery(recipe, delivery, str(index))), once=True)
    warnings = (UNRETRIED,) if recipe.delivery else ()
    return Identity(str(uuid4()), once=False, warnings=warnings)


def _uuid(id: object, recipe: Recipe) -> str:
    """Return a UUID as it is, and of any other text the one that is derived from it."""
    if isinstance(id, str) and UUID_FORM.fullmatch(id):
        return id
    return str(_of_delivery(recipe, "id", str(id).encode(errors="replace").decode()))


def _of_delivery(recipe: Recipe, *parts: str) -> UUID:
    return derived(SYSTEM, str(recipe.id), *parts)


def _filled(
    event: dict[str, Any], identity: Identity, message: Message, recipe: Recipe
) -> dict[str, Any]:
    """Return the event with all that a template may leave out."""
    filled = {name: value for name, value in event.items() if value is not None}
    filled["id"] = identity.id
    filled.setdefault("occurred", datetime.now(UTC).isoformat())
    filled.setdefault("payload", payload_of(message, recipe))
    for name in ("resource", "related"):
        if name in filled:
            filled[name] = _labels(filled[name])
    return filled


def _labels(value: Any) -> Any:
    """Return labels with numbers as texts, and without those that are null."""
    if isinstance(value, list):
        return [_labels(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _label(held) for key, held in value.items() if held is not None}


def _label(value: object) -> object:
    return json.dumps(value) if isinstance(value, bool | int | float) else value


def payload_of(message: Message, recipe: Recipe) -> dict[str, Any]:
    """Return a delivery as it came, without what is secret in it."""
    return {
        "method": METHOD,
        "headers": dict(told_headers(message.headers, recipe.signature_header)),
        "body": _body(message),
    }


def _body(message: Message) -> Any:
    if len(message.body) <= LARGEST_BODY:
        return told_body(message.body, message.content_type)
    return {"bytes": len(message.body), "sha256": sha256(message.body).hexdigest()}


def _outcome_of(told: PrefectEvent) -> Outcome:
    return words(told.event, told.resource).outcome


def _cut(event: dict[str, Any], message: Message) -> tuple[str, ...]:
    if event.get("payload") is not None or len(message.body) <= LARGEST_BODY:
        return ()
    size = len(message.body)
    return (
        f"The body of {size:,} bytes is kept as size and hash; name a payload in the template.",
    )


def _owned(told: PrefectEvent) -> tuple[str, ...]:
    return warnings_for(told.event, told.resource[RESOURCE_ID], system=SYSTEM)
