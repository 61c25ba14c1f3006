"""What Prefect tells now and then: things that are made, changed and deleted, odd states, Cloud."""

from __future__ import annotations

from typing import NamedTuple

from apps.ingest.demo.prefect import Run, context_of, role, tell
from apps.ingest.demo.story import Story
from apps.ingest.demo.world import FLOWS, Labels, known

MADE = ("created", "updated", "deleted")


class Chain(NamedTuple):
    """What happens to one thing, step by step, each following the one before."""

    head: str
    """The name of its events up to the step."""
    name: str
    steps: tuple[str, ...]
    resource: str = ""
    """What its id begins with; its events' head, where nothing is said."""
    in_run: bool = False

    @property
    def labels(self) -> Labels:
        if self.resource.endswith(":"):
            return {
                "prefect.resource.id": f"{self.resource}//{self.name}",
                "prefect.resource.name": self.name,
            }
        kind = (self.resource or self.head).removeprefix("prefect.")
        labels = known(kind, self.name)
        if kind.startswith("prefect-cloud."):
            labels["prefect.resource.id"] = labels["prefect.resource.id"].removeprefix("prefect.")
        return labels


POD, CONTAINER = "prefect.kubernetes.pod", "prefect.docker.container"
CHAINS = (
    Chain("prefect.artifact", "orders-report", ("created", "updated"), in_run=True),
    Chain("prefect.artifact-collection", "orders-report", MADE),
    Chain(
        "prefect.asset",
        "acme-lake/sessions",
        ("referenced", "materialization.failed"),
        "s3:",
        in_run=True,
    ),
    Chain("prefect.automation", "Restart what is late", ("created", "updated", "resolved")),
    Chain("prefect.automation", "Pause on three failures", ("created", "deleted")),
    Chain("prefect.block-document", "acme-lake", MADE),
    Chain("prefect.block-type", "S3 bucket", MADE),
    Chain("prefect.block.s3-bucket", "acme-lake", ("called", "failed"), "prefect.block-document"),
    Chain("prefect.concurrency-limit", "crm-api", MADE),
    Chain(
        "prefect.concurrency-limit.v1",
        "warehouse",
        ("acquired", "released"),
        "prefect.concurrency-limit",
    ),
    Chain(
        "prefect.deployment",
        "inventory-check/canary",
        ("created", "ready", "not-ready", "deleted"),
    ),
    Chain(
        CONTAINER,
        "amber-otter",
        ("created", "running", "paused", "restarting", "exited", "removing", "dead"),
        in_run=True,
    ),
    Chain(CONTAINER, "silver-yak", ("creation-failed",), in_run=True),
    Chain(
        "prefect.ecs.task",
        "eager-heron",
        (
            "provisioning",
            "pending",
            "activating",
            "running",
            "deactivating",
            "stopping",
            "deprovisioning",
            "stopped",
            "deleted",
        ),
        in_run=True,
    ),
    Chain("prefect.flow", "stock-forecast", MADE),
    Chain(
        "prefect.flow-run.pull-step",
        "git_clone",
        ("executed", "failed"),
        "prefect.flow-run",
        in_run=True,
    ),
    Chain(POD, "keen-ibis-x1k2p", ("pending", "running", "succeeded"), in_run=True),
    Chain(POD, "calm-wombat-7qzr4", ("pending", "running", "evicted", "failed"), in_run=True),
    Chain(POD, "jolly-gecko-m20dd", ("unknown",), in_run=True),
    Chain("prefect.log", "prefect.flow_runs", ("write",), "prefect.flow-run", in_run=True),
    Chain("prefect.runner", "local-runner", ("cancelled-flow-run",), in_run=True),
    Chain("prefect.variable", "cutoff_date", MADE),
    Chain("prefect.work-pool", "spot-pool", ("created", "paused", "updated", "deleted")),
    Chain(
        "prefect.work-queue",
        "backfill",
        ("created", "not-ready", "ready", "paused", "updated", "deleted"),
    ),
    Chain("prefect.worker", "dockerworker-etl", ("started", "stopped")),
    Chain("prefect.workspace.transfer", "sandbox", ("started", "completed"), "prefect.workspace"),
    Chain(
        "prefect-cloud.automation",
        "Tell #data-alerts of failures",
        (
            "triggered",
            "action.triggered",
            "action.failed",
            "action.executed",
            "resolved",
            "action.disabled",
        ),
    ),
    Chain("prefect-cloud.incident", "Late orders", ("declared", "resolved", "reopened")),
    Chain(
        "prefect-cloud.managed-execution", "acme", ("used", "exceeded"), "prefect-cloud.workspace"
    ),
    Chain(
        "prefect-cloud.request",
        "acme",
        ("access-denied.ip-allowlist",),
        "prefect-cloud.account",
    ),
    Chain("prefect-cloud.webhook", "crm-changes", ("received", "failed")),
    Chain("prefect-cloud.api-key", "ci", ("created",)),
)
ODD_STATES = {
    "flow-run": (
        *("Scheduled", "AwaitingConcurrencySlot", "Pending", "Running", "Paused", "Suspended"),
        *("Running", "Completed"),
    ),
    "task-run": ("Pending", "Running", "Completed", "RolledBack"),
}


def chain(story: Story, of: Chain) -> None:
    """Tell each step of what happens to a thing."""
    flow = story.rng.choice(FLOWS)
    run = Run(story, "flow-run", story.some_name(), ())
    related = [role(run.labels, "flow-run"), *context_of(flow)] if of.in_run else []
    last = None
    for step in of.steps:
        told = tell(story, f"{of.head}.{step}", of.labels, *related, follows=last)
        last = told["id"]
        story.wait(3)


def odd_run(story: Story, kind: str) -> None:
    """A run that waits for a slot, is paused and suspended, or is rolled back."""
    run = Run(story, kind, story.some_name(), context_of(story.rng.choice(FLOWS)))
    for state in ODD_STATES[kind]:
        run.enter(state)
        story.wait(4)
