"""Doing one action: rendered, sent, and what came of it. It asks no database."""

from __future__ import annotations

import json
from collections.abc import Mapping

from apps.automations.doing import actions
from apps.automations.doing.destinations import (
    BadDestination,
    Notification,
    Webhook,
    check_headers,
    check_url,
    may_be_private,
)
from apps.automations.doing.inline import sounds_secret
from apps.automations.doing.job import (
    MOST_KEPT,
    CannotDo,
    Done,
    Job,
    done,
    inferred,
    rendered_in,
    send,
)
from apps.automations.doing.prefect import perform_prefect
from apps.automations.doing.sandbox import plain
from apps.automations.doing.sending.told import Call, Notify, Signed
from apps.automations.doing.templates import BadTemplate, render_all
from apps.events.draft import RESOURCE_ID

# Of a header by which a receiver knows who asks: kept by nobody.
HIDDEN = "…"
# Of the name of an event, and of the id of a resource.
MOST_NAME = 1_024


def perform(job: Job) -> Done:
    """Do it; whatever goes wrong is told."""
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
    if not action.body.strip() and action.method not in ("GET", "DELETE"):
        body = default_body(job)
    headers = {"content-type": _type(body)} if body else {}
    headers |= {name.lower(): own[name] for name in own}
    rendered = {
        "method": action.method,
        "url": action.destination or actions.shown(url),
        "headers": {name: HIDDEN if sounds_secret(name) else headers[name] for name in headers},
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


def _switch(job: Job, action: actions.Switch) -> Done:
    which = action.automation or inferred(job, "eventfeed.automation", "prefect.automation")
    rendered = {"automation": str(which), "on": action.on}
    target = {RESOURCE_ID: f"eventfeed.automation.{which}", "prefect.resource.role": "target"}
    switched = None if job.dry else (which, action.on)
    return Done(rendered=rendered, related=[target], switched=switched)
