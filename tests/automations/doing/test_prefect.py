"""Prefect's own actions are done by a real Prefect server."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from apps.automations.doing.blocks import address_of_block
from apps.automations.doing.destinations import save
from apps.automations.doing.trying import send_test
from apps.automations.models import Attempt, Destination, Task
from apps.events.models import Event
from tests.automations.doing.fired import event, fired
from tests.automations.doing.receiving import answer
from tests.automations.doing.waiting import ended
from tests.prefect_server import Server

pytestmark = pytest.mark.usefixtures("delivering")


class Prefect:
    """A server, spoken to as Prefect's own client does."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def post(self, path: str, **body: Any) -> Any:
        return self._told(self.server.ask("POST", path, body))

    def get(self, path: str) -> Any:
        return self._told(self.server.ask("GET", path))

    def _told(self, answer: httpx.Response) -> Any:
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def deployment(self, **fields: Any) -> dict[str, Any]:
        flow = self.post("/flows/", name=f"flow-{uuid4().hex[:8]}")
        told = {"name": f"deployment-{uuid4().hex[:8]}", "flow_id": flow["id"]}
        return self.post("/deployments/", **told | fields)

    def flow_run(self, state: str = "PENDING", name: str | None = None) -> dict[str, Any]:
        flow = self.post("/flows/", name=f"flow-{uuid4().hex[:8]}")
        return self.post("/flow_runs/", flow_id=flow["id"], state={"type": state, "name": name})

    def state(self, run: dict[str, Any]) -> str:
        return self.get(f"/flow_runs/{run['id']}")["state"]["name"]

    def block(self, slug: str, data: dict[str, Any]) -> str:
        kinds = self.post("/block_types/filter", block_types={"slug": {"any_": [slug]}})
        if not kinds:
            self.server.ask("POST", "/block_types/install_system_block_types")
            kinds = self.post("/block_types/filter", block_types={"slug": {"any_": [slug]}})
        kind = kinds[0]["id"]
        schemas = {"block_type_id": {"any_": [kind]}}
        schema = self.post("/block_schemas/filter", block_schemas=schemas)[0]["id"]
        told = self.post(
            "/block_documents/",
            name=f"block-{uuid4().hex[:8]}",
            data=data,
            block_type_id=kind,
            block_schema_id=schema,
        )
        return told["id"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("prefect"))
    server.start()
    yield server
    server.end()


@pytest.fixture
def prefect(server: Server, transactional_db: None) -> Prefect:
    save(Destination(name="Prefect", kind="prefect", private=True), {"url": server.api})
    return Prefect(server)


def about(kind: str, id: str) -> dict[str, Any]:
    """An event that has this among its related resources."""
    labels = {"prefect.resource.id": f"prefect.{kind}.{id}", "prefect.resource.role": kind}
    return event(related=[labels])


def done(action: dict[str, Any], **fields: Any) -> Event:
    """Have an action done and return the event that tells it."""
    (task,) = fired(action, **fields)
    error = Attempt.objects.filter(task=ended(task)).values_list("error", flat=True)
    assert ended(task).state == Task.State.DONE, list(error)
    return Event.objects.get(
        event="eventfeed.automation.action.executed", payload__invocation=str(task.id)
    )


def failed(action: dict[str, Any], **fields: Any) -> str:
    (task,) = fired(action, **fields)
    assert ended(task).state == Task.State.FAILED
    return Attempt.objects.get(task=task).error


