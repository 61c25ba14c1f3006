"""Prefect's own actions, done by a Prefect server through its API."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from apps.automations.doing import actions
from apps.automations.doing.blocks import notification_of_block, webhook_of_block
from apps.automations.doing.destinations import PrefectServer, may_be_private
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
from apps.automations.doing.sending.told import LONGEST, Answer, Call
from apps.automations.doing.templates import is_template, names_in, render
from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE

MOST_READ = 1024 * 1024
KIND = "__prefect_kind"
# By which a receiver knows a request that comes again, as Standard Webhooks has it.
ID_HEADER = "webhook-id"
SUSPENDED_SECONDS = 3_600
# What a template may ask for besides, and where the server has it.
OBJECTS = {
    "flow_run": ("prefect.flow-run", "flow_runs"),
    "flow": ("prefect.flow", "flows"),
    "deployment": ("prefect.deployment", "deployments"),
    "task_run": ("prefect.task-run", "task_runs"),
    "work_queue": ("prefect.work-queue", "work_queues"),
    "concurrency_limit": ("prefect.concurrency-limit", "v2/concurrency_limits"),
}


@dataclass
class Server:
    """A Prefect server, asked in the name of one job."""

    job: Job
    address: PrefectServer
    within: float = LONGEST
    """Seconds that each answer may take."""

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        headers = {"content-type": "application/json", **self._headers()}
        content = b"" if body is None else json.dumps(body).encode()
        return send(
            Call(
                method=method,
                url=f"{self.address.url}{path}",
                headers=headers,
                body=content,
                private=self.job.private,
                most=MOST_READ,
                longest=self.within,
            )
        )

    def read(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON it answers; raises CannotDo."""
        answer = self.ask(method, path, body)
        if answer.error:
            raise CannotDo(_reason(answer), again=answer.again, status=answer.status)
        try:
            return json.loads(answer.response)
        except ValueError:
            raise CannotDo("The Prefect server did not answer JSON.") from None

    def _headers(self) -> dict[str, str]:
        automation = self.job.context["automation"]
        name = base64.b64encode(str(automation["name"]).encode()).decode()
        told = {"prefect-automation-id": str(automation["id"]), "prefect-automation-name": name}
        key = self.address.key
        if ":" in key:
            return told | {"authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
        return told | ({"authorization": f"Bearer {key}"} if key else {})


Doer = Callable[[Server, Mapping[str, Any]], Done]


def perform_prefect(job: Job, action: actions.Prefect) -> Done:
    """Do an action of Prefect's; raises CannotDo, BadTemplate."""
    told = {name: value for name, value in action.told.items() if name != "destination"}
    if job.dry:
        return Done(rendered=rendered_in(told, job.context))
    if not isinstance(job.address, PrefectServer):
        raise CannotDo("Its Prefect server is no longer a destination.")
    made = DOERS[action.type](Server(job, job.address), told)
    made.rendered = made.rendered or told
    return made


def _command(answer: Answer, *related: dict[str, str]) -> Done:
    made = done(answer)
    made.related = list(related)
    if answer.error:
        made.error = _reason(answer)
    return made


def _target(kind: str, id: object) -> dict[str, str]:
    return {RESOURCE_ID: f"prefect.{kind}.{id}", RESOURCE_ROLE: "target"}


def _about(server: Server, told: Mapping[str, Any], kind: str) -> UUID:
    """Return what an action is about: selected by its id, else inferred."""
    name = f"{kind.replace('-', '_')}_id"
    return UUID(told[name]) if told.get(name) else inferred(server.job, f"prefect.{kind}")


def _run_deployment(server: Server, told: Mapping[str, Any]) -> Done:
    id = _about(server, told, "deployment")
    at = datetime.now(UTC) + timedelta(seconds=float(told.get("schedule_after") or 0))
    body = {
        "state": {
            "type": "SCHEDULED",
            "name": "Scheduled",
            "state_details": {"scheduled_time": at.isoformat()},
        },
        "parameters": hydrated(server, told.get("parameters") or {}),
        # The same run again when it is asked for twice.
        "idempotency_key": str(server.job.id),
        "job_variables": told.get("job_variables"),
    }
    answer = server.ask("POST", f"/deployments/{id}/create_flow_run", body)
    made = _command(answer, _target("deployment", id))
    made.rendered = {**told, "parameters": body["parameters"]}
    if not answer.error:
        made.related.append(_flow_run(answer))
    return made


def _flow_run(answer: Answer) -> dict[str, str]:
    run = json.loads(answer.response)
    return {
        RESOURCE_ID: f"prefect.flow-run.{run['id']}",
        RESOURCE_ROLE: "flow-run",
        "prefect.resource.name": str(run.get("name") or ""),
    }


def _deployment(command: str) -> Doer:
    def doer(server: Server, told: Mapping[str, Any]) -> Done:
        id = _about(server, told, "deployment")
        answer = server.ask("POST", f"/deployments/{id}/{command}_deployment")
        return _command(answer, _target("deployment", id))

    return doer


def _state(state: Callable[[Server, Mapping[str, Any]], dict[str, Any]]) -> Doer:
    def doer(server: Server, told: Mapping[str, Any]) -> Done:
        id = inferred(server.job, "prefect.flow-run")
        body = {"state": state(server, told), "force": bool(told.get("force"))}
        answer = server.ask("POST", f"/flow_runs/{id}/set_state", body)
        return _accepted(answer, _target("flow-run", id))

    return doer


def _accepted(answer: Answer, target: dict[str, str]) -> Done:
    """A server that refuses a change of state says so with a success."""
    made = _command(answer, target)
    if not answer.error:
        result = json.loads(answer.response)
        if result.get("status") != "ACCEPT":
            details = result.get("details") or {}
            made.error = f"The server refused the state: {details.get('reason') or 'no reason'}."
    return made


def _cancelling(server: Server, told: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "CANCELLING", "message": f"Cancelled by {_who(server)}"}


def _suspended(server: Server, told: Mapping[str, Any]) -> dict[str, Any]:
    until = datetime.now(UTC) + timedelta(seconds=SUSPENDED_SECONDS)
    return {
        "type": "PAUSED",
        "name": "Suspended",
        "message": f"Suspended by {_who(server)}",
        "state_details": {"pause_timeout": until.isoformat(), "pause_reschedule": True},
    }


def _changed(server: Server, told: Mapping[str, Any]) -> dict[str, Any]:
    message = told.get("message") or f"State changed by {_who(server)}"
    return {"type": told["state"], "name": told.get("name"), "message": message}


def _who(server: Server) -> str:
    return f"Automation {server.job.context['automation']['id']}"


def _resume(server: Server, told: Mapping[str, Any]) -> Done:
    id = inferred(server.job, "prefect.flow-run")
    return _accepted(server.ask("POST", f"/flow_runs/{id}/resume"), _target("flow-run", id))


def _delete(server: Server, told: Mapping[str, Any]) -> Done:
    id = inferred(server.job, "prefect.flow-run")
    answer = server.ask("DELETE", f"/flow_runs/{id}")
    made = _command(answer, _target("flow-run", id))
    if answer.status == 404:
        # It was deleted by the try before this one, whose answer was lost, or by somebody.
        made.error = ""
    return made


def _pool(paused: bool) -> Doer:
    def doer(server: Server, told: Mapping[str, Any]) -> Done:
        id = _about(server, told, "work-pool")
        asked = {"work_pools": {"id": {"any_": [str(id)]}}}
        found = server.read("POST", "/work_pools/filter", asked)
        if not found:
            raise CannotDo(f"The server has no work pool {id}.")
        name = found[0]["name"]
        answer = server.ask("PATCH", f"/work_pools/{quote(name, safe='')}", {"is_paused": paused})
        return _command(answer, _target("work-pool", id) | {"prefect.resource.name": name})

    return doer


def _queue(paused: bool) -> Doer:
    def doer(server: Server, told: Mapping[str, Any]) -> Done:
        id = _about(server, told, "work-queue")
        answer = server.ask("PATCH", f"/work_queues/{id}", {"is_paused": paused})
        return _command(answer, _target("work-queue", id))

    return doer


def _automation(on: bool) -> Doer:
    def doer(server: Server, told: Mapping[str, Any]) -> Done:
        id = _about(server, told, "automation")
        answer = server.ask("PATCH", f"/automations/{id}", {"enabled": on})
        return _command(answer, _target("automation", id))

    return doer


def _block(server: Server, told: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    id = told["block_document_id"]
    block = server.read("GET", f"/block_documents/{id}?include_secrets=true")
    slug = (block.get("block_type") or {}).get("slug", "")
    related = [
        {
            RESOURCE_ID: f"prefect.block-document.{id}",
            RESOURCE_ROLE: "block",
            "prefect.resource.name": str(block.get("name") or id),
        },
        {RESOURCE_ID: f"prefect.block-type.{slug}", RESOURCE_ROLE: "block-type"},
    ]
    return block, related


def _call_webhook(server: Server, told: Mapping[str, Any]) -> Done:
    block, related = _block(server, told)
    payload = told.get("payload") or ""
    if not isinstance(payload, str):
        payload = json.dumps(payload, indent=2)
    body = render(payload, _context(server, [payload]))
    call = webhook_of_block(block)
    # Where the server is allowed to be private, that is not said of what its blocks name.
    call.body, call.private = body.encode(), may_be_private(call.url)
    call.headers.setdefault(ID_HEADER, str(server.job.id))
    made = done(send(call), {**told, "payload": body[:MOST_KEPT]})
    made.related = related
    return made


def _send_notification(server: Server, told: Mapping[str, Any]) -> Done:
    block, related = _block(server, told)
    texts = [told.get("subject") or "Prefect automated notification", told.get("body") or ""]
    context = _context(server, texts)
    subject, body = (render(text, context) for text in texts)
    asked = notification_of_block(block, subject, body)
    asked.private = may_be_private(asked.url)
    if isinstance(asked, Call):
        asked.headers.setdefault(ID_HEADER, str(server.job.id))
    made = done(send(asked))
    made.rendered = {**told, "subject": subject, "body": body[:MOST_KEPT]}
    made.related = related
    return made


DOERS: Mapping[str, Doer] = {
    "run-deployment": _run_deployment,
    "pause-deployment": _deployment("pause"),
    "resume-deployment": _deployment("resume"),
    "cancel-flow-run": _state(_cancelling),
    "suspend-flow-run": _state(_suspended),
    "change-flow-run-state": _state(_changed),
    "resume-flow-run": _resume,
    "delete-flow-run": _delete,
    "pause-work-pool": _pool(True),
    "resume-work-pool": _pool(False),
    "pause-work-queue": _queue(True),
    "resume-work-queue": _queue(False),
    "pause-automation": _automation(False),
    "resume-automation": _automation(True),
    "call-webhook": _call_webhook,
    "send-notification": _send_notification,
}


def hydrated(server: Server, parameters: Any) -> Any:
    """Return parameters with their templates rendered and their variables read, as Prefect does.

    A text that is one expression keeps the type of its value.
    """
    texts = [text for _, text in actions.texts_in(parameters, "")]
    return _hydrated(server, parameters, _context(server, texts))


def _hydrated(server: Server, value: Any, context: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_hydrated(server, one, context) for one in value]
    if isinstance(value, dict):
        if KIND in value:
            return _of_kind(server, value, context)
        return {key: _hydrated(server, one, context) for key, one in value.items()}
    if isinstance(value, str) and is_template(value):
        bare = value.strip()
        if bare.startswith("{{") and bare.endswith("}}") and bare.count("{{") == 1:
            return json.loads(render(f"{{{{ ({bare[2:-2]}) | tojson }}}}", context))
        return render(value, context)
    return value


def _of_kind(server: Server, value: dict[str, Any], context: Mapping[str, Any]) -> Any:
    match value[KIND]:
        case "jinja":
            return render(str(value.get("template") or ""), context)
        case "json":
            text = _of_json(server, value.get("value"), context)
            try:
                return json.loads(text) if isinstance(text, str) else text
            except ValueError:
                raise CannotDo(f"A parameter is no JSON: {text[:200]}") from None
        case "workspace_variable":
            return _variable(server, str(value.get("variable_name") or ""))
        case None | "none":
            return _hydrated(server, value.get("value"), context)
    raise CannotDo(f"A parameter is of a kind that is not known here: {value[KIND]!r}.")


def _of_json(server: Server, value: Any, context: Mapping[str, Any]) -> Any:
    """Return the text that is JSON by itself: as it stands, unless a placeholder makes it."""
    return _hydrated(server, value, context) if isinstance(value, dict) else value


def _variable(server: Server, name: str) -> Any:
    variables = _variables(server, [name])
    if name not in variables:
        raise CannotDo(f"The server has no variable “{name}”.")
    return variables[name]


def _variables(server: Server, names: list[str] | None = None) -> dict[str, Any]:
    asked: dict[str, Any] = {"limit": 200}
    if names is not None:
        asked["variables"] = {"name": {"any_": names}}
    found = server.read("POST", "/variables/filter", asked)
    return {variable["name"]: variable["value"] for variable in found}


def _context(server: Server, texts: list[str]) -> Mapping[str, Any]:
    """Return the context, with what these templates ask of the server."""
    asked = {name for text in texts if is_template(text) for name in names_in(text)}
    more: dict[str, Any] = {}
    for name in asked & OBJECTS.keys():
        more[name] = _object(server, *OBJECTS[name])
    if "variables" in asked:
        more["variables"] = _variables(server)
    return {**server.job.context, **more}


def _object(server: Server, kind: str, where: str) -> Any:
    """Return what the server has of an involved resource, None when there is none."""
    try:
        return server.read("GET", f"/{where}/{inferred(server.job, kind)}")
    except CannotDo as error:
        if error.again:
            raise
        return None


def _reason(answer: Answer) -> str:
    """Say why a Prefect server did not do it, in its own words where it has some."""
    try:
        told = json.loads(answer.response)
        detail = told.get("detail") or told.get("exception_detail") or told["exception_message"]
    except (ValueError, KeyError, AttributeError, TypeError):
        return answer.error
    said = detail if isinstance(detail, str) else json.dumps(detail)
    return f"{answer.error} {said[:500]}"
