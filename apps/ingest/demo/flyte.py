"""Flyte on the demo's platform: a workflow that makes the features for the churn model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.ingest.demo import cloudevents
from apps.ingest.demo.lake import CHURN_FEATURES
from apps.ingest.demo.story import Message, Story

PROJECT, DOMAIN, VERSION = "churn", "production", "v2026.11.20"
METADATA = "s3://acme-flyte/metadata"
WORKFLOW = "workflows.churn.features"
DATASET = {"resource_type": "DATASET", "project": PROJECT, "domain": DOMAIN, "version": "1.0-d41d"}
OUT_OF_MEMORY = {
    "code": "OOMKilled",
    "message": "[1/1] currentAttempt done. Last Error: SYSTEM::\n\ncontainer main terminated "
    "with exit code 137",
    "kind": "SYSTEM",
}
WRONG_VALUE = {
    "code": "USER:ValueError",
    "message": "Traceback (most recent call last):\n\n"
    '      File "/root/workflows/churn.py", line 88, in build_features\n'
    '        raise ValueError("3 partitions are missing")\n\n'
    "Message:\n\n    ValueError: 3 partitions are missing\n\nUser error.",
    "error_uri": f"{METADATA}/error.pb",
    "kind": "USER",
}
TOO_LATE = {
    "code": "TimeExpired",
    "message": "workflow execution exceeded its deadline of 1h0m0s",
    "kind": "USER",
}


@dataclass
class Execution:
    """A workflow execution: its own events, those of its nodes and of their task attempts."""

    story: Story

    def __post_init__(self) -> None:
        self.name = f"a{self.story.some_hex(19)}"

    @property
    def id(self) -> Message:
        return {"project": PROJECT, "domain": DOMAIN, "name": self.name}

    @property
    def folder(self) -> str:
        return f"{METADATA}/{PROJECT}-{DOMAIN}-{self.name}"

    def send(self, kind: str, event: Message) -> None:
        told = {"producer_id": "propeller", "occurred_at": self.story.stamp, **event}
        self.story.say("flyte", {"event": told}, kind=kind)

    def start(self) -> None:
        """Flyteadmin itself tells of it, in a CloudEvent."""
        data = {
            "executionId": self.id,
            "launchPlanId": named("LAUNCH_PLAN", "churn_features_daily"),
            "workflowId": named("WORKFLOW", WORKFLOW),
            "principal": "scheduler@acme.com",
        }
        event = {
            "specversion": "1.0",
            "id": f"{self.name}.start",
            "source": "https://flyte.acme.com",
            "type": "com.flyte.resource.cloudevents.ExecutionStart",
            "time": self.story.stamp,
            "datacontenttype": "application/json",
            "data": data,
        }
        self.story.say("cloudevents", event, content_type=cloudevents.STRUCTURED)

    def enter(self, phase: str, **more: object) -> None:
        self.send("workflows", {"execution_id": self.id, "phase": phase, **more})

    def node(self, id: str, task: str, phase: str, **more: object) -> None:
        event = {
            "id": {"node_id": id, "execution_id": self.id},
            "phase": phase,
            "input_uri": f"{self.folder}/{id}/data/inputs.pb",
            "retry_group": "0",
            "spec_node_id": id,
            "node_name": task,
            "event_version": 1,
            "target_entity": named("TASK", f"workflows.churn.{task}"),
        }
        self.send("nodes", event | more)

    def task(self, node: str, task: str, phase: str, *, attempt: int = 0, **more: object) -> None:
        pod = f"{self.name}-{node}-{attempt}"
        event = {
            "task_id": named("TASK", f"workflows.churn.{task}"),
            "parent_node_execution_id": {"node_id": node, "execution_id": self.id},
            "retry_attempt": attempt,
            "phase": phase,
            "input_uri": f"{self.folder}/{node}/data/inputs.pb",
            "task_type": "python-task",
            "metadata": {"generated_name": pod, "plugin_identifier": "container"},
            "event_version": 1,
        }
        if phase == "RUNNING":
            uri = f"https://logs.acme.com/pods/{pod}"
            log = {"uri": uri, "name": "Kubernetes Logs", "message_format": "JSON"}
            event["logs"] = [log]
            started = {"reason": "Started container main", "occurred_at": self.story.stamp}
            event["reasons"] = [started]
        self.send("tasks", event | more)


def named(kind: str, name: str) -> Message:
    return {
        "resource_type": kind,
        "project": PROJECT,
        "domain": DOMAIN,
        "name": name,
        "version": VERSION,
    }


def made_features(story: Story) -> None:
    """The workflow from its start to its outputs, which are the features in the lake."""
    execution = begun(story)
    cached_node(story, execution)
    worked_node(story, execution, "n1", "build_features", retries=story.chance(0.15))
    execution.node("n2", "alert_on_drift", "SKIPPED")
    story.wait(1)
    cloudevents.written_file(story)
    execution.enter("SUCCEEDING")
    story.wait(0.5)
    execution.enter("SUCCEEDED", output_uri=CHURN_FEATURES.uri)


def begun(story: Story) -> Execution:
    execution = Execution(story)
    execution.start()
    story.wait(0.4)
    execution.enter("QUEUED")
    story.wait(2)
    execution.enter("RUNNING")
    return execution


def cached_node(story: Story, execution: Execution) -> None:
    name = "flyte_task-workflows.churn.read_customers"
    cache = {
        "cache_status": "CACHE_HIT",
        "catalog_key": {"dataset_id": {**DATASET, "name": name}},
    }
    execution.node("n0", "read_customers", "QUEUED")
    story.wait(0.5)
    execution.node(
        "n0",
        "read_customers",
        "SUCCEEDED",
        task_node_metadata=cache,
        output_uri=f"{execution.folder}/n0/data/outputs.pb",
    )


def worked_node(
    story: Story, execution: Execution, node: str, task: str, *, retries: bool = False
) -> None:
    execution.node(node, task, "QUEUED")
    story.wait(0.3)
    execution.node(node, task, "RUNNING")
    attempt = 0
    if retries:
        came_up(story, execution, node, task, attempt)
        execution.task(node, task, "RETRYABLE_FAILED", attempt=attempt, error=OUT_OF_MEMORY)
        story.wait(5)
        attempt = 1
    came_up(story, execution, node, task, attempt)
    output = CHURN_FEATURES.uri
    execution.task(node, task, "SUCCEEDED", attempt=attempt, output_uri=output)
    story.wait(0.5)
    execution.node(node, task, "SUCCEEDED", output_uri=output)


def came_up(story: Story, execution: Execution, node: str, task: str, attempt: int) -> None:
    """A task's pod waits for its place, is made and works for a while."""
    execution.task(node, task, "QUEUED", attempt=attempt)
    if story.chance(0.3):
        story.wait(4)
        why = "Exceeded quota: requests.memory=64Gi, used 62Gi of 96Gi"
        execution.task(node, task, "WAITING_FOR_RESOURCES", attempt=attempt, reason=why)
    story.wait(2)
    execution.task(node, task, "INITIALIZING", attempt=attempt, reason="Pulling image")
    story.wait(4)
    execution.task(node, task, "RUNNING", attempt=attempt)
    story.wait(30)


