"""Flink on the demo's platform: a job that enriches orders, told by its OpenTelemetry reporter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from apps.ingest.demo import webhooks
from apps.ingest.demo.lake import ORDERS, ORDERS_ENRICHED
from apps.ingest.demo.openlineage import Run
from apps.ingest.demo.story import Message, Story

RUNTIME = "org.apache.flink.runtime"
CHECKPOINTS = f"{RUNTIME}.checkpoint.CheckpointStatsTracker"
JOBS = f"{RUNTIME}.jobmaster.JobMaster"
FAILURES = f"{RUNTIME}.scheduler.adaptive.JobFailureMetricReporter"
SUBTASKS = f"{RUNTIME}.scheduler.metrics.AllSubTasksRunningOrFinishedStateTimeMetrics"
OWN = "com.acme.orders.Enrichment"
CHECKPOINT_SECONDS = 60.0
# What each way to end is told as.
ENDS = {
    "stopped": ("FINISHED",),
    "cancelled": ("CANCELLING", "CANCELED"),
    "failed": ("FAILING", "FAILED"),
    "suspended": ("SUSPENDED",),
}


@dataclass
class Job:
    story: Story
    name: str = "orders-enrichment"

    def __post_init__(self) -> None:
        self.id = self.story.some_hex(32)
        self.checkpoints = self.story.rng.randrange(40, 900)
        self.state = self.story.rng.randrange(200_000_000, 900_000_000)

    def report(self, scope: str, event: str, *, body: str = "", **attributes: object) -> None:
        """Send an event as Flink's reporter does: each is an INFO record, its name in `name`."""
        told = {
            "name": event,
            **attributes,
            "job_id": self.id,
            "job_name": self.name,
            "host": "flink-jobmanager-0",
        }
        time = int(self.story.now.timestamp() * 1000) * 1_000_000
        record = {
            "timeUnixNano": str(time),
            "observedTimeUnixNano": str(time + 2_000_000),
            "severityNumber": 9,
            "severityText": "INFO",
            "body": {"stringValue": body},
            "attributes": pairs(told),
        }
        service = pairs({"service.name": "flink-prod", "telemetry.sdk.language": "java"})
        scopes = [{"scope": {"name": scope}, "logRecords": [record]}]
        logs = {"resource": {"attributes": service}, "scopeLogs": scopes}
        self.story.say("flink", {"resourceLogs": [logs]})

    def enter(self, state: str) -> None:
        self.report(JOBS, "JobStatusChangeEvent", newJobStatus=state)

    def subtasks(self, status: str) -> None:
        self.report(SUBTASKS, "AllSubtasksStatusChangeEvent", status=status)

    def checkpoint(self, status: str = "COMPLETED", type: str = "Checkpoint") -> None:
        self.checkpoints += 1
        self.state += self.story.rng.randrange(100_000, 4_000_000)
        self.report(
            CHECKPOINTS,
            "CheckpointEvent",
            checkpointId=self.checkpoints,
            fullSize=self.state,
            checkpointedSize=self.state // self.story.rng.randrange(12, 60),
            metadataSize=4_096,
            checkpointStatus=status,
            isUnaligned="false",
            checkpointType=type,
        )

    def fail(self, *, can_restart: bool) -> None:
        self.report(
            FAILURES,
            "JobFailureEvent",
            canRestart=str(can_restart).lower(),
            isGlobalFailure="false",
            **{"failureLabel.type": "USER" if can_restart else "SYSTEM"},
        )

    def come_up(self) -> None:
        self.enter("RUNNING")
        self.subtasks("NOT_ALL_RUNNING_OR_FINISHED")
        self.story.wait(5)
        self.subtasks("ALL_RUNNING_OR_FINISHED")


def pairs(values: Message) -> list[Message]:
    return [{"key": key, "value": any_value(value)} for key, value in values.items()]


def any_value(value: object) -> Message:
    """Write a value as OTLP's JSON does, its integers as strings."""
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"stringValue": str(value)}


def enriched_orders(story: Story, end: str = "stopped") -> None:
    """A release of the job: it comes up, checkpoints, may fail and restart, and is replaced."""
    job = Job(story)
    lineage = Run(story, "flink", "flink-prod", job.name, "JOB", processing="STREAMING")
    for state in ("INITIALIZING", "CREATED"):
        job.enter(state)
        story.wait(2)
    job.come_up()
    lineage.tell("START", [ORDERS], [ORDERS_ENRICHED])
    checkpoint_for(story, job, minutes=story.rng.randrange(2, 6))
    lineage.tell("RUNNING", [ORDERS], [ORDERS_ENRICHED])
    if end != "stopped" or story.chance(0.3):
        restart(story, job)
    late_order(story, job)
    if end == "failed":
        job.fail(can_restart=False)
    elif end == "stopped":
        job.checkpoint(type="Savepoint")
    for state in ENDS[end]:
        story.wait(1.5)
        job.enter(state)
    closing = "FAIL" if end == "failed" else "ABORT" if end == "cancelled" else "COMPLETE"
    lineage.tell(closing, [ORDERS], [ORDERS_ENRICHED], rows=story.rng.randrange(90_000, 400_000))


def checkpoint_for(story: Story, job: Job, *, minutes: int) -> None:
    for _ in range(minutes):
        story.at += CHECKPOINT_SECONDS
        job.checkpoint()


def restart(story: Story, job: Job) -> None:
    """A checkpoint does not come about, the job fails and comes back; an alert tells of it."""
    story.wait(30)
    job.checkpoint(status="FAILED")
    fired = webhooks.alert(story, "FlinkJobRestarting", job.name)
    job.fail(can_restart=True)
    job.subtasks("NOT_ALL_RUNNING_OR_FINISHED")
    job.enter("RESTARTING")
    story.wait(10)
    job.come_up()
    story.wait(40)
    webhooks.resolved(story, fired)


def late_order(story: Story, job: Job) -> None:
    """The job's own event, through Flink's metric group."""
    story.wait(20)
    number, late = story.rng.randrange(10_000, 99_999), story.rng.randrange(60, 300)
    said = f"Order {number} came {late} s late"
    job.report(OWN, "LateOrderEvent", body=said, order=str(number), lateByMs=late * 1000)


def reconciled(story: Story) -> None:
    """The job manager is another one now, and finds its job running."""
    job = Job(story)
    job.enter("RECONCILING")
    story.wait(4)
    job.come_up()


RARELY: tuple[Callable[[Story], None], ...] = (
    *(partial(enriched_orders, end=end) for end in ENDS),
    reconciled,
)
