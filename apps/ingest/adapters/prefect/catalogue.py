"""The events that Prefect, Prefect Cloud and their integrations send, in words.

In the groups of Prefect's own reference (docs/v3/api-ref/events in PrefectHQ/prefect). Custom
states, block methods and the audit log have names without end; rules find their words.
"""

from collections.abc import Mapping
from functools import lru_cache

from apps.events.words import Kind, Rule, Words, kind_of, register, sentence_case, spelled
from apps.query.outcomes import Outcome

FAILED, COMPLETED, RUNNING = Outcome.FAILED, Outcome.COMPLETED, Outcome.RUNNING
WAITING, INFORMATION = Outcome.WAITING, Outcome.INFORMATION

FLOW = Kind("flow", "flow")
FLOW_RUN = Kind("flow run", "play")
TASK_RUN = Kind("task run", "cog")
DEPLOYMENT = Kind("deployment", "rocket")
WORK_POOL = Kind("work pool", "server")
WORK_QUEUE = Kind("work queue", "list")
WORKER = Kind("worker", "worker")
RUNNER = Kind("runner", "worker")
VARIABLE = Kind("variable", "key")
BLOCK = Kind("block", "box")
BLOCK_TYPE = Kind("block type", "box")
BLOCK_SCHEMA = Kind("block schema", "box")
ARTIFACT = Kind("artifact", "package")
COLLECTION = Kind("artifact", "package")
ASSET = Kind("asset", "database")
LIMIT = Kind("concurrency limit", "gauge")
AUTOMATION = Kind("automation", "zap")
TRANSFER = Kind("transfer", "transfer")
CONTAINER = Kind("container", "container")
POD = Kind("pod", "container")
ECS_TASK = Kind("ECS task", "container")
LOG = Kind("log", "log")
TAG = Kind("tag", "circle")
EVENT = Kind("event", "circle")
WEBHOOK = Kind("webhook", "cloud")
INCIDENT = Kind("incident", "cloud")
ACCOUNT = Kind("account", "cloud")
# The audit log speaks of any type: the resource's own id says which.
CLOUD = Kind("", "cloud")

KINDS = {
    "prefect.flow": FLOW,
    "prefect.flow-run": FLOW_RUN,
    "prefect.task-run": TASK_RUN,
    "prefect.deployment": DEPLOYMENT,
    "prefect.work-pool": WORK_POOL,
    "prefect.work-queue": WORK_QUEUE,
    "prefect.worker": WORKER,
    "prefect.runner": RUNNER,
    "prefect.variable": VARIABLE,
    "prefect.block-document": BLOCK,
    "prefect.block-type": BLOCK_TYPE,
    "prefect.block-schema": BLOCK_SCHEMA,
    "prefect.artifact": ARTIFACT,
    "prefect.artifact-collection": COLLECTION,
    "prefect.asset": ASSET,
    "prefect.concurrency-limit": LIMIT,
    "prefect.automation": AUTOMATION,
    "prefect.workspace.transfer": TRANSFER,
    "prefect.docker.container": CONTAINER,
    "prefect.kubernetes.pod": POD,
    "prefect.ecs.task": ECS_TASK,
    "prefect.log": LOG,
    "prefect.tag": TAG,
    "prefect.event": EVENT,
    "prefect-cloud": CLOUD,
}

STATE_TYPES = {
    "SCHEDULED": WAITING,
    "PENDING": WAITING,
    "RUNNING": RUNNING,
    "COMPLETED": COMPLETED,
    "FAILED": FAILED,
    "CRASHED": FAILED,
    # Somebody wanted it so: neither a failure nor a success.
    "CANCELLING": INFORMATION,
    "CANCELLED": INFORMATION,
    "PAUSED": WAITING,
}

STATES = {
    "Scheduled": "SCHEDULED",
    "Late": "SCHEDULED",
    "AwaitingConcurrencySlot": "SCHEDULED",
    "AwaitingRetry": "SCHEDULED",
    "Pending": "PENDING",
    "Running": "RUNNING",
    "Retrying": "RUNNING",
    "Completed": "COMPLETED",
    "Cached": "COMPLETED",
    "RolledBack": "COMPLETED",
    "Failed": "FAILED",
    "Crashed": "CRASHED",
    "Cancelling": "CANCELLING",
    "Cancelled": "CANCELLED",
    "Paused": "PAUSED",
    "Suspended": "PAUSED",
}