def test_a_deployment_is_run_with_its_parameters_once(prefect):
    deployment = prefect.deployment()
    told = done(
        {
            "type": "run-deployment",
            "source": "selected",
            "deployment_id": deployment["id"],
            "parameters": {
                "plain": 1,
                "name": "{{ event.resource.name }}",
                "amount": "{{ event.payload.amount }}",
                "all": "{{ event.payload }}",
                "text": "about {{ event.event }}",
                "inside": {"deep": ["{{ firing.count }}"]},
                "template": {"__prefect_kind": "jinja", "template": "{{ event.event }}"},
                "read": {"__prefect_kind": "json", "value": '{"a": [1]}'},
            },
        }
    )
    runs = prefect.post(
        "/flow_runs/filter", flow_runs={"deployment_id": {"any_": [deployment["id"]]}}
    )
    (run,) = runs
    assert run["parameters"] == {
        "plain": 1,
        "name": "Order 42",
        "amount": 12.5,
        "all": {"amount": 12.5},
        "text": "about order.failed",
        "inside": {"deep": [1]},
        "template": "order.failed",
        "read": {"a": [1]},
    }
    assert run["idempotency_key"] == str(Task.objects.get().id)
    related = {one["prefect.resource.role"]: one for one in told.related}
    assert related["flow-run"]["prefect.resource.id"] == f"prefect.flow-run.{run['id']}"
    assert related["target"]["prefect.resource.id"] == f"prefect.deployment.{deployment['id']}"


def test_a_variable_of_the_server_is_a_parameter(prefect):
    deployment = prefect.deployment()
    name = f"v{uuid4().hex[:8]}"
    prefect.post("/variables/", name=name, value={"a": 1})
    parameters = {"a": {"__prefect_kind": "workspace_variable", "variable_name": name}}
    done(
        {"type": "run-deployment", "source": "inferred", "parameters": parameters},
        events=[about("deployment", deployment["id"])],
    )
    (run,) = prefect.post(
        "/flow_runs/filter", flow_runs={"deployment_id": {"any_": [deployment["id"]]}}
    )
    assert run["parameters"] == {"a": {"a": 1}}


def test_a_deployment_is_paused_and_resumed(prefect):
    id = prefect.deployment()["id"]
    done({"type": "pause-deployment", "deployment_id": id})
    assert prefect.get(f"/deployments/{id}")["paused"] is True
    done({"type": "resume-deployment", "deployment_id": id})
    assert prefect.get(f"/deployments/{id}")["paused"] is False


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ({"type": "cancel-flow-run"}, "Cancelling"),
        ({"type": "change-flow-run-state", "state": "FAILED", "name": "Broken"}, "Broken"),
        ({"type": "suspend-flow-run"}, "Suspended"),
    ],
)
def test_the_state_of_a_flow_run_is_changed(action, state, prefect):
    deployment = prefect.deployment()
    run = prefect.post(
        f"/deployments/{deployment['id']}/create_flow_run", state={"type": "PENDING"}
    )
    prefect.post(f"/flow_runs/{run['id']}/set_state", state={"type": "RUNNING"}, force=True)
    told = done(action, events=[about("flow-run", run["id"])])
    assert prefect.state(run) == state
    assert told.related[0]["prefect.resource.id"] == f"prefect.flow-run.{run['id']}"


def test_a_flow_run_is_inferred_from_the_labels_of_its_bucket(prefect):
    run = prefect.flow_run("RUNNING")
    done(
        {"type": "change-flow-run-state", "state": "CRASHED"},
        events=[],
        key={"prefect.resource.id": f"prefect.flow-run.{run['id']}"},
    )
    assert prefect.get(f"/flow_runs/{run['id']}")["state"]["type"] == "CRASHED"


def test_a_suspended_flow_run_is_resumed(prefect):
    deployment = prefect.deployment()
    run = prefect.post(
        f"/deployments/{deployment['id']}/create_flow_run", state={"type": "PENDING"}
    )
    prefect.post(f"/flow_runs/{run['id']}/set_state", state={"type": "RUNNING"}, force=True)
    done({"type": "suspend-flow-run"}, events=[about("flow-run", run["id"])])
    done({"type": "resume-flow-run"}, events=[about("flow-run", run["id"])])
    assert prefect.get(f"/flow_runs/{run['id']}")["state"]["type"] == "SCHEDULED"


