"""Prefect on the demo's platform: deployments that run, workers, automations, invoices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from apps.ingest.adapters.prefect.catalogue import STATES
from apps.ingest.demo.story import Message, Story
from apps.ingest.demo.world import FLOWS, POOLS, Flow, Labels, known

HEARTBEAT_SECONDS = 30.0
OUT_OF_MEMORY = (
    "Flow run infrastructure exited with non-zero status code 137. This usually means that it ran "
    "out of memory."
)


@dataclass
class Run:
    """A flow run or task run that passes through its states."""

    story: Story
    kind: str
    name: str
    related: Sequence[Labels]
    extra: Labels = field(default_factory=dict)
    count: int = 0
    last: Message | None = None
    began: float | None = None

    def __post_init__(self) -> None:
        self.id = f"prefect.{self.kind}.{self.story.some_id()}"

    @property
    def labels(self) -> Labels:
        return {"prefect.resource.id": self.id, "prefect.resource.name": self.name}

    def enter(self, state: str, message: str = "") -> Message:
        """Tell that the run enters a state, following the one before."""
        before = self.state_before()
        if state in ("Running", "Retrying"):
            self.count += 1
            self.began = self.began or self.story.at
        entered = {"type": STATES[state], "name": state, "message": message}
        labels = self.labels | {
            "prefect.run-count": str(self.count),
            "prefect.state-message": message,
            "prefect.state-name": state,
            "prefect.state-type": STATES[state],
        }
        self.last = tell(
            self.story,
            f"prefect.{self.kind}.{state}",
            labels | self.extra,
            *self.related,
            payload={
                "intended": {"from": before and before["type"], "to": entered["type"]},
                "initial_state": before,
                "validated_state": entered,
                self.kind.replace("-", "_"): self.facts(),
            },
            follows=self.last["id"] if self.last else None,
        )
        return self.last

    def facts(self) -> Message:
        return {
            "name": self.name,
            "run_count": self.count,
            "total_run_time": round(self.story.at - self.began, 3) if self.began else 0.0,
        }

    def state_before(self) -> Message | None:
        return self.last["payload"]["validated_state"] if self.last else None


def tell(
    story: Story,
    event: str,
    resource: Labels,
    *related: Labels,
    payload: Message | None = None,
    follows: str | None = None,
) -> Message:
    """Tell an event as Prefect's client sends it."""
    occurred = story.now.isoformat()
    if "prefect.state-name" in resource:
        resource = resource | {"prefect.state-timestamp": occurred}
    message = {
        "id": story.some_id(),
        "occurred": occurred,
        "event": event,
        "resource": resource,
        "related": list(related),
        "payload": payload or {},
        "follows": follows,
    }
    story.say("prefect", [message])
    return message


def role(labels: Labels, name: str) -> Labels:
    return labels | {"prefect.resource.role": name}


def scheduled_run(story: Story) -> None:
    """A deployment's run from its schedule to its end, by a worker."""
    rng, flow = story.rng, story.rng.choice(FLOWS)
    run = Run(story, "flow-run", story.some_name(), context_of(flow))
    run.enter("Scheduled")
    story.wait(4)
    if story.chance(0.06):
        run.enter("Late")
        story.wait(12)
    run.enter("Pending")
    submitted = worker_says(story, "submitted", flow, run)
    if flow.pool.type == "kubernetes":
        pod_starts(story, run)
    if story.chance(0.03):
        story.wait(5)
        run.enter("Crashed", OUT_OF_MEMORY)
        return
    story.wait(1.5)
    run.enter("Running")
    started = story.at
    error = do_tasks(story, flow, run)
    beat(story, run, since=started)
    story.wait(0.3)
    ended = finish(story, flow, run, error)
    story.wait(0.5)
    worker_says(story, "executed", flow, run, follows=submitted["id"])
    if STATES[ended["resource"]["prefect.state-name"]] in ("FAILED", "CRASHED"):
        notify(story, ended)
    elif flow.asset and story.chance(0.8):
        materialize(story, flow, run, rng.randrange(900, 250_000))


def context_of(flow: Flow) -> list[Labels]:
    return [
        role(flow.labels, "flow"),
        role(flow.deployment_labels, "deployment"),
        role(flow.queue_labels, "work-queue"),
        role(flow.pool.labels, "work-pool"),
        role(flow.tag_labels, "tag"),
    ]


