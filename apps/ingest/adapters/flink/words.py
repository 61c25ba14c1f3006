"""Flink's events in words: every state it has, and those it may yet come to have."""

from collections.abc import Mapping
from functools import lru_cache

from apps.events.words import Kind, Rule, Words, register, sentence_case, spelled
from apps.ingest.adapters.flink.adapter import CHECKPOINT_STATES, JOB_STATES, SUBTASK_STATES
from apps.query.outcomes import Outcome

JOB = Kind("Flink job", "flow")
CHECKPOINT = Kind("checkpoint", "database")
TASK_MANAGER = Kind("task manager", "worker")
HOST = Kind("host", "server")
TASK = Kind("task", "cog")
OPERATOR = Kind("operator", "cog")

KINDS = {
    "flink.job": JOB,
    "flink.checkpoint": CHECKPOINT,
    "flink.taskmanager": TASK_MANAGER,
    "flink.host": HOST,
    "flink.task": TASK,
    "flink.operator": OPERATOR,
}

CHECKPOINTS = {
    "COMPLETED": "Checkpoint completed",
    "FAILED": "Checkpoint failed",
}
JOBS = {
    "INITIALIZING": "Job initializing",
    "CREATED": "Job created",
    "RUNNING": "Job running",
    "FAILING": "Job failing",
    "FAILED": "Job failed",
    "CANCELLING": "Job cancelling",
    "CANCELED": "Job canceled",
    "FINISHED": "Job finished",
    "RESTARTING": "Job restarting",
    "SUSPENDED": "Job suspended",
    "RECONCILING": "Job reconciling",
}
SUBTASKS = {
    "ALL_RUNNING_OR_FINISHED": "All subtasks running or finished",
    "NOT_ALL_RUNNING_OR_FINISHED": "Not all subtasks running or finished",
}


def _row(text: str, kind: Kind, outcome: Outcome) -> Words:
    return Words(text, "Flink", kind.text, kind.icon, outcome, owner="flink")


def _unknown(prefix: str, before: str, kind: Kind) -> Rule:
    """Tell a state that a later Flink has added, or what a job has told of its own."""

    @lru_cache(maxsize=1024)
    def told(event: str) -> Words:
        name = event.removeprefix(prefix)
        text = f"{before} {spelled(name.lower() if name.isupper() else name) or name}"
        return _row(sentence_case(text.strip()), kind, Outcome.INFORMATION)

    return lambda event, labels: told(event)


def failure(event: str, labels: Mapping[str, str]) -> Words:
    """Tell a failure by whether the job comes back from it."""
    if labels.get("flink.can-restart") == "true":
        return _row("Job failed and restarts", JOB, Outcome.WAITING)
    return _row("Job failed for good", JOB, Outcome.FAILED)


TABLE: dict[str, Words | Rule] = {
    **{
        f"flink.checkpoint.{state}": _row(text, CHECKPOINT, CHECKPOINT_STATES[state])
        for state, text in CHECKPOINTS.items()
    },
    **{f"flink.job.{state}": _row(text, JOB, JOB_STATES[state]) for state, text in JOBS.items()},
    **{
        f"flink.job.subtasks.{state}": _row(text, JOB, SUBTASK_STATES[state])
        for state, text in SUBTASKS.items()
    },
    "flink.job.failure": failure,
    "flink.checkpoint.*": _unknown("flink.checkpoint.", "Checkpoint", CHECKPOINT),
    "flink.job.*": _unknown("flink.job.", "Job", JOB),
    "flink.job.subtasks.*": _unknown("flink.job.subtasks.", "Subtasks", JOB),
    "flink.custom.*": _unknown("flink.custom.", "", JOB),
}


def register_flink() -> None:
    register(TABLE, system="flink", title="Apache Flink", prefixes=["flink"], kinds=KINDS)
