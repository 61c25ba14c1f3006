"""Actions: what is done when an automation fires, read from JSON and said in words.

Ours are `webhook`, `notify`, `record` and `switch`; Prefect's own have Prefect's JSON, with a
`destination` beside it that names the Prefect server where there are several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from apps.automations.doing import templates
from apps.automations.doing.destinations import (
    BadDestination,
    check_headers,
    check_url,
    is_surely_private,
)
from apps.automations.doing.inline import is_secret_address, is_secret_header
from apps.automations.models import Destination
from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE

METHODS = ("POST", "PUT", "PATCH", "GET", "DELETE")
MOST_ACTIONS = 20
INFERRED = "inferred"
STATES = (
    *("SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED"),
    *("PAUSED", "CANCELLING"),
)
BELONGS = (
    "Here everybody who may read could read it: make a destination of it, which keeps it encrypted."
)
PRIVATE = (
    "It is an address of this machine or of a private network, where an action goes only when"
    " it is allowed: make a destination of it that may, or name its host in"
    " EVENTFEED_ALLOWED_DESTINATIONS."
)
OWNED = ("eventfeed.", "prefect.", "prefect-cloud.")


class BadAction(Exception):
    """An action that is none: where in its JSON, and what to write instead."""

    def __init__(self, path: str, say: str) -> None:
        super().__init__(f"{path}: {say}")
        self.path = path
        self.say = say


@dataclass(frozen=True)
class Webhook:
    destination: str | None
    url: str | None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def sentence(self) -> str:
        return f"call {self.destination or shown(self.url or '')}"


@dataclass(frozen=True)
class Notify:
    destination: str
    subject: str
    body: str

    def sentence(self) -> str:
        return f"notify {self.destination}"


@dataclass(frozen=True)
class Record:
    event: str
    resource: Mapping[str, str]
    payload: Any = field(default_factory=dict)

    def sentence(self) -> str:
        return f"record {self.event}"


@dataclass(frozen=True)
class Switch:
    automation: UUID | None
    """None is the one that the triggering event is about."""
    on: bool

    def sentence(self) -> str:
        which = "another automation" if self.automation else "the automation it is about"
        return f"switch {which} {'on' if self.on else 'off'}"


@dataclass(frozen=True)
class Prefect:
    """One of Prefect's own, as Prefect says it."""

    type: str
    told: Mapping[str, Any]
    destination: str | None = None

    def sentence(self) -> str:
        return PREFECT[self.type]


@dataclass(frozen=True)
class DoNothing:
    def sentence(self) -> str:
        return "do nothing"


Action = Webhook | Notify | Record | Switch | Prefect | DoNothing

PREFECT: Mapping[str, str] = {
    "run-deployment": "run a deployment",
    "pause-deployment": "pause a deployment",
    "resume-deployment": "resume a deployment",
    "cancel-flow-run": "cancel the flow run",
    "suspend-flow-run": "suspend the flow run",
    "resume-flow-run": "resume the flow run",
    "delete-flow-run": "delete the flow run",
    "change-flow-run-state": "change the flow run's state",
    "pause-work-pool": "pause a work pool",
    "resume-work-pool": "resume a work pool",
    "pause-work-queue": "pause a work queue",
    "resume-work-queue": "resume a work queue",
    "pause-automation": "pause an automation of Prefect",
    "resume-automation": "resume an automation of Prefect",
    "call-webhook": "call a webhook of Prefect",
    "send-notification": "send a notification of Prefect",
}
# What an action may be about, by the field that names it.
TARGETS = {
    "run-deployment": "deployment_id",
    "pause-deployment": "deployment_id",
    "resume-deployment": "deployment_id",
    "pause-work-pool": "work_pool_id",
    "resume-work-pool": "work_pool_id",
    "pause-work-queue": "work_queue_id",
    "resume-work-queue": "work_queue_id",
    "pause-automation": "automation_id",
    "resume-automation": "automation_id",
}
BLOCKS = ("call-webhook", "send-notification")
ALL = ("webhook", "notify", "record", "switch", "do-nothing", *PREFECT)


def check(said: Any, path: str = "actions") -> list[Action]:
    """Read a list of actions that is to be kept, and find where they go; raises BadAction."""
    actions = read_all(said, path)
    for at, action in enumerate(actions):
        _check_destination(action, f"{path}[{at}]")
        _check_address(action, f"{path}[{at}]")
        _check_secrets(action, f"{path}[{at}]")
    return actions


def read_all(said: Any, path: str = "actions") -> list[Action]:
    """Read a list of actions without asking where they go; raises BadAction."""
    if not isinstance(said, list):
        raise BadAction(path, "Actions are a list.")
    if len(said) > MOST_ACTIONS:
        raise BadAction(path, f"An automation has at most {MOST_ACTIONS} actions.")
    return [read(one, f"{path}[{at}]") for at, one in enumerate(said)]


