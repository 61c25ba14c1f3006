"""Every event of Prefect's catalogue has its words; the rows are written from Prefect's docs."""

import pytest

from apps.events.words import icons, kind_of, owner_of, system_title, words
from apps.query.outcomes import Outcome

FAILED, COMPLETED, RUNNING, WAITING, INFORMATION = Outcome

ORCHESTRATION = [
    ("prefect.flow-run.Scheduled", "Flow run scheduled", "flow run", WAITING),
    ("prefect.flow-run.Late", "Flow run late", "flow run", WAITING),
    (
        "prefect.flow-run.AwaitingConcurrencySlot",
        "Flow run awaiting concurrency slot",
        "flow run",
        WAITING,
    ),
    ("prefect.flow-run.AwaitingRetry", "Flow run awaiting retry", "flow run", WAITING),
    ("prefect.flow-run.Pending", "Flow run pending", "flow run", WAITING),
    ("prefect.flow-run.Running", "Flow run running", "flow run", RUNNING),
    ("prefect.flow-run.Retrying", "Flow run retrying", "flow run", RUNNING),
    ("prefect.flow-run.Completed", "Flow run completed", "flow run", COMPLETED),
    ("prefect.flow-run.Cached", "Flow run cached", "flow run", COMPLETED),
    ("prefect.flow-run.Failed", "Flow run failed", "flow run", FAILED),
    ("prefect.flow-run.Crashed", "Flow run crashed", "flow run", FAILED),
    ("prefect.flow-run.Cancelling", "Flow run cancelling", "flow run", INFORMATION),
    ("prefect.flow-run.Cancelled", "Flow run cancelled", "flow run", INFORMATION),
    ("prefect.flow-run.Paused", "Flow run paused", "flow run", WAITING),
    ("prefect.flow-run.Suspended", "Flow run suspended", "flow run", WAITING),
    ("prefect.flow-run.heartbeat", "Flow run heartbeat", "flow run", RUNNING),
    ("prefect.task-run.Scheduled", "Task run scheduled", "task run", WAITING),
    ("prefect.task-run.Pending", "Task run pending", "task run", WAITING),
    ("prefect.task-run.Running", "Task run running", "task run", RUNNING),
    ("prefect.task-run.Retrying", "Task run retrying", "task run", RUNNING),
    ("prefect.task-run.AwaitingRetry", "Task run awaiting retry", "task run", WAITING),
    ("prefect.task-run.Completed", "Task run completed", "task run", COMPLETED),
    ("prefect.task-run.Cached", "Task run cached", "task run", COMPLETED),
    ("prefect.task-run.RolledBack", "Task run rolled back", "task run", COMPLETED),
    ("prefect.task-run.Failed", "Task run failed", "task run", FAILED),
    ("prefect.task-run.Crashed", "Task run crashed", "task run", FAILED),
    ("prefect.task-run.Cancelled", "Task run cancelled", "task run", INFORMATION),
    ("prefect.task-run.Paused", "Task run paused", "task run", WAITING),
    ("prefect.flow.created", "Flow created", "flow", INFORMATION),
    ("prefect.flow.updated", "Flow updated", "flow", INFORMATION),
    ("prefect.flow.deleted", "Flow deleted", "flow", INFORMATION),
    ("prefect.deployment.created", "Deployment created", "deployment", INFORMATION),
    ("prefect.deployment.updated", "Deployment updated", "deployment", INFORMATION),
    ("prefect.deployment.deleted", "Deployment deleted", "deployment", INFORMATION),
    ("prefect.deployment.ready", "Deployment ready", "deployment", INFORMATION),
    ("prefect.deployment.not-ready", "Deployment not ready", "deployment", WAITING),
    ("prefect.work-pool.created", "Work pool created", "work pool", INFORMATION),
    ("prefect.work-pool.updated", "Work pool updated", "work pool", INFORMATION),
    ("prefect.work-pool.deleted", "Work pool deleted", "work pool", INFORMATION),
    ("prefect.work-pool.ready", "Work pool ready", "work pool", INFORMATION),
    ("prefect.work-pool.not-ready", "Work pool not ready", "work pool", WAITING),
    ("prefect.work-pool.paused", "Work pool paused", "work pool", WAITING),
    ("prefect.work-queue.created", "Work queue created", "work queue", INFORMATION),
    ("prefect.work-queue.updated", "Work queue updated", "work queue", INFORMATION),
    ("prefect.work-queue.deleted", "Work queue deleted", "work queue", INFORMATION),
    ("prefect.work-queue.ready", "Work queue ready", "work queue", INFORMATION),
    ("prefect.work-queue.not-ready", "Work queue not ready", "work queue", WAITING),
    ("prefect.work-queue.paused", "Work queue paused", "work queue", WAITING),
]
EXECUTION = [
    ("prefect.worker.started", "Worker started", "worker", RUNNING),
    ("prefect.worker.stopped", "Worker stopped", "worker", INFORMATION),
    ("prefect.worker.submitted-flow-run", "Worker submitted flow run", "worker", WAITING),
    ("prefect.worker.executed-flow-run", "Worker executed flow run", "worker", COMPLETED),
    ("prefect.runner.cancelled-flow-run", "Runner cancelled flow run", "runner", INFORMATION),
    ("prefect.log.write", "Log written", "log", INFORMATION),
]
DATA = [
    ("prefect.artifact.created", "Artifact created", "artifact", INFORMATION),
    ("prefect.artifact.updated", "Artifact updated", "artifact", INFORMATION),
    (
        "prefect.artifact-collection.created",
        "Artifact collection created",
        "artifact",
        INFORMATION,
    ),
    (
        "prefect.artifact-collection.updated",
        "Artifact collection updated",
        "artifact",
        INFORMATION,
    ),
    (
        "prefect.artifact-collection.deleted",
        "Artifact collection deleted",
        "artifact",
        INFORMATION,
    ),
    ("prefect.asset.referenced", "Asset referenced", "asset", INFORMATION),
    ("prefect.asset.materialization.succeeded", "Asset materialized", "asset", COMPLETED),
    ("prefect.asset.materialization.failed", "Asset materialization failed", "asset", FAILED),
]
CONCURRENCY = [
    (
        f"prefect.concurrency-limit.{verb}",
        f"Concurrency limit {said}",
        "concurrency limit",
        INFORMATION,
    )
    for verb, said in [
        ("created", "created"),
        ("updated", "updated"),
        ("deleted", "deleted"),
        ("acquired", "acquired"),
        ("released", "released"),
        ("v1.acquired", "acquired"),
        ("v1.released", "released"),
    ]
]
AUTOMATION = [
    ("prefect.automation.created", "Automation created", "automation", INFORMATION),
    ("prefect.automation.updated", "Automation updated", "automation", INFORMATION),
    ("prefect.automation.deleted", "Automation deleted", "automation", INFORMATION),
    ("prefect.automation.triggered", "Automation triggered", "automation", INFORMATION),
    ("prefect.automation.resolved", "Automation resolved", "automation", COMPLETED),
    ("prefect.automation.action.triggered", "Automation action triggered", "automation", RUNNING),
    ("prefect.automation.action.executed", "Automation action executed", "automation", COMPLETED),
    ("prefect.automation.action.failed", "Automation action failed", "automation", FAILED),
]
INFRASTRUCTURE = [
    ("prefect.block.secret.loaded", "Block loaded", "block", INFORMATION),
    ("prefect.block.slack-webhook.loaded", "Block loaded", "block", INFORMATION),
    ("prefect.block.s3-bucket.write_path.called", "Block method called", "block", INFORMATION),
    ("prefect.block.s3-bucket.write_path.failed", "Block method failed", "block", FAILED),
    ("prefect.block-type.created", "Block type created", "block type", INFORMATION),
    ("prefect.block-type.updated", "Block type updated", "block type", INFORMATION),
    ("prefect.block-type.deleted", "Block type deleted", "block type", INFORMATION),
    ("prefect.block-document.created", "Block created", "block", INFORMATION),
    ("prefect.block-document.updated", "Block updated", "block", INFORMATION),
    ("prefect.block-document.deleted", "Block deleted", "block", INFORMATION),
    ("prefect.variable.created", "Variable created", "variable", INFORMATION),
    ("prefect.variable.updated", "Variable updated", "variable", INFORMATION),
    ("prefect.variable.deleted", "Variable deleted", "variable", INFORMATION),
    ("prefect.flow-run.pull-step.executed", "Pull step executed", "flow run", COMPLETED),
    ("prefect.flow-run.pull-step.failed", "Pull step failed", "flow run", FAILED),
    ("prefect.workspace.transfer.started", "Workspace transfer started", "transfer", RUNNING),
    ("prefect.workspace.transfer.completed", "Workspace transfer completed", "transfer", COMPLETED),
]
CLOUD = [
    ("prefect-cloud.account.updated", "Account updated", "account", INFORMATION),
    (
        "prefect-cloud.account-membership.created",
        "Account membership created",
        "account membership",
        INFORMATION,
    ),
    (
        "prefect-cloud.account-invitation.accepted",
        "Account invitation accepted",
        "account invitation",
        INFORMATION,
    ),
    (
        "prefect-cloud.workspace-invitation.rejected",
        "Workspace invitation rejected",
        "workspace invitation",
        INFORMATION,
    ),
    ("prefect-cloud.workspace.created", "Workspace created", "workspace", INFORMATION),
    (
        "prefect-cloud.workspace.transferred-in",
        "Workspace transferred in",
        "workspace",
        INFORMATION,
    ),
    (
        "prefect-cloud.service-account.deleted",
        "Service account deleted",
        "service account",
        INFORMATION,
    ),
    ("prefect-cloud.api-key.rotated", "API key rotated", "API key", INFORMATION),
    ("prefect-cloud.user.logged-in", "User logged in", "user", INFORMATION),
    ("prefect-cloud.user.logged-out", "User logged out", "user", INFORMATION),
    ("prefect-cloud.webhook.received", "Webhook received", "webhook", INFORMATION),
    ("prefect-cloud.webhook.failed", "Webhook failed", "webhook", FAILED),
    ("prefect-cloud.incident.declared", "Incident declared", "incident", FAILED),
    ("prefect-cloud.incident.reopened", "Incident reopened", "incident", FAILED),
    ("prefect-cloud.incident.resolved", "Incident resolved", "incident", COMPLETED),
    ("prefect-cloud.incident.comment.added", "Incident comment added", "incident", INFORMATION),
    (
        "prefect-cloud.incident.updated.start_time",
        "Incident updated start time",
        "incident",
        INFORMATION,
    ),
    ("prefect-cloud.automation.updated", "Automation updated", "automation", INFORMATION),
    ("prefect-cloud.automation.triggered", "Automation triggered", "automation", INFORMATION),
    ("prefect-cloud.automation.resolved", "Automation resolved", "automation", COMPLETED),
    (
        "prefect-cloud.automation.action.triggered",
        "Automation action triggered",
        "automation",
        RUNNING,
    ),
    (
        "prefect-cloud.automation.action.executed",
        "Automation action executed",
        "automation",
        COMPLETED,
    ),
    ("prefect-cloud.automation.action.failed", "Automation action failed", "automation", FAILED),
    (
        "prefect-cloud.automation.action.disabled",
        "Automation action disabled",
        "automation",
        INFORMATION,
    ),
    ("prefect-cloud.managed-execution.used", "Managed execution used", "account", INFORMATION),
    (
        "prefect-cloud.managed-execution.exceeded",
        "Managed execution quota exceeded",
        "account",
        FAILED,
    ),
    ("prefect-cloud.subscription.updated", "Subscription updated", "subscription", INFORMATION),
    (
        "prefect-cloud.request.access-denied.ip-allowlist",
        "Request denied by IP allowlist",
        "account",
        FAILED,
    ),
]
INTEGRATIONS = [
    ("prefect.docker.container.created", "Container created", "container", WAITING),
    ("prefect.docker.container.running", "Container running", "container", RUNNING),
    ("prefect.docker.container.paused", "Container paused", "container", WAITING),
    ("prefect.docker.container.restarting", "Container restarting", "container", RUNNING),
    ("prefect.docker.container.removing", "Container removing", "container", INFORMATION),
    ("prefect.docker.container.exited", "Container exited", "container", INFORMATION),
    ("prefect.docker.container.dead", "Container dead", "container", FAILED),
    ("prefect.docker.container.creation-failed", "Container creation failed", "container", FAILED),
    ("prefect.kubernetes.pod.pending", "Pod pending", "pod", WAITING),
    ("prefect.kubernetes.pod.running", "Pod running", "pod", RUNNING),
    ("prefect.kubernetes.pod.succeeded", "Pod succeeded", "pod", COMPLETED),
    ("prefect.kubernetes.pod.failed", "Pod failed", "pod", FAILED),
    ("prefect.kubernetes.pod.unknown", "Pod unknown", "pod", INFORMATION),
    ("prefect.kubernetes.pod.evicted", "Pod evicted", "pod", FAILED),
    ("prefect.ecs.task.provisioning", "ECS task provisioning", "ECS task", WAITING),
    ("prefect.ecs.task.pending", "ECS task pending", "ECS task", WAITING),
    ("prefect.ecs.task.activating", "ECS task activating", "ECS task", WAITING),
    ("prefect.ecs.task.running", "ECS task running", "ECS task", RUNNING),
    ("prefect.ecs.task.deactivating", "ECS task deactivating", "ECS task", INFORMATION),
    ("prefect.ecs.task.stopping", "ECS task stopping", "ECS task", INFORMATION),
    ("prefect.ecs.task.deprovisioning", "ECS task deprovisioning", "ECS task", INFORMATION),
    ("prefect.ecs.task.stopped", "ECS task stopped", "ECS task", INFORMATION),
    ("prefect.ecs.task.deleted", "ECS task deleted", "ECS task", INFORMATION),
]
ROWS = [
    (group, *row)
    for group, rows in {
        "orchestration": ORCHESTRATION,
        "execution": EXECUTION,
        "data": DATA,
        "concurrency": CONCURRENCY,
        "automation": AUTOMATION,
        "infrastructure": INFRASTRUCTURE,
        "Cloud": CLOUD,
        "integrations": INTEGRATIONS,
    }.items()
    for row in rows
]


