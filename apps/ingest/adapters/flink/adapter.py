"""Apache Flink's dialect: what its OpenTelemetry event reporter says, in log records.

Flink 2.1 and newer; org.apache.flink.events.otel.OpenTelemetryEventReporter. All are said to be of
severity INFO, so how it went is read from the attributes.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from apps.events.words import sentence_case
from apps.ingest.adapters.message import one_line
from apps.ingest.adapters.otlp.event import (
    UNNAMED_SERVICE,
    Event,
    event_name,
    fitting,
    in_role,
    message_of,
    named,
    oddities,
    outcome_of,
    service_id,
    service_name,
    severity_of,
)
from apps.ingest.adapters.otlp.record import Record, Scope
from apps.query.outcomes import Outcome

FAILED, COMPLETED, RUNNING = Outcome.FAILED, Outcome.COMPLETED, Outcome.RUNNING
WAITING, INFORMATION = Outcome.WAITING, Outcome.INFORMATION

SCOPES = "org.apache.flink."

CHECKPOINT_STATES = {"COMPLETED": COMPLETED, "FAILED": FAILED}
JOB_STATES = {
    "INITIALIZING": WAITING,
    "CREATED": WAITING,
    "RUNNING": RUNNING,
    "FAILING": FAILED,
    "FAILED": FAILED,
    # Somebody wanted it so: neither a failure nor a success.
    "CANCELLING": INFORMATION,
    "CANCELED": INFORMATION,
    "FINISHED": COMPLETED,
    "RESTARTING": WAITING,
    "SUSPENDED": WAITING,
    "RECONCILING": WAITING,
}
SUBTASK_STATES = {
    "ALL_RUNNING_OR_FINISHED": RUNNING,
    "NOT_ALL_RUNNING_OR_FINISHED": WAITING,
}
# A job that restarts after its failure is on its way back.
FAILURES = {"true": WAITING, "false": FAILED}

CUSTOM_PREFIX = "flink.custom."
FAILURE_LABEL = "failureLabel."
# What the metric group of whoever tells an event adds to it: where it is, not what happened.
VARIABLES = (
    "name",
    "host",
    "tm_id",
    "job_id",
    "job_name",
    "task_id",
    "task_name",
    "task_attempt_id",
    "task_attempt_num",
    "subtask_index",
    "operator_id",
    "operator_name",
)


Attributes = Mapping[str, Any]


class Family(NamedTuple):
    """One of Flink's own events: the attribute that says what happened, and how it is told."""

    names: tuple[str, ...]
    scope: str
    attribute: str
    event: Callable[[str], str]
    outcomes: Mapping[str, Outcome]
    labels: Mapping[str, str]
    otherwise: Outcome = INFORMATION
    message: Callable[[Attributes], str | None] = lambda attributes: None
    free_labels: Callable[[Attributes], dict[str, str]] = lambda attributes: {}
    """Those whose keys the sender chooses."""


def _checkpoint(attributes: Attributes) -> str | None:
    """Say which one it is, and how much of it is new."""
    new, full = attributes.get("checkpointedSize"), attributes.get("fullSize")
    id = attributes.get("checkpointId")
    told = [] if id is None else [f"{attributes.get('checkpointType') or 'Checkpoint'} {id}"]
    if isinstance(new, int) and isinstance(full, int):
        told.append(f"{human_size(new)} of {human_size(full)}")
    return ": ".join(told) or None


def _failure(attributes: Attributes) -> str | None:
    """Say the exception, where there is one, else what the failure enrichers have found."""
    kind, said = (word(attributes.get(f"exception.{key}")) for key in ("type", "message"))
    if kind or said:
        return ": ".join(filter(None, (kind.rpartition(".")[2], said)))
    labels = found_by_enrichers(attributes)
    return sentence_case(", ".join(_found(*label) for label in labels.items())) or None


def _found(key: str, value: str) -> str:
    is_type = key.lower() == "type"
    return (CAUSES.get(value) if is_type else None) or f"{key}: {value}"