def test_a_change_that_the_server_refuses_is_told(prefect):
    run = prefect.flow_run("RUNNING")
    said = failed({"type": "resume-flow-run"}, events=[about("flow-run", run["id"])])
    assert "refused" in said


def test_a_flow_run_is_deleted(prefect):
    run = prefect.flow_run()
    done({"type": "delete-flow-run"}, events=[about("flow-run", run["id"])])
    assert prefect.server.ask("GET", f"/flow_runs/{run['id']}").status_code == 404


def test_work_pools_and_queues_are_paused_and_resumed(prefect):
    name = f"pool {uuid4().hex[:8]}"
    pool = prefect.post("/work_pools/", name=name, type="process")
    for kind, paused in (("pause", True), ("resume", False)):
        done({"type": f"{kind}-work-pool", "work_pool_id": pool["id"]})
        assert prefect.get(f"/work_pools/{name}")["is_paused"] is paused
        queue = pool["default_queue_id"]
        events = [about("work-queue", queue)]
        done({"type": f"{kind}-work-queue", "source": "inferred"}, events=events)
        assert prefect.get(f"/work_queues/{queue}")["is_paused"] is paused


def test_an_automation_of_the_server_is_paused(prefect):
    trigger = {
        "type": "event",
        "posture": "Reactive",
        "expect": ["a"],
        "threshold": 1,
        "within": 0,
        "match": {},
        "match_related": {},
        "for_each": [],
        "after": [],
    }
    told = prefect.post(
        "/automations/", name="one", trigger=trigger, actions=[{"type": "do-nothing"}]
    )
    done({"type": "pause-automation", "automation_id": told["id"], "destination": "Prefect"})
    assert prefect.get(f"/automations/{told['id']}")["enabled"] is False


def test_a_webhook_block_is_called(prefect, receiver, allowed):
    block = prefect.block(
        "webhook", {"url": receiver.url, "method": "PUT", "headers": {"X-Key": "a-key"}}
    )
    told = done(
        {"type": "call-webhook", "block_document_id": block, "payload": "{{ event.event }}"}
    )
    (received,) = receiver.received
    assert (received.method, received.body) == ("PUT", b"order.failed")
    assert received.headers["x-key"] == "a-key"
    assert told.payload["response_body"] == "thank you"
    assert told.related[0]["prefect.resource.role"] == "block"
    assert received.headers["webhook-id"] == str(Task.objects.get().id)
    assert "a-key" not in json.dumps(Task.objects.get().rendered)


@pytest.mark.parametrize(
    ("kind", "slug"),
    [("call-webhook", "webhook"), ("send-notification", "custom-webhook")],
)
def test_a_block_may_go_nowhere_private_although_its_server_may_be(kind, slug, prefect, receiver):
    block = prefect.block(slug, {"name": "a", "url": receiver.url, "method": "POST"})
    said = failed({"type": kind, "block_document_id": block, "subject": "a", "body": "b"})
    assert "EVENTFEED_ALLOWED_DESTINATIONS" in said
    assert not receiver.received


def test_a_notification_block_is_used(prefect, receiver, allowed):
    block = prefect.block(
        "mattermost-webhook",
        {"hostname": "127.0.0.1", "port": receiver.port, "secure": False, "token": "abc"},
    )
    done(
        {
            "type": "send-notification",
            "block_document_id": block,
            "subject": "{{ automation.name }}",
            "body": "{{ event.message }}",
        }
    )
    (received,) = receiver.received
    assert "No stock." in json.loads(received.body)["text"]
    assert received.path == "/hooks/abc"