def failed_features(story: Story) -> None:
    execution = begun(story)
    execution.node("n1", "build_features", "RUNNING")
    came_up(story, execution, "n1", "build_features", 0)
    execution.task("n1", "build_features", "FAILED", error=WRONG_VALUE)
    for phase in ("FAILING", "FAILED"):
        story.wait(0.5)
        execution.node("n1", "build_features", phase, error=WRONG_VALUE)
    for phase in ("FAILING", "FAILED"):
        story.wait(0.5)
        execution.enter(phase, error=WRONG_VALUE)


def aborted(story: Story) -> None:
    execution = begun(story)
    execution.node("n1", "build_features", "RUNNING")
    came_up(story, execution, "n1", "build_features", 0)
    execution.enter("ABORTING")
    story.wait(1)
    execution.task("n1", "build_features", "ABORTED")
    execution.node("n1", "build_features", "ABORTED")
    story.wait(0.5)
    execution.enter("ABORTED")


def timed_out(story: Story) -> None:
    execution = begun(story)
    execution.node("n1", "build_features", "RUNNING")
    story.wait(600)
    execution.node("n1", "build_features", "TIMED_OUT", error=TOO_LATE)
    execution.enter("TIMED_OUT", error=TOO_LATE)


def mapped(story: Story) -> None:
    """A dynamic node makes a task a country; an execution that failed before is recovered."""
    execution = begun(story)
    execution.node("n0", "read_customers", "RECOVERED")
    story.wait(1)
    execution.node("n3", "score_by_country", "DYNAMIC_RUNNING", is_parent=True, is_dynamic=True)
    story.wait(2)
    worked_node(story, execution, "n3-0-dn0", "score_country")
    execution.node("n3", "score_by_country", "SUCCEEDED", is_parent=True, is_dynamic=True)
    execution.enter("SUCCEEDED")


def of_undefined_phase(story: Story) -> None:
    """What a propeller tells that has not decided yet."""
    execution = Execution(story)
    execution.enter("UNDEFINED")
    execution.node("n0", "read_customers", "UNDEFINED")
    execution.task("n0", "read_customers", "UNDEFINED")


RARELY: tuple[Callable[[Story], None], ...] = (
    made_features,
    failed_features,
    aborted,
    timed_out,
    mapped,
    of_undefined_phase,
)