@pytest.mark.parametrize(("group", "event", "text", "kind", "outcome"), ROWS)
def test_every_row_of_the_catalogue_is_told(
    group: str, event: str, text: str, kind: str, outcome: Outcome
) -> None:
    told = words(event)
    assert (told.group, told.text, told.kind, told.outcome) == (group, text, kind, outcome)
    assert told.icon in icons()
    assert told.owner == event.partition(".")[0]


@pytest.mark.parametrize(
    ("event", "labels", "text", "outcome"),
    [
        (
            "prefect.flow-run.Quarantined",
            {"prefect.state-type": "FAILED"},
            "Flow run Quarantined",
            FAILED,
        ),
        (
            "prefect.task-run.Waiting for Bob",
            {"prefect.state-type": "PAUSED"},
            "Task run Waiting for Bob",
            WAITING,
        ),
        (
            "prefect.flow-run.v2.5",
            {"prefect.state-type": "COMPLETED"},
            "Flow run v2.5",
            COMPLETED,
        ),
        (
            "prefect.flow-run.Completed",
            {"prefect.state-type": "FAILED"},
            "Flow run completed",
            FAILED,
        ),
        ("prefect.flow-run.Quarantined", {}, "Flow run Quarantined", INFORMATION),
        ("prefect.flow-run.something-new", {}, "Flow run something new", INFORMATION),
    ],
)
def test_a_state_keeps_its_own_name_and_its_type_says_how_it_went(
    event: str, labels: dict[str, str], text: str, outcome: Outcome
) -> None:
    told = words(event, labels)
    assert (told.text, told.outcome) == (text, outcome)


