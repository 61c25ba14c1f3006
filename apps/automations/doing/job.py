"""An action with all that it needs, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from apps.automations.doing import actions
from apps.automations.doing.child import Child, Gone
from apps.automations.doing.destinations import Address
from apps.automations.doing.sending.told import ANSWER, Answer, Asked
from apps.automations.doing.templates import render_all
from apps.events.draft import RESOURCE_ID

# Seconds; far beyond what the sending process allows itself.
LONGEST = 60.0
MOST_RESPONSE = 1_000
MOST_KEPT = 10_000
SENDER = Child("apps.automations.doing.sending.process")


@dataclass(frozen=True)
class Job:
    """An action with all that it needs."""

    id: UUID
    """Its idempotency key."""
    action: actions.Action
    context: Mapping[str, Any]
    address: Address | None = None
    private: bool = False
    dry: bool = False
    """It is only rendered."""

    @property
    def event(self) -> Mapping[str, Any] | None:
        return self.context.get("event")


@dataclass
class Done:
    """What came of a job. Without an error it was done."""

    status: int | None = None
    response: str = ""
    error: str = ""
    again: bool = False
    after: float | None = None
    rendered: Any = None
    details: dict[str, Any] = field(default_factory=dict)
    """What the payload of its event says besides."""
    related: list[dict[str, str]] = field(default_factory=list)
    """Resources that it was about."""
    recorded: actions.Record | None = None
    """The event that is to be recorded."""
    switched: tuple[UUID, bool] | None = None
    """The automation that is to be switched, and whether on."""


class CannotDo(Exception):
    """An action that cannot succeed as it is."""

    def __init__(self, say: str, *, again: bool = False, status: int | None = None) -> None:
        super().__init__(say)
        self.say = say
        self.again = again
        self.status = status


def send(asked: Asked) -> Answer:
    """Have it sent by the process that sends."""
    try:
        return ANSWER.decode(SENDER.ask(msgspec.msgpack.encode(asked), within=LONGEST))
    except Gone as gone:
        return Answer(error=str(gone), again=True)


def done(answer: Answer, rendered: Any = None) -> Done:
    text = answer.response.decode(errors="replace").replace("\0", "�")[:MOST_RESPONSE]
    made = Done(answer.status, text, answer.error, answer.again, answer.after, rendered)
    made.details = {"status_code": answer.status} if answer.status else {}
    if text:
        made.details["response_body"] = text
    if answer.location:
        made.details["location"] = answer.location
    return made


def rendered_in(value: Any, context: Mapping[str, Any]) -> Any:
    """Render the texts of a JSON value, each where it stands."""
    found = [text for _, text in actions.texts_in(value, "")]
    texts = iter(render_all(found, context))

    def made(value: Any) -> Any:
        if isinstance(value, str):
            return next(texts)
        if isinstance(value, Mapping):
            return {key: made(one) for key, one in value.items()}
        return [made(one) for one in value] if isinstance(value, list) else value

    return made(value)


def inferred(job: Job, *kinds: str) -> UUID:
    """Return the id of the first involved resource of a kind, as Prefect infers it."""
    ids = [*job.context["labels"].values()]
    if event := job.event:
        ids += [labels.get(RESOURCE_ID, "") for labels in (event["resource"], *event["related"])]
    for told in ids:
        kind, _, id = told.rpartition(".")
        if kind in kinds:
            try:
                return UUID(id)
            except ValueError:
                continue
    raise CannotDo(f"Neither its event nor its labels name a {_kind(kinds[0])}.")


def _kind(kind: str) -> str:
    return kind.rpartition(".")[2].replace("-", " ")