def read(said: Any, path: str = "action") -> Action:
    """Read one action; raises BadAction."""
    if not isinstance(said, dict):
        raise BadAction(path, "An action is an object with a type.")
    kind = str(said.get("type"))
    reader = _prefect if kind in PREFECT else READERS.get(kind)
    if reader is None:
        raise BadAction(f"{path}.type", f"It is none of {', '.join(ALL)}.")
    return reader(said, path)


def _webhook(said: dict[str, Any], path: str) -> Webhook:
    _only(said, path, "destination", "url", "method", "headers", "body")
    destination, url = _text(said, path, "destination"), _template(said, path, "url")
    if bool(destination) == bool(url):
        raise BadAction(path, "It has either a destination or a url.")
    if url and not templates.is_template(url):
        _as_told(f"{path}.url", lambda: check_url(url))
    method = (_text(said, path, "method") or "POST").upper()
    if method not in METHODS:
        raise BadAction(f"{path}.method", f"It is one of {', '.join(METHODS)}.")
    headers = _texts(said, path, "headers")
    _as_told(f"{path}.headers", lambda: check_headers(headers))
    body = _template(said, path, "body")
    return Webhook(destination or None, url or None, method, headers, body)


def _notify(said: dict[str, Any], path: str) -> Notify:
    _only(said, path, "destination", "subject", "body")
    destination = _text(said, path, "destination")
    if not destination:
        raise BadAction(f"{path}.destination", "It names a destination.")
    body = _template(said, path, "body")
    if not body.strip():
        raise BadAction(f"{path}.body", "It has a text.")
    return Notify(destination, _template(said, path, "subject"), body)


def _record(said: dict[str, Any], path: str) -> Record:
    _only(said, path, "event", "resource", "payload")
    event = _template(said, path, "event")
    if not event.strip():
        raise BadAction(f"{path}.event", "It has the name of an event.")
    if event.startswith(OWNED):
        say = f"Names that begin with {', '.join(OWNED)} belong to others; choose one of your own."
        raise BadAction(f"{path}.event", say)
    resource = _texts(said, path, "resource")
    if not resource.get(RESOURCE_ID):
        raise BadAction(f"{path}.resource", f"A resource has a {RESOURCE_ID}.")
    payload = said.get("payload", {})
    if not isinstance(payload, dict):
        raise BadAction(f"{path}.payload", "A payload is an object.")
    for where, text in texts_in(payload, f"{path}.payload"):
        _check_template(where, text)
    return Record(event, resource, payload)


def _switch(said: dict[str, Any], path: str) -> Switch:
    _only(said, path, "automation", "on")
    told, on = said.get("automation"), said.get("on")
    if not isinstance(on, bool):
        raise BadAction(f"{path}.on", "It is true or false.")
    return Switch(None if told == INFERRED else _uuid(told, f"{path}.automation"), on)


def _do_nothing(said: dict[str, Any], path: str) -> DoNothing:
    return DoNothing()


READERS: Mapping[str, Callable[[dict[str, Any], str], Action]] = {
    "webhook": _webhook,
    "notify": _notify,
    "record": _record,
    "switch": _switch,
    "do-nothing": _do_nothing,
}


def _prefect(said: dict[str, Any], path: str) -> Prefect | Switch:
    kind = said["type"]
    destination = _text(said, path, "destination") or None
    if target := TARGETS.get(kind):
        _check_target(said, path, target)
    if kind in ("pause-automation", "resume-automation") and not destination:
        # Here an automation is one of ours.
        told = said.get("automation_id")
        return Switch(UUID(str(told)) if told else None, kind == "resume-automation")
    if kind in BLOCKS:
        _uuid(said.get("block_document_id"), f"{path}.block_document_id")
    for name in ("subject", "body") if kind == "send-notification" else ():
        _template(said, path, name)
    if kind == "call-webhook" and isinstance(said.get("payload"), str):
        _template(said, path, "payload")
    if kind == "change-flow-run-state" and said.get("state") not in STATES:
        raise BadAction(f"{path}.state", f"It is one of {', '.join(STATES)}.")
    if kind == "run-deployment":
        _check_run(said, path)
    return Prefect(kind, said, destination)


def _check_target(said: dict[str, Any], path: str, name: str) -> None:
    """As Prefect has it: a selected one is named, an inferred one is not."""
    source = said.get("source", "selected")
    if source not in ("selected", INFERRED):
        raise BadAction(f"{path}.source", "It is selected or inferred.")
    if source == "selected":
        _uuid(said.get(name), f"{path}.{name}")
    elif said.get(name):
        raise BadAction(f"{path}.{name}", f"It is not named where it is {INFERRED}.")