# What Flink's TypeFailureEnricher says.
CAUSES = {"USER": "user code failed", "SYSTEM": "the system failed"}


def _failure_labels(attributes: Attributes) -> dict[str, str]:
    found = found_by_enrichers(attributes)
    return {f"flink.failure-label.{key}": value for key, value in found.items()}


def found_by_enrichers(attributes: Attributes) -> Mapping[str, str]:
    """Return the labels that Flink's failure enrichers have given."""
    return {
        key.removeprefix(FAILURE_LABEL): word(value)
        for key, value in attributes.items()
        if key.startswith(FAILURE_LABEL)
    }


FAMILIES = (
    Family(
        names=("CheckpointEvent", "Checkpoint"),
        scope="org.apache.flink.runtime.checkpoint.CheckpointStatsTracker",
        attribute="checkpointStatus",
        event=lambda status: f"flink.checkpoint.{status}",
        outcomes=CHECKPOINT_STATES,
        labels={
            "checkpointStatus": "flink.checkpoint-status",
            "checkpointId": "flink.checkpoint-id",
            "checkpointType": "flink.checkpoint-type",
            "isUnaligned": "flink.unaligned",
        },
        message=_checkpoint,
    ),
    Family(
        names=("JobStatusChangeEvent", "JobStatusChange"),
        scope="org.apache.flink.runtime.jobmaster.JobMaster",
        attribute="newJobStatus",
        event=lambda status: f"flink.job.{status}",
        outcomes=JOB_STATES,
        labels={"newJobStatus": "flink.job-status"},
    ),
    Family(
        names=("JobFailureEvent", "JobFailure"),
        scope="org.apache.flink.runtime.scheduler.adaptive.JobFailureMetricReporter",
        attribute="canRestart",
        event=lambda can_restart: "flink.job.failure",
        outcomes=FAILURES,
        labels={"canRestart": "flink.can-restart", "isGlobalFailure": "flink.global-failure"},
        otherwise=FAILED,
        message=_failure,
        free_labels=_failure_labels,
    ),
    Family(
        names=("AllSubtasksStatusChangeEvent", "AllSubtasksStatusChange"),
        scope="org.apache.flink.runtime.scheduler.metrics"
        ".AllSubTasksRunningOrFinishedStateTimeMetrics",
        attribute="status",
        event=lambda status: f"flink.job.subtasks.{status}",
        outcomes=SUBTASK_STATES,
        labels={"status": "flink.subtasks-status"},
    ),
)
BY_NAME = {name: family for family in FAMILIES for name in family.names}
BY_SCOPE = {family.scope: family for family in FAMILIES}
# What only a metric group of Flink adds.
SIGNS = (("job_id", "job_name"), ("<job_id>", "<job_name>"), ("tm_id", "host"), ("<tm_id>",))


def flink_name(scope: Scope, record: Record) -> str | None:
    """Return the name of an event of Flink; None for another's, and for a log record of Flink."""
    attributes = record.attributes
    name = attributes.get("name") or event_name(record)
    if not name or not isinstance(name, str):
        # A fork says no name; what it says is known by where it comes from.
        family = BY_SCOPE.get(scope.name)
        return family.names[0] if family and family.attribute in attributes else None
    if scope.name.startswith(SCOPES) or _family(name, attributes) or _is_signed(attributes):
        return name
    return None


def _is_signed(attributes: Attributes) -> bool:
    return any(all(key in attributes for key in sign) for sign in SIGNS)


def _family(name: str, attributes: Attributes) -> Family | None:
    family = BY_NAME.get(name)
    return family if family and family.attribute in attributes else None


def tell_flink(name: str, scope: Scope, record: Record) -> Event:
    """Tell an event of Flink's own, or one that a job has told through Flink."""
    attributes = bare(record.attributes)
    family = _family(name, attributes)
    told = _own(family, attributes, record) if family else _custom(name, attributes, record)
    event, warnings = fitting(told.event)
    labels = {"flink.scope": scope.name or "unknown", "flink.severity": severity_of(record)}
    return Event(
        name=event,
        told_name=name,
        system="flink",
        resource=_resource(attributes, scope, labels | told.labels),
        related=_related(attributes, scope, is_checkpoint=family is FAMILIES[0]),
        outcome=told.outcome,
        message=one_line(told.message or "") or None,
        warnings=(*warnings, *oddities(record)),
    )