def do_tasks(story: Story, flow: Flow, run: Run) -> str | None:
    """Run the flow's tasks; return the error that stopped them, if one did."""
    for name in flow.tasks:
        if story.chance(0.1):
            load_block(story, run)
        if error := do_task(story, flow, run, name):
            return error
    return None


def do_task(story: Story, flow: Flow, run: Run, name: str) -> str | None:
    task = Run(
        story,
        "task-run",
        f"{name}-{story.rng.randrange(16**3):03x}",
        [role(run.labels, "flow-run"), *context_of(flow)],
        {"prefect.orchestration": "client"},
    )
    task.enter("Pending")
    story.wait(0.1)
    if story.chance(0.05):
        task.enter("Cached")
        return None
    task.enter("Running")
    story.wait(flow.task_seconds)
    if story.chance(0.07):
        error = story.rng.choice(flow.errors)
        task.enter("AwaitingRetry", f"Task run encountered an exception {error}")
        story.wait(3)
        task.enter("Retrying")
        story.wait(flow.task_seconds)
        if story.chance(0.45):
            task.enter("Failed", f"Task run encountered an exception {error}")
            return error
    task.enter("Completed")
    return None


def finish(story: Story, flow: Flow, run: Run, error: str | None) -> Message:
    if error:
        return run.enter("Failed", f"Flow run encountered an exception: {error}")
    if story.chance(0.02):
        run.enter("Cancelling")
        story.wait(2)
        return run.enter("Cancelled", "Cancelled by dana@acme.com")
    if story.chance(0.02):
        return run.enter("Crashed", OUT_OF_MEMORY)
    return run.enter("Completed", "All states completed.")


def beat(story: Story, run: Run, *, since: float) -> None:
    """Tell the heartbeats that the run sent meanwhile."""
    ended, last = story.at, None
    while since + HEARTBEAT_SECONDS < ended:
        since = story.at = since + HEARTBEAT_SECONDS
        last = tell(
            story,
            "prefect.flow-run.heartbeat",
            run.labels | {"prefect.version": "3.8.8"},
            *run.related,
            follows=last["id"] if last else None,
        )
    story.at = ended


def worker_says(
    story: Story, what: str, flow: Flow, run: Run, follows: str | None = None
) -> Message:
    slug = f"{flow.pool.type}worker-{flow.pool.name}"
    return tell(
        story,
        f"prefect.worker.{what}-flow-run",
        {
            "prefect.resource.id": f"prefect.worker.{flow.pool.type}.{slug}",
            "prefect.resource.name": slug,
            "prefect.version": "3.8.8",
            "prefect.worker-type": flow.pool.type,
        },
        role(run.labels | {"prefect.infrastructure.identifier": f"{run.name}:1"}, "flow-run"),
        *context_of(flow),
        follows=follows,
    )


def pod_starts(story: Story, run: Run) -> None:
    pod = {
        "prefect.resource.id": f"prefect.kubernetes.pod.{story.some_id()}",
        "prefect.resource.name": f"{run.name}-{story.rng.randrange(16**5):05x}",
        "kubernetes.namespace": "prefect-jobs",
    }
    related = [role(run.labels, "flow-run"), *run.related]
    last = None
    for phase, seconds in (("pending", 2.0), ("running", 0.5)):
        story.wait(seconds)
        told = tell(story, f"prefect.kubernetes.pod.{phase}", pod, *related, follows=last)
        last = told["id"]


def load_block(story: Story, run: Run) -> None:
    slug, name = story.rng.choice([("secret", "crm-api-key"), ("s3-bucket", "acme-lake")])
    tell(
        story,
        f"prefect.block.{slug}.loaded",
        known("block-document", name),
        role({"prefect.resource.id": f"prefect.block-type.{slug}"}, "block-type"),
        role(run.labels, "flow-run"),
    )


def materialize(story: Story, flow: Flow, run: Run, rows: int) -> None:
    tell(
        story,
        "prefect.asset.materialization.succeeded",
        {"prefect.resource.id": str(flow.asset), "prefect.resource.name": str(flow.asset)},
        role(run.labels, "flow-run"),
        *run.related,
        payload={"rows": rows, "bytes": rows * story.rng.randrange(80, 300)},
    )