def run_state(prefix: str, group: str, kind: Kind) -> Rule:
    """Tell a run's state: the name as Prefect or its user gave it, the outcome by its type."""

    @lru_cache(maxsize=1024)
    def told(name: str, state_type: str) -> Words:
        is_custom = name not in STATES and (state_type or not name.islower())
        state = name if is_custom else spelled(name)
        outcome = STATE_TYPES.get(state_type, INFORMATION)
        return row(f"{sentence_case(kind.text)} {state}", group, kind, outcome)

    def rule(event: str, resource: Mapping[str, str]) -> Words:
        name = event.removeprefix(prefix)
        return told(name, resource.get("prefect.state-type") or STATES.get(name, ""))

    return rule


def audit(event: str, resource: Mapping[str, str]) -> Words:
    """Tell an entry of Cloud's audit log, `prefect-cloud.{type}.{action}`."""
    text = sentence_case(spelled(event.partition(".")[2]))
    resource_id = resource.get("prefect.resource.id")
    kind = kind_of(resource_id) if resource_id else Kind(spelled(event.split(".")[1]), CLOUD.icon)
    return row(text, "Cloud", kind, INFORMATION, owner="prefect-cloud")


def row(text: str, group: str, kind: Kind, outcome: Outcome, owner: str = "prefect") -> Words:
    return Words(text, group, kind.text, kind.icon, outcome, owner)


Rows = dict[str, tuple[str, Kind, Outcome] | Rule]

ORCHESTRATION: Rows = {
    "prefect.flow-run.*": run_state("prefect.flow-run.", "orchestration", FLOW_RUN),
    "prefect.flow-run.heartbeat": ("Flow run heartbeat", FLOW_RUN, RUNNING),
    "prefect.task-run.*": run_state("prefect.task-run.", "orchestration", TASK_RUN),
    "prefect.flow.created": ("Flow created", FLOW, INFORMATION),
    "prefect.flow.updated": ("Flow updated", FLOW, INFORMATION),
    "prefect.flow.deleted": ("Flow deleted", FLOW, INFORMATION),
    "prefect.deployment.created": ("Deployment created", DEPLOYMENT, INFORMATION),
    "prefect.deployment.updated": ("Deployment updated", DEPLOYMENT, INFORMATION),
    "prefect.deployment.deleted": ("Deployment deleted", DEPLOYMENT, INFORMATION),
    "prefect.deployment.ready": ("Deployment ready", DEPLOYMENT, INFORMATION),
    "prefect.deployment.not-ready": ("Deployment not ready", DEPLOYMENT, WAITING),
    "prefect.work-pool.created": ("Work pool created", WORK_POOL, INFORMATION),
    "prefect.work-pool.updated": ("Work pool updated", WORK_POOL, INFORMATION),
    "prefect.work-pool.deleted": ("Work pool deleted", WORK_POOL, INFORMATION),
    "prefect.work-pool.ready": ("Work pool ready", WORK_POOL, INFORMATION),
    "prefect.work-pool.not-ready": ("Work pool not ready", WORK_POOL, WAITING),
    "prefect.work-pool.paused": ("Work pool paused", WORK_POOL, WAITING),
    "prefect.work-queue.created": ("Work queue created", WORK_QUEUE, INFORMATION),
    "prefect.work-queue.updated": ("Work queue updated", WORK_QUEUE, INFORMATION),
    "prefect.work-queue.deleted": ("Work queue deleted", WORK_QUEUE, INFORMATION),
    "prefect.work-queue.ready": ("Work queue ready", WORK_QUEUE, INFORMATION),
    "prefect.work-queue.not-ready": ("Work queue not ready", WORK_QUEUE, WAITING),
    "prefect.work-queue.paused": ("Work queue paused", WORK_QUEUE, WAITING),
}

EXECUTION: Rows = {
    "prefect.worker.started": ("Worker started", WORKER, RUNNING),
    "prefect.worker.stopped": ("Worker stopped", WORKER, INFORMATION),
    "prefect.worker.submitted-flow-run": ("Worker submitted flow run", WORKER, WAITING),
    "prefect.worker.executed-flow-run": ("Worker executed flow run", WORKER, COMPLETED),
    "prefect.runner.cancelled-flow-run": ("Runner cancelled flow run", RUNNER, INFORMATION),
    "prefect.log.write": ("Log written", LOG, INFORMATION),
}

