"""Flyte's phases, statuses and resources in words."""

from collections.abc import Mapping

from apps.events.words import Kind, Rule, Words, register, sentence_case, spelled
from apps.query.outcomes import Outcome

FAILED, COMPLETED, RUNNING = Outcome.FAILED, Outcome.COMPLETED, Outcome.RUNNING
WAITING, INFORMATION = Outcome.WAITING, Outcome.INFORMATION

WORKFLOW_EXECUTION = Kind("workflow execution", "play")
NODE_EXECUTION = Kind("node execution", "box")
TASK_EXECUTION = Kind("task execution", "cog")

KINDS = {
    "flyte.workflow-execution": WORKFLOW_EXECUTION,
    "flyte.node-execution": NODE_EXECUTION,
    "flyte.task-execution": TASK_EXECUTION,
    "flyte.workflow": Kind("workflow", "flow"),
    "flyte.task": Kind("task", "cog"),
    "flyte.launch-plan": Kind("launch plan", "rocket"),
    "flyte.dataset": Kind("dataset", "database"),
    "flyte.artifact": Kind("artifact", "package"),
    "flyte.entity": Kind("entity", "box"),
    "flyte.external-resource": Kind("external resource", "cloud"),
    "flyte.pod": Kind("pod", "container"),
    "flyte.cluster": Kind("cluster", "server"),
    "flyte.project": Kind("project", "list"),
    "flyte.domain": Kind("domain", "list"),
    "flyte.principal": Kind("principal", "key"),
}

WORKFLOW_PHASES = {
    "UNDEFINED": ("Workflow in an undefined phase", INFORMATION),
    "QUEUED": ("Workflow queued", WAITING),
    "RUNNING": ("Workflow running", RUNNING),
    "SUCCEEDING": ("Workflow succeeding", RUNNING),
    "SUCCEEDED": ("Workflow succeeded", COMPLETED),
    # Its failure node still runs; FAILED follows and is the one to count.
    "FAILING": ("Workflow failing", RUNNING),
    "FAILED": ("Workflow failed", FAILED),
    # Somebody wanted it so: neither a failure nor a success.
    "ABORTED": ("Workflow aborted", INFORMATION),
    "TIMED_OUT": ("Workflow timed out", FAILED),
    "ABORTING": ("Workflow aborting", INFORMATION),
}
NODE_PHASES = {
    "UNDEFINED": ("Node in an undefined phase", INFORMATION),
    "QUEUED": ("Node queued", WAITING),
    "RUNNING": ("Node running", RUNNING),
    "SUCCEEDED": ("Node succeeded", COMPLETED),
    "FAILING": ("Node failing", RUNNING),
    "FAILED": ("Node failed", FAILED),
    "ABORTED": ("Node aborted", INFORMATION),
    "SKIPPED": ("Node skipped", INFORMATION),
    "TIMED_OUT": ("Node timed out", FAILED),
    "DYNAMIC_RUNNING": ("Node running its dynamic workflow", RUNNING),
    "RECOVERED": ("Node recovered from an earlier execution", COMPLETED),
}
# An event tells of one attempt: FAILED of the first is not the end of its task.
TASK_PHASES = {
    "UNDEFINED": ("Task attempt in an undefined phase", INFORMATION),
    "QUEUED": ("Task attempt queued", WAITING),
    "RUNNING": ("Task attempt running", RUNNING),
    "SUCCEEDED": ("Task attempt succeeded", COMPLETED),
    "ABORTED": ("Task attempt aborted", INFORMATION),
    "FAILED": ("Task attempt failed", FAILED),
    "INITIALIZING": ("Task attempt initializing", WAITING),
    "WAITING_FOR_RESOURCES": ("Task attempt waiting for resources", WAITING),
    "RETRYABLE_FAILED": ("Task attempt failed, retrying", FAILED),
}
PHASES: Mapping[str, tuple[str, Kind, Mapping[str, tuple[str, Outcome]]]] = {
    "workflow-execution": ("Workflow", WORKFLOW_EXECUTION, WORKFLOW_PHASES),
    "node-execution": ("Node", NODE_EXECUTION, NODE_PHASES),
    "task-execution": ("Task attempt", TASK_EXECUTION, TASK_PHASES),
}
EXECUTION_STARTED = "flyte.workflow-execution.start"

CACHE_WORDS = {
    "CACHE_DISABLED": "not cached",
    "CACHE_MISS": "cache miss",
    "CACHE_HIT": "cache hit",
    "CACHE_POPULATED": "cache filled",
    "CACHE_LOOKUP_FAILURE": "looking into the cache failed",
    "CACHE_PUT_FAILURE": "writing to the cache failed",
    "CACHE_SKIPPED": "cache passed over",
    "CACHE_EVICTED": "taken out of the cache",
}
RESERVATION_WORDS = {
    "RESERVATION_DISABLED": "none needed",
    "RESERVATION_ACQUIRED": "held by this node",
    "RESERVATION_EXISTS": "held by another execution",
    "RESERVATION_RELEASED": "released",
    "RESERVATION_FAILURE": "failed",
}
ERROR_KIND_WORDS = {"UNKNOWN": "unknown", "USER": "user error", "SYSTEM": "system error"}
INSTANCE_WORDS = {"DEFAULT": "not interruptible", "INTERRUPTIBLE": "interruptible"}


def outcome_of(noun: str, phase: str | int) -> Outcome:
    """Say how it went: a phase that nobody knew when this was written is information."""
    _, _, phases = PHASES[noun]
    return phases[phase][1] if isinstance(phase, str) and phase in phases else INFORMATION


def in_words(table: Mapping[str, str], value: object) -> str:
    """Say a value of an enum in words; one that is not in its table says itself."""
    text = str(value)
    return table.get(text) or spelled(text.lower())


def register_flyte() -> None:
    table: dict[str, Words | Rule] = {
        f"flyte.{noun}.{phase}": _row(text, kind, outcome)
        for noun, (_, kind, phases) in PHASES.items()
        for phase, (text, outcome) in phases.items()
    }
    table[EXECUTION_STARTED] = _row("Workflow execution started", WORKFLOW_EXECUTION, RUNNING)
    table |= {f"flyte.{noun}.*": _newer_phase(noun) for noun in PHASES}
    register(table, system="flyte", title="Flyte", prefixes=("flyte",), kinds=KINDS)


def _newer_phase(noun: str) -> Rule:
    subject, kind, _ = PHASES[noun]

    def rule(event: str, resource: Mapping[str, str]) -> Words:
        phase = event.removeprefix(f"flyte.{noun}.")
        told = f"in phase {phase}" if phase.isdigit() else spelled(phase.lower())
        return _row(sentence_case(f"{subject} {told}"), kind, INFORMATION)

    return rule


def _row(text: str, kind: Kind, outcome: Outcome) -> Words:
    return Words(text, "execution", kind.text, kind.icon, outcome, owner="flyte")
