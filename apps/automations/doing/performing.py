"""Doing one action: rendered, sent, and what came of it. It asks no database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from apps.automations.doing import actions
from apps.automations.doing.child import Child, Gone
from apps.automations.doing.destinations import (
    Address,
    BadDestination,
    Notification,
    Webhook,
    check_headers,
    check_url,
    may_be_private,
)
from apps.automations.doing.sandbox import plain
from apps.automations.doing.sending.told import ANSWER, Answer, Asked, Call, Notify, Signed
from apps.automations.doing.templates import BadTemplate, render_all
from apps.events.draft import RESOURCE_ID

# Seconds; far beyond what the sending process allows itself.
LONGEST = 60.0
MOST_RESPONSE = 1_000
MOST_KEPT = 10_000
# Of the name of an event, and of the id of a resource.
MOST_NAME = 1_024
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


def perform(job: Job) -> Done:
    """Do it; whatever goes wrong is told."""
    from apps.automations.doing.prefect import perform_prefect

    try:
        match job.action:
            case actions.Webhook():
                return _webhook(job, job.action)
            case actions.Notify():
                return _notify(job, job.action)
            case actions.Record():
                return _record(job, job.action)
            case actions.Switch():
                return _switch(job, job.action)
            case actions.Prefect():
                return perform_prefect(job, job.action)
            case actions.DoNothing():
                return Done()
    except BadTemplate as bad:
        details = {"template_error": bad.message, "template_source": bad.source[:MOST_KEPT]}
        return Done(error=f"Line {bad.line} of its template: {bad.message}", details=details)
    except CannotDo as error:
        return Done(error=error.say, again=error.again, status=error.status)


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


def _webhook(job: Job, action: actions.Webhook) -> Done:
    address = job.address if isinstance(job.address, Webhook) else None
    names = list(action.headers)
    told, body, *values = render_all(
        [action.url or "", action.body, *action.headers.values()], job.context
    )
    url = address.url if address else told.strip()
    own = dict(zip(names, values, strict=True))
    # Only a preview has a destination without its address.
    _checked(url if address or not action.destination else None, own)
    body = body if body.strip() or action.method in ("GET", "DELETE") else default_body(job)
    headers = {"content-type": _type(body)} | {name.lower(): own[name] for name in own}
    rendered = {
        "method": action.method,
        "url": action.destination or url,
        "headers": headers,
        "body": body[:MOST_KEPT],
    }
    if job.dry:
        return Done(rendered=rendered)
    secret = address.secret if address else ""
    held = {name.lower(): value for name, value in address.headers.items()} if address else {}
    call = Call(
        method=action.method,
        url=url,
        headers=headers | held,
        body=body.encode(),
        signed=Signed(str(job.id), secret),
        private=job.private or may_be_private(url),
    )
    return done(send(call), rendered)


def default_body(job: Job) -> str:
    """Tell a firing in the form that Standard Webhooks advises: type, timestamp, data."""
    firing = job.context["firing"]
    told = {
        "type": f"eventfeed.automation.{firing['kind']}",
        "timestamp": firing["triggered"],
        "data": {
            "automation": job.context["automation"],
            "firing": {name: firing[name] for name in ("id", "why", "count", "url")},
            "labels": job.context["labels"],
            "event": job.event,
        },
    }
    return json.dumps(plain(told), ensure_ascii=False)


def _type(body: str) -> str:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return "text/plain; charset=utf-8"
    return "application/json"


def _checked(url: str | None, headers: Mapping[str, str]) -> None:
    """Look at what templates have made of an address and of headers."""
    try:
        if url is not None:
            check_url(url)
        check_headers(headers)
    except BadDestination as bad:
        raise CannotDo(bad.say) from None


def _notify(job: Job, action: actions.Notify) -> Done:
    subject, body = render_all([action.subject, action.body], job.context)
    rendered = {"to": action.destination, "subject": subject, "body": body[:MOST_KEPT]}
    if job.dry:
        return Done(rendered=rendered)
    if not isinstance(job.address, Notification):
        raise CannotDo(f"There is no destination for a notification called {action.destination}.")
    return done(send(Notify(job.address.url, subject, body, job.private)), rendered)


def _record(job: Job, action: actions.Record) -> Done:
    event, *values = render_all([action.event, *action.resource.values()], job.context)
    resource = dict(zip(action.resource, values, strict=True))
    if not 0 < len(event.strip()) <= MOST_NAME:
        raise CannotDo(f"A name has 1 to {MOST_NAME:,} characters; its template made another.")
    if not 0 < len(resource[RESOURCE_ID].strip().encode()) <= MOST_NAME:
        raise CannotDo(f"A resource has an id of 1 to {MOST_NAME:,} bytes; its template made none.")
    if event.startswith(actions.OWNED):
        raise CannotDo(f"“{event[:100]}” is a name of others.")
    payload = rendered_in(action.payload, job.context)
    made = actions.Record(event.strip(), resource, payload)
    told = {"event": made.event, "resource": resource, "payload": payload}
    return Done(rendered=told, recorded=None if job.dry else made)


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


def _switch(job: Job, action: actions.Switch) -> Done:
    which = action.automation or inferred(job, "eventfeed.automation", "prefect.automation")
    rendered = {"automation": str(which), "on": action.on}
    target = {RESOURCE_ID: f"eventfeed.automation.{which}", "prefect.resource.role": "target"}
    switched = None if job.dry else (which, action.on)
    return Done(rendered=rendered, related=[target], switched=switched)


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
