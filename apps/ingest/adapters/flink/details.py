"""What people of Flink look for: which checkpoint, how large, why a job has failed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apps.events.details import Block, Cell, register_details
from apps.events.models import Event
from apps.ingest.adapters.flink.adapter import (
    CUSTOM_PREFIX,
    FAILURE_LABEL,
    VARIABLES,
    bare,
    found_by_enrichers,
    human_size,
)
from apps.ingest.adapters.otlp.details import body_of, facts, held, plain, severity, text_of

Rows = Iterator[tuple[str, Cell]]

SIZES = {
    "checkpointedSize": "written",
    "fullSize": "full size",
    "metadataSize": "metadata",
}
YES_NO = {"true": "yes", "false": "no"}
WHERE = {
    "job_name": "job",
    "job_id": "job id",
    "task_name": "task",
    "operator_name": "operator",
    "subtask_index": "subtask",
    "task_attempt_num": "attempt",
    "tm_id": "task manager",
    "host": "host",
}


def flink_details(event: Event) -> Sequence[Block]:
    attributes = bare(held(event.payload, "attributes"))
    return [
        *facts("Checkpoint", _checkpoint(attributes)),
        *facts("Failure", _failure(attributes)),
        *facts("Failure labels", _failure_labels(attributes)),
        *facts("State", _states(attributes)),
        *facts("Attributes", _custom(event, attributes)),
        *facts("Where", _where(event, attributes)),
        *body_of(event),
    ]


def _checkpoint(attributes: Mapping[str, Any]) -> Rows:
    id = text_of(attributes.get("checkpointId")).text
    yield "checkpoint", Cell(id, query=_of_checkpoint(attributes, id) if id else None)
    yield "type", _by_label(attributes, "checkpointType", "flink.checkpoint-type")
    yield "status", text_of(attributes.get("checkpointStatus"))
    for key, name in SIZES.items():
        yield name, size(attributes.get(key))
    yield "unaligned", yes_no(attributes.get("isUnaligned"))


def _of_checkpoint(attributes: Mapping[str, Any], id: str) -> str | None:
    job = attributes.get("job_id")
    return f"related:flink.checkpoint.{job}.{id}" if isinstance(job, str) else None


def _by_label(attributes: Mapping[str, Any], key: str, label: str) -> Cell:
    text = text_of(attributes.get(key)).text
    query = f'label.{label}:"{text}"' if text and '"' not in text and "\\" not in text else None
    return Cell(text, query=query)


def size(value: object) -> Cell:
    """Write a size as one reads it, its exact number of bytes behind it."""
    if isinstance(value, bool) or not isinstance(value, int):
        return text_of(value)
    told, exact = human_size(value), f"{value:,} bytes"
    return Cell(f"{told} ({exact})" if abs(value) >= 1024 else exact)


def _failure(attributes: Mapping[str, Any]) -> Rows:
    yield "can restart", yes_no(attributes.get("canRestart"))
    yield "global", yes_no(attributes.get("isGlobalFailure"))


def _failure_labels(attributes: Mapping[str, Any]) -> Rows:
    for key in found_by_enrichers(attributes):
        yield key, _by_label(attributes, FAILURE_LABEL + key, f"flink.failure-label.{key}")


def yes_no(value: object) -> Cell:
    text = text_of(value).text
    return Cell(YES_NO.get(text, text))


def _states(attributes: Mapping[str, Any]) -> Rows:
    yield "job status", _by_label(attributes, "newJobStatus", "flink.job-status")
    yield "subtasks", _by_label(attributes, "status", "flink.subtasks-status")


def _custom(event: Event, attributes: Mapping[str, Any]) -> Rows:
    """Yield what a job has told of its own, apart from where it runs."""
    if event.event.startswith(CUSTOM_PREFIX):
        yield from plain({key: attributes[key] for key in attributes if key not in VARIABLES})


def _where(event: Event, attributes: Mapping[str, Any]) -> Rows:
    for key, name in WHERE.items():
        yield name, text_of(attributes.get(key))
    yield "severity, as Flink says it", severity(event.payload)
    yield "scope", text_of(event.payload.get("scope"))


def register_flink_details() -> None:
    register_details("flink", flink_details)