class Telling(NamedTuple):
    """What an event says that is its own."""

    event: str
    outcome: Outcome
    labels: dict[str, str]
    message: str | None


def _own(family: Family, attributes: Attributes, record: Record) -> Telling:
    value = word(attributes[family.attribute])
    return Telling(
        event=family.event(value),
        outcome=family.outcomes.get(value, family.otherwise),
        labels=_labels(attributes, family.labels) | family.free_labels(attributes),
        message=family.message(attributes) or word(record.body),
    )


def _custom(name: str, attributes: Attributes, record: Record) -> Telling:
    return Telling(
        event=CUSTOM_PREFIX + name,
        outcome=outcome_of(record),
        labels=_labels(attributes, CUSTOM_LABELS),
        message=message_of(record, but=VARIABLES),
    )


CUSTOM_LABELS = {"subtask_index": "flink.subtask-index", "task_attempt_num": "flink.task-attempt"}


def _labels(attributes: Attributes, names: Mapping[str, str]) -> dict[str, str]:
    return {label: told for key, label in names.items() if (told := word(attributes.get(key)))}


def word(value: object) -> str:
    """Return a plain value as a label; nothing of what is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else ""


def bare(attributes: Attributes) -> Attributes:
    """Return the attributes by names without brackets: `<job_id>` is `job_id`."""
    if "<" not in "".join(attributes):
        return attributes
    # What stands there bare as well, counts.
    return {_bare(key): value for key, value in attributes.items()} | {
        key: value for key, value in attributes.items() if _bare(key) == key
    }


def _bare(key: str) -> str:
    return key[1:-1] if key.startswith("<") and key.endswith(">") else key


# The first that is told, is what an event happened to: a job's id has all of its life.
PRIMARY = (
    ("job_id", "flink.job.", "job_name"),
    ("tm_id", "flink.taskmanager.", "tm_id"),
    ("host", "flink.host.", "host"),
)
RELATED = (
    ("host", "host", "flink.host.", "host"),
    ("tm_id", "taskmanager", "flink.taskmanager.", "tm_id"),
    ("operator_id", "operator", "flink.operator.", "operator_name"),
)


def _resource(attributes: Attributes, scope: Scope, labels: Mapping[str, str]) -> dict[str, str]:
    for key, prefix, name in PRIMARY:
        if id := word(attributes.get(key)):
            return named(prefix + id, word(attributes.get(name)) or id, labels)
    return named(service_id(scope), service_name(scope), labels)


def _related(attributes: Attributes, scope: Scope, *, is_checkpoint: bool) -> list[dict[str, str]]:
    related = [
        in_role(role, prefix + id, word(attributes.get(name)) or id)
        for key, role, prefix, name in RELATED
        if key in attributes and (id := word(attributes[key]))
    ]
    job = word(attributes.get("job_id"))
    if job and (task := word(attributes.get("task_id"))):
        name = word(attributes.get("task_name")) or task
        related.append(in_role("task", f"flink.task.{job}.{task}", name))
    if job and is_checkpoint and (checkpoint := word(attributes.get("checkpointId"))):
        id = f"flink.checkpoint.{job}.{checkpoint}"
        related.append(in_role("checkpoint", id, checkpoint))
    # Before FLINK-39425 the reporter could not be given a name.
    if not service_name(scope).startswith(UNNAMED_SERVICE):
        related.append(in_role("service", service_id(scope), service_name(scope)))
    return related


UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def human_size(size: int) -> str:
    """Write a number of bytes as one reads it: `64.0 KiB`."""
    amount, unit = float(size), 0
    while abs(amount) >= 1024 and unit < len(UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {UNITS[unit]}" if unit else f"{size} bytes"
