"""Every value of every enum of Flyte, in words."""

from typing import Any

import pytest

pytest.importorskip("flyteidl")

from flyteidl.core import catalog_pb2, execution_pb2, identifier_pb2
from flyteidl.event import event_pb2

from apps.events.words import kind_of, owner_of, words
from apps.ingest.adapters.flyte import messages as flyte_messages
from apps.ingest.adapters.flyte import words as flyte_words
from apps.ingest.adapters.flyte.drafts import ENTITIES
from apps.ingest.adapters.flyte.words import in_words
from apps.query.outcomes import Outcome

PHASES: list[tuple[str, Any, Any]] = [
    (
        "workflow-execution",
        execution_pb2.WorkflowExecution.Phase,
        flyte_messages.WORKFLOW_PHASES,
    ),
    ("node-execution", execution_pb2.NodeExecution.Phase, flyte_messages.NODE_PHASES),
    ("task-execution", execution_pb2.TaskExecution.Phase, flyte_messages.TASK_PHASES),
]
ENUMS: list[tuple[Any, tuple[str, ...], Any]] = [
    *((enum, names, flyte_words.PHASES[noun][2]) for noun, enum, names in PHASES),
    (
        catalog_pb2.CatalogCacheStatus,
        flyte_messages.CACHE_STATUSES,
        flyte_words.CACHE_WORDS,
    ),
    (
        catalog_pb2.CatalogReservation.Status,
        flyte_messages.RESERVATION_STATUSES,
        flyte_words.RESERVATION_WORDS,
    ),
    (
        execution_pb2.ExecutionError.ErrorKind,
        flyte_messages.ERROR_KINDS,
        flyte_words.ERROR_KIND_WORDS,
    ),
    (
        event_pb2.TaskExecutionMetadata.InstanceClass,
        flyte_messages.INSTANCE_CLASSES,
        flyte_words.INSTANCE_WORDS,
    ),
    (execution_pb2.TaskLog.MessageFormat, flyte_messages.LOG_FORMATS, None),
    (identifier_pb2.ResourceType, flyte_messages.RESOURCE_TYPES, None),
]


@pytest.mark.parametrize(("enum", "names", "table"), ENUMS)
def test_every_value_stands_at_its_number_and_has_words(
    enum: Any, names: tuple[str, ...], table: Any
) -> None:
    assert dict(enum.items()) == {name: number for number, name in enumerate(names)}
    assert table is None or set(table) == set(names)


def test_every_type_of_entity_has_a_role() -> None:
    assert set(ENTITIES) == set(flyte_messages.RESOURCE_TYPES) - {"UNSPECIFIED"}


@pytest.mark.parametrize(("noun", "names"), [(noun, names) for noun, _, names in PHASES])
def test_every_phase_is_told_in_words_of_its_own(noun: str, names: tuple[str, ...]) -> None:
    told = [words(f"flyte.{noun}.{phase}") for phase in names]
    assert len({one.text for one in told}) == len(names)
    assert {one.owner for one in told} == {"flyte"}
    assert {one.kind for one in told} == {noun.replace("-", " ")}


OUTCOMES = {
    "flyte.workflow-execution.QUEUED": Outcome.WAITING,
    "flyte.workflow-execution.FAILING": Outcome.RUNNING,
    "flyte.workflow-execution.FAILED": Outcome.FAILED,
    "flyte.workflow-execution.TIMED_OUT": Outcome.FAILED,
    "flyte.workflow-execution.ABORTED": Outcome.INFORMATION,
    "flyte.node-execution.RECOVERED": Outcome.COMPLETED,
    "flyte.node-execution.SKIPPED": Outcome.INFORMATION,
    "flyte.node-execution.DYNAMIC_RUNNING": Outcome.RUNNING,
    "flyte.task-execution.RETRYABLE_FAILED": Outcome.FAILED,
    "flyte.task-execution.WAITING_FOR_RESOURCES": Outcome.WAITING,
}


@pytest.mark.parametrize(("event", "outcome"), OUTCOMES.items())
def test_a_phase_has_its_outcome(event: str, outcome: Outcome) -> None:
    assert words(event).outcome == outcome


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ("flyte.node-execution.PAUSED_BY_USER", "Node paused by user"),
        ("flyte.task-execution.42", "Task attempt in phase 42"),
        ("flyte.workflow-execution.start", "Workflow execution started"),
    ],
)
def test_a_phase_that_is_newer_has_words_too(event: str, text: str) -> None:
    assert words(event).text == text


def test_a_status_that_is_newer_says_itself() -> None:
    assert in_words(flyte_words.CACHE_WORDS, "CACHE_WARMED") == "cache warmed"
    assert in_words(flyte_words.CACHE_WORDS, 42) == "42"


def test_ids_tell_their_kind_and_owner() -> None:
    assert kind_of("flyte.task-execution.p.d.f1.n0.0").text == "task execution"
    assert kind_of("flyte.launch-plan.p.d.nightly.v1").icon == "rocket"
    assert owner_of("flyte.task.p.d.n.v") == "flyte"
