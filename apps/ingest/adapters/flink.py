"""Apache Flink's dialect: what its OpenTelemetry event reporter says, in log records.

Flink 2.1 and newer; org.apache.flink.events.otel.OpenTelemetryEventReporter. All are said to be of
severity INFO, so how it went is read from the attributes.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from apps.ingest.adapters.message import labels_of, one_line
from apps.ingest.adapters.otlp_event import (
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
from apps.ingest.adapters.otlp_record import Record, Scope
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


def _checkpoint(attributes: Attributes) -> str | None:
    """Say which one it is, and how much of it is new."""
    sizes = [attributes.get(key) for key in ("checkpointedSize", "fullSize")]
    id = attributes.get("checkpointId")
    told = [] if id is None else [f"{attributes.get('checkpointType') or 'Checkpoint'} {id}"]
    if all(isinstance(size, int) for size in sizes):
        told.append(f"{human_size(sizes[0])} of {human_size(sizes[1])}")
    return ": ".join(told) or None


def _failure(attributes: Attributes) -> str | None:
    """Say what the failure enrichers have found."""
    labels = failure_labels(attributes)
    return ", ".join(f"{key}: {value}" for key, value in labels.items()) or None


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


def is_flink(scope: Scope, record: Record) -> bool:
    """Whether Flink tells an event: some log records of it are no more than that."""
    return _told_name(scope, record) is not None


def tell_flink(scope: Scope, record: Record) -> Event:
    """Tell an event of Flink's own, or one that a job has told through Flink."""
    attributes = bare(record.attributes)
    name = _told_name(scope, record) or ""
    family = _family(name, scope, attributes)
    told = _own(family, attributes, record) if family else _custom(name, attributes, record)
    event, outcome, labels, message = told
    event, warnings = fitting(event)
    labels = {
        "flink.scope": scope.name or "unknown",
        "flink.severity": severity_of(record),
        **labels_of(labels),
    }
    return Event(
        name=event,
        told_name=name,
        system="flink",
        resource=_resource(attributes, scope, labels),
        related=list(_related(attributes, scope, is_checkpoint=family is FAMILIES[0])),
        outcome=outcome,
        message=message and one_line(message),
        warnings=(*warnings, *oddities(record)),
    )


Telling = tuple[str, Outcome, Mapping[str, Any], str | None]


def _own(family: Family, attributes: Attributes, record: Record) -> Telling:
    value = word(attributes[family.attribute])
    labels = {label: attributes.get(key) for key, label in family.labels.items()}
    for key, label in failure_labels(attributes).items():
        labels[f"flink.failure-label.{key}"] = label
    outcome = family.outcomes.get(value, family.otherwise)
    return family.event(value), outcome, labels, family.message(attributes) or _body(record)


def _custom(name: str, attributes: Attributes, record: Record) -> Telling:
    labels = {
        "flink.subtask-index": attributes.get("subtask_index"),
        "flink.task-attempt": attributes.get("task_attempt_num"),
    }
    message = message_of(record, but=VARIABLES)
    return f"flink.custom.{name}", outcome_of(record), labels, message


def _body(record: Record) -> str | None:
    return record.body if record.body and isinstance(record.body, str) else None


def word(value: object) -> str:
    """Return a value as a word; older forks send booleans where others send their names."""
    return labels_of({"": value}).get("", "")


def _told_name(scope: Scope, record: Record) -> str | None:
    """Return the name of an event of Flink, None for what is none."""
    attributes = record.attributes
    name = event_name(record) or attributes.get("name")
    if not name or not isinstance(name, str):
        # A fork says no name; what it says is known by where it comes from.
        family = BY_SCOPE.get(scope.name)
        return family.names[0] if family and family.attribute in attributes else None
    if scope.name.startswith(SCOPES) or _has_variables(attributes):
        return name
    family = BY_NAME.get(name)
    return name if family and family.attribute in attributes else None


def _has_variables(attributes: Attributes) -> bool:
    return any(
        all(key in attributes for key in keys)
        for keys in (
            ("job_id", "job_name"),
            ("<job_id>", "<job_name>"),
            ("tm_id", "host"),
            ("<tm_id>", "<host>"),
        )
    )


def _family(name: str, scope: Scope, attributes: Attributes) -> Family | None:
    family = BY_NAME.get(name)
    return family if family and family.attribute in attributes else None


def bare(attributes: Attributes) -> Attributes:
    """Return the attributes by names without brackets: `<job_id>` is `job_id`."""
    if not any(key.startswith("<") for key in attributes):
        return attributes
    # What stands there bare as well, counts.
    return {_bare(key): value for key, value in attributes.items()} | {
        key: value for key, value in attributes.items() if not key.startswith("<")
    }


def _bare(key: str) -> str:
    return key[1:-1] if key.startswith("<") and key.endswith(">") else key


def failure_labels(attributes: Attributes) -> dict[str, str]:
    return {
        key.removeprefix(FAILURE_LABEL): word(value)
        for key, value in attributes.items()
        if key.startswith(FAILURE_LABEL)
    }


def _resource(attributes: Attributes, scope: Scope, labels: Mapping[str, str]) -> dict[str, str]:
    """Return the job, so that one id has all of its life; else who else tells it."""
    for key, prefix, name in (
        ("job_id", "flink.job", "job_name"),
        ("tm_id", "flink.taskmanager", "tm_id"),
        ("host", "flink.host", "host"),
    ):
        if id := word(attributes.get(key)):
            return named(f"{prefix}.{id}", word(attributes.get(name)) or id, labels)
    return named(service_id(scope), service_name(scope), labels)


def _related(
    attributes: Attributes, scope: Scope, *, is_checkpoint: bool
) -> Iterator[dict[str, str]]:
    job = word(attributes.get("job_id"))
    checkpoint = word(attributes.get("checkpointId"))
    if is_checkpoint and job and checkpoint:
        yield in_role("checkpoint", f"flink.checkpoint.{job}.{checkpoint}", checkpoint)
    for key, role, id, name in (
        ("host", "host", "flink.host.{}", "host"),
        ("tm_id", "taskmanager", "flink.taskmanager.{}", "tm_id"),
        ("task_id", "task", f"flink.task.{job}.{{}}", "task_name"),
        ("operator_id", "operator", "flink.operator.{}", "operator_name"),
    ):
        if told := word(attributes.get(key)):
            yield in_role(role, id.format(told), word(attributes.get(name)) or told)
    # Before FLINK-39425 the reporter could not be given a name.
    if not service_name(scope).startswith(UNNAMED_SERVICE):
        yield in_role("service", service_id(scope), service_name(scope))


UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def human_size(size: int) -> str:
    """Write a number of bytes as one reads it: `64.0 KiB`."""
    amount, unit = float(size), 0
    while abs(amount) >= 1024 and unit < len(UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {UNITS[unit]}" if unit else f"{size} bytes"