DATA: Rows = {
    "prefect.artifact.created": ("Artifact created", ARTIFACT, INFORMATION),
    "prefect.artifact.updated": ("Artifact updated", ARTIFACT, INFORMATION),
    "prefect.artifact-collection.created": ("Artifact collection created", COLLECTION, INFORMATION),
    "prefect.artifact-collection.updated": ("Artifact collection updated", COLLECTION, INFORMATION),
    "prefect.artifact-collection.deleted": ("Artifact collection deleted", COLLECTION, INFORMATION),
    "prefect.asset.referenced": ("Asset referenced", ASSET, INFORMATION),
    "prefect.asset.materialization.succeeded": ("Asset materialized", ASSET, COMPLETED),
    "prefect.asset.materialization.failed": ("Asset materialization failed", ASSET, FAILED),
}

CONCURRENCY: Rows = {
    "prefect.concurrency-limit.created": ("Concurrency limit created", LIMIT, INFORMATION),
    "prefect.concurrency-limit.updated": ("Concurrency limit updated", LIMIT, INFORMATION),
    "prefect.concurrency-limit.deleted": ("Concurrency limit deleted", LIMIT, INFORMATION),
    "prefect.concurrency-limit.acquired": ("Concurrency limit acquired", LIMIT, INFORMATION),
    "prefect.concurrency-limit.released": ("Concurrency limit released", LIMIT, INFORMATION),
    "prefect.concurrency-limit.v1.acquired": ("Concurrency limit acquired", LIMIT, INFORMATION),
    "prefect.concurrency-limit.v1.released": ("Concurrency limit released", LIMIT, INFORMATION),
}

AUTOMATIONS: Rows = {
    "prefect.automation.created": ("Automation created", AUTOMATION, INFORMATION),
    "prefect.automation.updated": ("Automation updated", AUTOMATION, INFORMATION),
    "prefect.automation.deleted": ("Automation deleted", AUTOMATION, INFORMATION),
    "prefect.automation.triggered": ("Automation triggered", AUTOMATION, INFORMATION),
    "prefect.automation.resolved": ("Automation resolved", AUTOMATION, COMPLETED),
    "prefect.automation.action.triggered": ("Automation action triggered", AUTOMATION, RUNNING),
    "prefect.automation.action.executed": ("Automation action executed", AUTOMATION, COMPLETED),
    "prefect.automation.action.failed": ("Automation action failed", AUTOMATION, FAILED),
}

INFRASTRUCTURE: Rows = {
    "prefect.block.*.loaded": ("Block loaded", BLOCK, INFORMATION),
    "prefect.block.*.called": ("Block method called", BLOCK, INFORMATION),
    "prefect.block.*.failed": ("Block method failed", BLOCK, FAILED),
    "prefect.block-type.created": ("Block type created", BLOCK_TYPE, INFORMATION),
    "prefect.block-type.updated": ("Block type updated", BLOCK_TYPE, INFORMATION),
    "prefect.block-type.deleted": ("Block type deleted", BLOCK_TYPE, INFORMATION),
    "prefect.block-document.created": ("Block created", BLOCK, INFORMATION),
    "prefect.block-document.updated": ("Block updated", BLOCK, INFORMATION),
    "prefect.block-document.deleted": ("Block deleted", BLOCK, INFORMATION),
    "prefect.variable.created": ("Variable created", VARIABLE, INFORMATION),
    "prefect.variable.updated": ("Variable updated", VARIABLE, INFORMATION),
    "prefect.variable.deleted": ("Variable deleted", VARIABLE, INFORMATION),
    "prefect.flow-run.pull-step.executed": ("Pull step executed", FLOW_RUN, COMPLETED),
    "prefect.flow-run.pull-step.failed": ("Pull step failed", FLOW_RUN, FAILED),
    "prefect.workspace.transfer.started": ("Workspace transfer started", TRANSFER, RUNNING),
    "prefect.workspace.transfer.completed": ("Workspace transfer completed", TRANSFER, COMPLETED),
}