def test_a_block_says_itself_what_it_sends(prefect, receiver, allowed):
    block = prefect.block(
        "custom-webhook",
        {
            "name": "people",
            "url": f"{receiver.url}/{{{{name}}}}",
            "method": "PUT",
            "params": {"a": "b c"},
            "json_data": {"text": "{{subject}}: {{body}}", "all": ["{{ key }}", "{{other}}"]},
            "headers": {"X-Key": "{{key}}"},
            "cookies": {"c": "d"},
            "secrets": {"key": "a-key"},
        },
    )
    done(
        {
            "type": "send-notification",
            "block_document_id": block,
            "subject": "{{ automation.name }}",
            "body": "{{ event.message }}",
        }
    )
    (received,) = receiver.received
    assert (received.method, received.path) == ("PUT", "/hook/people?a=b+c")
    assert json.loads(received.body) == {
        "text": "Failed orders: No stock.",
        "all": ["a-key", "{{other}}"],
    }
    assert (received.headers["x-key"], received.headers["cookie"]) == ("a-key", "c=d")
    assert "a-key" not in json.dumps(Task.objects.get().rendered)


@pytest.mark.parametrize(
    ("slug", "data", "address"),
    [
        ("slack-webhook", {"url": "https://hooks.slack.com/a"}, "https://hooks.slack.com/a"),
        (
            "pager-duty-webhook",
            {"integration_key": "k", "api_key": "a"},
            "pagerduty://k@a/Prefect/Notification",
        ),
        (
            "opsgenie-webhook",
            {"apikey": "k", "target_user": ["u"], "target_team": ["t"]},
            "opsgenie://k/@u/%23t",
        ),
        ("discord-webhook", {"webhook_id": "1", "webhook_token": "t"}, "discord://1/t"),
        (
            "twilio-sms",
            {
                "account_sid": "s",
                "auth_token": "t",
                "from_phone_number": "+1",
                "to_phone_numbers": ["+2"],
            },
            "twilio://s:t@+1/+2",
        ),
        (
            "sendgrid-email",
            {"api_key": "k", "sender_email": "a@b.c", "to_emails": ["d@e.f"]},
            "sendgrid://k:a@b.c/d@e.f",
        ),
    ],
)
def test_blocks_are_addresses_of_apprise(slug, data, address):
    assert address_of_block({"block_type": {"slug": slug}, "data": data}) == address


def test_a_block_that_is_none_is_said(prefect):
    block = prefect.block("secret", {"value": "a-key"})
    for kind in ("call-webhook", "send-notification"):
        said = failed({"type": kind, "block_document_id": block, "subject": "a", "body": "b"})
        assert "block" in said
        assert "a-key" not in said


def test_a_template_may_ask_the_server(prefect, receiver, allowed):
    run = prefect.flow_run()
    block = prefect.block("webhook", {"url": receiver.url})
    done(
        {
            "type": "call-webhook",
            "block_document_id": block,
            "payload": "{{ flow_run.name }} {{ flow_run.state.name }} {{ deployment.name }}",
        },
        events=[about("flow-run", run["id"])],
    )
    assert receiver.received[0].body.decode() == f"{run['name']} Pending "


@pytest.mark.parametrize(
    ("action", "say"),
    [
        ({"type": "run-deployment", "deployment_id": str(uuid4())}, "404"),
        ({"type": "pause-work-pool", "work_pool_id": str(uuid4())}, "no work pool"),
        ({"type": "cancel-flow-run"}, "flow run"),
        ({"type": "call-webhook", "block_document_id": str(uuid4())}, "404"),
    ],
)
def test_what_the_server_has_not_is_said(action, say, prefect):
    assert say in failed(action)


def test_a_server_is_tried(prefect):
    assert send_test(Destination.objects.get()).error == ""


def test_a_server_is_told_who_asks(transactional_db, receiver):
    save(
        Destination(name="Prefect", kind="prefect", private=True),
        {"url": receiver.url, "key": "admin:word"},
    )
    receiver.answering = answer(200, b"{}")
    done({"type": "pause-deployment", "deployment_id": str(uuid4())})
    (received,) = receiver.received
    assert received.headers["authorization"] == "Basic YWRtaW46d29yZA=="
    assert received.headers["prefect-automation-id"]