def _check_run(said: dict[str, Any], path: str) -> None:
    for name in ("parameters", "job_variables"):
        if not isinstance(said.get(name) or {}, dict):
            raise BadAction(f"{path}.{name}", "It is an object.")
    for where, text in texts_in(said.get("parameters") or {}, f"{path}.parameters"):
        _check_template(where, text)
    after = said.get("schedule_after") or 0
    if not isinstance(after, int | float) or after < 0:
        raise BadAction(f"{path}.schedule_after", "It is a number of seconds.")


def _check_destination(action: Action, path: str) -> None:
    if isinstance(action, Webhook | Notify) and action.destination:
        wanted = "webhook" if isinstance(action, Webhook) else "notification"
        found = Destination.objects.filter(name=action.destination).first()
        if not found or found.kind != wanted:
            say = f"There is no destination for a {wanted} called “{action.destination}”."
            raise BadAction(f"{path}.destination", say)
    if isinstance(action, Prefect):
        prefect_server(action, path)


def _check_address(action: Action, path: str) -> None:
    if isinstance(action, Webhook) and is_surely_private(action.url or ""):
        raise BadAction(f"{path}.url", PRIVATE)


def _check_secrets(action: Action, path: str) -> None:
    if not isinstance(action, Webhook):
        return
    if is_secret_address(action.url or ""):
        raise BadAction(f"{path}.url", f"It holds a password or a token. {BELONGS}")
    for name, value in action.headers.items():
        if is_secret_header(name, value):
            raise BadAction(f"{path}.headers.{name}", f"{name} holds a secret. {BELONGS}")


def prefect_server(action: Prefect, path: str = "action") -> Destination:
    """Return the server of an action: the one it names, else the only one. Raises BadAction."""
    servers = Destination.objects.filter(kind=Destination.Kind.PREFECT)
    if action.destination:
        if found := servers.filter(name=action.destination).first():
            return found
        say = f"There is no Prefect server called “{action.destination}”."
        raise BadAction(f"{path}.destination", say)
    known = list(servers[:2])
    if not known:
        say = f"{action.type} needs a Prefect server: add it as a destination first."
        raise BadAction(path, say)
    if len(known) > 1:
        say = "There are several Prefect servers: name one of them as its destination."
        raise BadAction(f"{path}.destination", say)
    return known[0]


def templates_of(action: Action) -> list[str]:
    """Return the texts of an action that are rendered."""
    match action:
        case Webhook():
            return [action.url or "", action.body, *action.headers.values()]
        case Notify():
            return [action.subject, action.body]
        case Record():
            texts = [text for _, text in texts_in(action.payload, "")]
            return [action.event, *action.resource.values(), *texts]
        case Prefect():
            named = [action.told.get(name) for name in ("subject", "body", "payload")]
            inside = [text for _, text in texts_in(action.told.get("parameters") or {}, "")]
            return [text for text in named if isinstance(text, str)] + inside
    return []


def texts_in(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Go through the texts of a JSON value, each with where it stands."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from texts_in(one, f"{path}.{key}")
    elif isinstance(value, Sequence):
        for at, one in enumerate(value):
            yield from texts_in(one, f"{path}[{at}]")


def _only(said: dict[str, Any], path: str, *names: str) -> None:
    for name in said:
        if name not in ("type", *names):
            raise BadAction(f"{path}.{name}", f"It has no such field; it has {', '.join(names)}.")


def _text(said: dict[str, Any], path: str, name: str) -> str:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        raise BadAction(f"{path}.{name}", "It is a text.")
    return value or ""


def _template(said: dict[str, Any], path: str, name: str) -> str:
    text = _text(said, path, name)
    _check_template(f"{path}.{name}", text)
    return text


def _texts(said: dict[str, Any], path: str, name: str) -> dict[str, str]:
    value = said.get(name) or {}
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise BadAction(f"{path}.{name}", "It is an object of texts.")
    for key, text in value.items():
        _check_template(f"{path}.{name}.{key}", text)
    if name == "resource" and RESOURCE_ROLE in value:
        raise BadAction(f"{path}.{name}", "The resource of an event has no role.")
    return value


def _check_template(path: str, text: str) -> None:
    if templates.is_template(text) and (bad := templates.check(text)):
        raise BadAction(path, f"Line {bad.line} of its template: {bad.message}")


def _as_told(path: str, check: Any) -> None:
    try:
        check()
    except BadDestination as bad:
        raise BadAction(path, bad.say) from None


def _uuid(value: Any, path: str) -> UUID:
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise BadAction(path, "It is the id of one, a UUID.") from None


def shown(url: str) -> str:
    """Show of an address who is called: user, path and query may be secrets."""
    try:
        told = urlsplit(url)
        host = f"{told.hostname}:{told.port}" if told.port else told.hostname
    except ValueError:
        host = None
    if not host or "{" in host:
        return "an address of its own"
    rest = "/…" if told.path.strip("/") or told.query else ""
    return f"{told.scheme}://{host}{rest}"