PREFECT_CLOUD: Rows = {
    "prefect-cloud.*": audit,
    "prefect-cloud.webhook.received": ("Webhook received", WEBHOOK, INFORMATION),
    "prefect-cloud.webhook.failed": ("Webhook failed", WEBHOOK, FAILED),
    "prefect-cloud.incident.declared": ("Incident declared", INCIDENT, FAILED),
    "prefect-cloud.incident.reopened": ("Incident reopened", INCIDENT, FAILED),
    "prefect-cloud.incident.resolved": ("Incident resolved", INCIDENT, COMPLETED),
    "prefect-cloud.automation.triggered": ("Automation triggered", AUTOMATION, INFORMATION),
    "prefect-cloud.automation.resolved": ("Automation resolved", AUTOMATION, COMPLETED),
    "prefect-cloud.automation.action.triggered": (
        "Automation action triggered",
        AUTOMATION,
        RUNNING,
    ),
    "prefect-cloud.automation.action.executed": (
        "Automation action executed",
        AUTOMATION,
        COMPLETED,
    ),
    "prefect-cloud.automation.action.failed": ("Automation action failed", AUTOMATION, FAILED),
    "prefect-cloud.automation.action.disabled": (
        "Automation action disabled",
        AUTOMATION,
        INFORMATION,
    ),
    "prefect-cloud.managed-execution.used": ("Managed execution used", ACCOUNT, INFORMATION),
    "prefect-cloud.managed-execution.exceeded": (
        "Managed execution quota exceeded",
        ACCOUNT,
        FAILED,
    ),
    "prefect-cloud.request.access-denied.ip-allowlist": (
        "Request denied by IP allowlist",
        ACCOUNT,
        FAILED,
    ),
}

INTEGRATIONS: Rows = {
    "prefect.docker.container.created": ("Container created", CONTAINER, WAITING),
    "prefect.docker.container.running": ("Container running", CONTAINER, RUNNING),
    "prefect.docker.container.paused": ("Container paused", CONTAINER, WAITING),
    "prefect.docker.container.restarting": ("Container restarting", CONTAINER, RUNNING),
    "prefect.docker.container.removing": ("Container removing", CONTAINER, INFORMATION),
    # With any exit code: the run's own event says how it went.
    "prefect.docker.container.exited": ("Container exited", CONTAINER, INFORMATION),
    "prefect.docker.container.dead": ("Container dead", CONTAINER, FAILED),
    "prefect.docker.container.creation-failed": ("Container creation failed", CONTAINER, FAILED),
    "prefect.kubernetes.pod.pending": ("Pod pending", POD, WAITING),
    "prefect.kubernetes.pod.running": ("Pod running", POD, RUNNING),
    "prefect.kubernetes.pod.succeeded": ("Pod succeeded", POD, COMPLETED),
    "prefect.kubernetes.pod.failed": ("Pod failed", POD, FAILED),
    "prefect.kubernetes.pod.unknown": ("Pod unknown", POD, INFORMATION),
    "prefect.kubernetes.pod.evicted": ("Pod evicted", POD, FAILED),
    "prefect.ecs.task.provisioning": ("ECS task provisioning", ECS_TASK, WAITING),
    "prefect.ecs.task.pending": ("ECS task pending", ECS_TASK, WAITING),
    "prefect.ecs.task.activating": ("ECS task activating", ECS_TASK, WAITING),
    "prefect.ecs.task.running": ("ECS task running", ECS_TASK, RUNNING),
    "prefect.ecs.task.deactivating": ("ECS task deactivating", ECS_TASK, INFORMATION),
    "prefect.ecs.task.stopping": ("ECS task stopping", ECS_TASK, INFORMATION),
    "prefect.ecs.task.deprovisioning": ("ECS task deprovisioning", ECS_TASK, INFORMATION),
    "prefect.ecs.task.stopped": ("ECS task stopped", ECS_TASK, INFORMATION),
    "prefect.ecs.task.deleted": ("ECS task deleted", ECS_TASK, INFORMATION),
}

GROUPS = {
    "orchestration": ORCHESTRATION,
    "execution": EXECUTION,
    "data": DATA,
    "concurrency": CONCURRENCY,
    "automation": AUTOMATIONS,
    "infrastructure": INFRASTRUCTURE,
    "integrations": INTEGRATIONS,
}


def register_prefect() -> None:
    """Put the catalogue into the registry of words."""
    prefect = {}
    for group, rows in GROUPS.items():
        prefect.update(table(rows, group, owner="prefect"))
    register(prefect, system="prefect", title="Prefect", prefixes=["prefect"], kinds=KINDS)
    register(
        table(PREFECT_CLOUD, "Cloud", owner="prefect-cloud"),
        system="prefect-cloud",
        title="Prefect Cloud",
        prefixes=["prefect-cloud"],
    )


def table(rows: Rows, group: str, *, owner: str) -> dict[str, Words | Rule]:
    return {
        name: entry if callable(entry) else row(entry[0], group, entry[1], entry[2], owner)
        for name, entry in rows.items()
    }