@pytest.mark.parametrize(
    ("event", "resource_id", "text", "kind"),
    [
        ("acme.invoice.paid", "acme.invoice.42", "Invoice paid", "invoice"),
        ("invoice.paid", "acme.invoice.42", "Invoice paid", "invoice"),
        ("acme.billing.invoice.paid", "acme.user.kiki", "Billing invoice paid", "user"),
        ("acme.dataPipeline.run_started", "r1", "Data pipeline run started", "resource"),
        ("backup finished", "s3://bucket/x.parquet", "Backup finished", "resource"),
        ("prefect.new-thing.happened", "prefect.new-thing.7", "New thing happened", "new thing"),
        ("été.café.ouvert", "acme.cafe.1", "Café ouvert", "cafe"),
        ("…", "a.b", "…", "a"),
        ("", "acme.invoice.2026.42", "Unnamed event", "invoice"),
    ],
)
def test_an_unknown_event_is_told_by_its_dotted_parts(
    event: str, resource_id: str, text: str, kind: str
) -> None:
    told = words(event, {"prefect.resource.id": resource_id})
    assert (told.text, told.kind, told.outcome) == (text, kind, INFORMATION)


@pytest.mark.parametrize(
    ("resource_id", "role", "kind"),
    [
        ("prefect.flow-run.adc42fd3", "flow-run", "flow run"),
        ("prefect.concurrency-limit.v1.5", "concurrency-limit", "concurrency limit"),
        ("prefect.kubernetes.pod.uid", None, "pod"),
        ("prefect.tag.production", "tag", "tag"),
        ("prefect-cloud.api-key.7", "actor", "API key"),
        ("s3://bucket/x", "asset-materialized-by", "asset materialized by"),
        ("my-k8s-worker", "worker", "worker"),
    ],
)
def test_a_resource_has_a_kind(resource_id: str, role: str | None, kind: str) -> None:
    assert kind_of(resource_id, role).text == kind


def test_names_have_owners_and_systems_have_titles() -> None:
    assert owner_of("prefect.flow-run.Failed") == "prefect"
    assert owner_of("prefect-cloud.user.created") == "prefect-cloud"
    assert owner_of("prefectural.office.opened") is None
    assert (system_title("prefect-cloud"), system_title("custom")) == ("Prefect Cloud", "custom")