def notify(story: Story, failure: Message) -> None:
    """The automation that tells people of a failed run."""
    automation = known("automation", "Tell #data-alerts of failures")
    cause = {
        "prefect.resource.id": f"prefect.event.{failure['id']}",
        "prefect.resource.role": "triggering-event",
    }
    invocation = {
        "action_index": 0,
        "action_type": "send-notification",
        "invocation": story.some_id(),
    }
    story.wait(0.3)
    fired = tell(
        story,
        "prefect.automation.triggered",
        automation | {"prefect.posture": "Reactive"},
        cause,
        payload={"triggering_labels": {}, "triggering_event": dict(failure)},
    )
    related = [
        {
            "prefect.resource.id": f"prefect.event.{fired['id']}",
            "prefect.resource.role": "automation-triggered-event",
        },
        cause,
    ]
    act = automation | {"prefect.trigger-type": "event", "prefect.posture": "Reactive"}
    action = tell(
        story,
        "prefect.automation.action.triggered",
        act,
        *related,
        payload=invocation,
        follows=failure["id"],
    )
    story.wait(0.4)
    outcome, answer = (
        ("failed", {"reason": "hooks.slack.com answered 503 Service Unavailable"})
        if story.chance(0.1)
        else ("executed", {"status_code": 200})
    )
    tell(
        story,
        f"prefect.automation.action.{outcome}",
        act,
        *related,
        payload=invocation | answer,
        follows=action["id"],
    )


def paid_invoice(story: Story) -> None:
    """The company's own events, about its own things."""
    number, customer = story.rng.randrange(10_000, 99_999), story.rng.randrange(1, 400)
    invoice = {
        "prefect.resource.id": f"acme.invoice.{number}",
        "prefect.resource.name": f"Invoice {number}",
    }
    payer = {
        "prefect.resource.id": f"acme.customer.{customer}",
        "prefect.resource.role": "customer",
        "prefect.resource.name": f"Customer {customer}",
    }
    payload = {
        "amount": round(story.rng.lognormvariate(4.5, 1), 2),
        "currency": story.rng.choice(["EUR", "EUR", "USD", "GBP"]),
    }
    sent = tell(story, "acme.invoice.sent", invoice, payer, payload=payload)
    story.wait(40)
    how = story.rng.choice(["card", "transfer", "direct debit"])
    paid = payload | {"method": how}
    tell(story, "acme.invoice.paid", invoice, payer, payload=paid, follows=sent["id"])


def changed_deployment(story: Story) -> None:
    limit = story.rng.randrange(2, 9)
    changes: list[Message] = [
        {"concurrency_limit": {"from": limit, "to": limit * 2}},
        {"paused": {"from": False, "to": True}},
    ]
    update_deployment(story, story.rng.choice(changes))


def deployed(story: Story, *, version: str) -> None:
    """A new version of a flow, as its release deploys it."""
    update_deployment(story, {"version": {"from": story.some_hex(7), "to": version}})


def update_deployment(story: Story, change: Message) -> None:
    flow = story.rng.choice(FLOWS)
    tell(
        story,
        "prefect.deployment.updated",
        flow.deployment_labels,
        role(flow.labels, "flow"),
        role(flow.pool.labels, "work-pool"),
        payload={"updated_fields": list(change), "updates": change},
    )


def unready_pool(story: Story) -> None:
    pool = story.rng.choice(POOLS)
    queue = role(known("work-queue", "default", f"{pool.name}/default"), "default-queue")
    lost = tell(story, "prefect.work-pool.not-ready", pool.labels, queue)
    story.wait(45)
    tell(story, "prefect.work-pool.ready", pool.labels, queue, follows=lost["id"])


def limited_slot(story: Story) -> None:
    limit = known("concurrency-limit", "warehouse-connections") | {
        "slots-acquired": "1",
        "limit": "8",
    }
    acquired = tell(story, "prefect.concurrency-limit.acquired", limit)
    story.wait(6)
    tell(story, "prefect.concurrency-limit.released", limit, follows=acquired["id"])


def changed_variable(story: Story) -> None:
    variable = known("variable", "batch_size")
    payload = {
        "name": "batch_size",
        "value": story.rng.choice([500, 1000, 2000]),
        "tags": ["tuning"],
    }
    tell(story, "prefect.variable.updated", variable, payload=payload)
