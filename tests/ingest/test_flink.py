"""Flink's events, as its OpenTelemetry reporter sends them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from apps.events.details import Facts, Failure, details
from apps.events.models import Event
from apps.events.words import icons, kind_of, words
from apps.ingest.adapters.flink.adapter import (
    CHECKPOINT_STATES,
    JOB_STATES,
    SUBTASK_STATES,
    human_size,
)
from apps.ingest.adapters.flink.words import KINDS
from apps.query.outcomes import Outcome
from tests.ingest.otlp_requests import (
    AT,
    JOB,
    any_value,
    draft_of,
    drafts_in,
    drafts_of,
    read_json,
    read_protobuf,
    record,
    request,
)

CHECKPOINTS = "org.apache.flink.runtime.checkpoint.CheckpointStatsTracker"
FAILURES = "org.apache.flink.runtime.scheduler.adaptive.JobFailureMetricReporter"
CHECKPOINT = {
    "name": "CheckpointEvent",
    "checkpointId": 42,
    "fullSize": 1_048_576,
    "checkpointedSize": 65_536,
    "metadataSize": 4_096,
    "checkpointStatus": "COMPLETED",
    "isUnaligned": "false",
    "checkpointType": "Full Checkpoint",
    **JOB,
}
JOB_ID = f"flink.job.{JOB['job_id']}"
FLINK_HOST = {
    "prefect.resource.id": "flink.host.jm-0",
    "prefect.resource.name": "jm-0",
    "prefect.resource.role": "host",
}


def job_event(name: str, **told: Any):
    return draft_of({"name": name, **told, **JOB})


def test_a_checkpoint_is_an_event_of_its_job():
    draft = draft_of(CHECKPOINT, scope=CHECKPOINTS, body=any_value(""))
    assert (draft.event, draft.system, draft.outcome) == (
        "flink.checkpoint.COMPLETED",
        "flink",
        Outcome.COMPLETED,
    )
    assert draft.occurred == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert draft.message == "Full Checkpoint 42: 64.0 KiB of 1.0 MiB"
    assert draft.resource == {
        "prefect.resource.id": JOB_ID,
        "prefect.resource.name": "orders",
        "flink.scope": CHECKPOINTS,
        "flink.severity": "INFO",
        "flink.checkpoint-status": "COMPLETED",
        "flink.checkpoint-id": "42",
        "flink.checkpoint-type": "Full Checkpoint",
        "flink.unaligned": "false",
    }
    assert draft.related == [
        FLINK_HOST,
        {
            "prefect.resource.id": f"flink.checkpoint.{JOB['job_id']}.42",
            "prefect.resource.name": "42",
            "prefect.resource.role": "checkpoint",
        },
    ]
    assert draft.payload["attributes"] == CHECKPOINT
    assert "body" not in draft.payload


def test_what_happened_is_observed_and_the_time_is_that_of_the_export():
    draft = draft_of(CHECKPOINT, scope=CHECKPOINTS)
    late = draft_of(CHECKPOINT, scope=CHECKPOINTS, timeUnixNano=str(AT + 60_000_000_000))
    assert (late.id, late.occurred) == (draft.id, draft.occurred)


@pytest.mark.parametrize("observed", [str((1 << 64) - 1_000_000), "0", None])
def test_a_checkpoint_that_failed_without_acknowledgement_has_the_time_of_the_export(observed):
    told = {**CHECKPOINT, "checkpointStatus": "FAILED"}
    draft = draft_of(told, scope=CHECKPOINTS, observedTimeUnixNano=observed)
    assert draft.occurred == datetime(2026, 11, 20, 10, 0, 0, 3_000, tzinfo=UTC)
    assert (draft.event, draft.outcome) == ("flink.checkpoint.FAILED", Outcome.FAILED)
    again = draft_of(
        told, scope=CHECKPOINTS, observedTimeUnixNano=observed, timeUnixNano=str(AT + 4_000_000)
    )
    assert draft.id != again.id


def test_a_negative_time_may_be_told_as_such_in_json():
    as_json = request(record(CHECKPOINT, observedTimeUnixNano="-1000000"), scope=CHECKPOINTS)
    as_unsigned = request(
        record(CHECKPOINT, observedTimeUnixNano=str((1 << 64) - 1_000_000)), scope=CHECKPOINTS
    )
    assert drafts_in(read_json(as_json)) == drafts_in(read_protobuf(as_unsigned))


@pytest.mark.parametrize(("state", "outcome"), JOB_STATES.items())
def test_every_state_of_a_job_has_a_name_and_an_outcome(state: str, outcome: Outcome):
    draft = job_event("JobStatusChangeEvent", newJobStatus=state)
    assert (draft.event, draft.outcome) == (f"flink.job.{state}", outcome)
    assert draft.resource["flink.job-status"] == state


@pytest.mark.parametrize(("state", "outcome"), SUBTASK_STATES.items())
def test_every_state_of_the_subtasks_has_a_name_and_an_outcome(state: str, outcome: Outcome):
    draft = job_event("AllSubtasksStatusChangeEvent", status=state)
    assert (draft.event, draft.outcome) == (f"flink.job.subtasks.{state}", outcome)
    assert draft.resource["flink.subtasks-status"] == state


@pytest.mark.parametrize(
    ("can_restart", "outcome"),
    [
        ("true", Outcome.WAITING),
        (True, Outcome.WAITING),
        ("false", Outcome.FAILED),
        (False, Outcome.FAILED),
        ("perhaps", Outcome.FAILED),
    ],
)
def test_a_failure_is_final_when_the_job_cannot_restart(can_restart, outcome: Outcome):
    labels = {"failureLabel.type": "USER", "failureLabel.team": "orders"}
    draft = job_event("JobFailureEvent", canRestart=can_restart, isGlobalFailure="false", **labels)
    assert (draft.event, draft.outcome) == ("flink.job.failure", outcome)
    assert draft.message == "User code failed, team: orders"
    assert draft.resource["flink.can-restart"] == str(can_restart).lower()
    assert draft.resource["flink.global-failure"] == "false"
    assert draft.resource["flink.failure-label.type"] == "USER"
    assert draft.resource["flink.failure-label.team"] == "orders"


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"failureLabel.TYPE": "SYSTEM"}, "The system failed"),
        ({"failureLabel.type": "NEWER"}, "Type: NEWER"),
        (
            {
                "exception.type": "java.lang.IllegalStateException",
                "exception.message": "no order",
                "failureLabel.type": "USER",
            },
            "IllegalStateException: no order",
        ),
        ({}, None),
    ],
)
def test_a_failure_says_what_failed(attributes: dict[str, str], message: str | None):
    assert job_event("JobFailureEvent", canRestart="false", **attributes).message == message


def test_a_state_never_heard_of_is_kept():
    draft = job_event("JobStatusChangeEvent", newJobStatus="HIBERNATING")
    assert (draft.event, draft.outcome) == ("flink.job.HIBERNATING", Outcome.INFORMATION)
    assert words(draft.event).text == "Job hibernating"


CUSTOM = {
    "name": "LateOrderEvent",
    "order": "A-17",
    "lateByMs": 83_000,
    "tm_id": "10.0.0.7:6122-ab",
    "task_id": "cbc3",
    "task_name": "Source: orders",
    "task_attempt_num": 1,
    "subtask_index": 0,
    "operator_id": "feca",
    "operator_name": "enrich",
    **JOB,
}


def test_an_event_of_a_job_says_where_it_was_told():
    draft = draft_of(CUSTOM, scope="com.acme.Enrichment", severityNumber=13, severityText="WARN")
    assert (draft.event, draft.system) == ("flink.custom.LateOrderEvent", "flink")
    assert draft.resource == {
        "prefect.resource.id": JOB_ID,
        "prefect.resource.name": "orders",
        "flink.scope": "com.acme.Enrichment",
        "flink.severity": "WARN",
        "flink.subtask-index": "0",
        "flink.task-attempt": "1",
    }
    assert draft.message == "order A-17, lateByMs 83000"
    related = [(one["prefect.resource.role"], one["prefect.resource.id"]) for one in draft.related]
    assert related == [
        ("host", "flink.host.jm-0"),
        ("taskmanager", "flink.taskmanager.10.0.0.7:6122-ab"),
        ("operator", "flink.operator.feca"),
        ("task", f"flink.task.{JOB['job_id']}.cbc3"),
    ]
    assert words(draft.event).text == "Late order event"


@pytest.mark.parametrize(("severity", "outcome"), [(9, Outcome.INFORMATION), (17, Outcome.FAILED)])
def test_an_event_of_a_job_went_as_its_severity_says(severity: int, outcome: Outcome):
    draft = draft_of(CUSTOM, severityNumber=severity, severityText=None)
    assert draft.outcome == outcome


@pytest.mark.parametrize(("text", "label"), [("INFO", "INFO"), (None, "UNSPECIFIED")])
def test_every_event_has_its_scope_and_severity_as_labels(text, label: str):
    for told in (CHECKPOINT, CUSTOM):
        draft = draft_of(told, severityText=text, severityNumber=None)
        assert draft.resource["flink.severity"] == label
        assert draft.resource["flink.scope"]


def test_a_job_without_its_variables_is_told_by_who_else_tells_it():
    status = {"name": "JobStatusChangeEvent", "newJobStatus": "RUNNING"}
    with_host = draft_of({**status, "host": "jm-0"})
    assert with_host.resource["prefect.resource.id"] == "flink.host.jm-0"
    (alone,) = drafts_of(request(record(status), resource={"service.name": "flink-prod"}))
    assert alone.resource["prefect.resource.id"] == "otel.service.flink-prod"
    (nobody,) = drafts_of(
        request(record(status), resource={"service.name": "unknown_service:java"})
    )
    assert nobody.resource["prefect.resource.id"] == "otel.service.unknown_service:java"
    assert nobody.warnings == ()


def test_a_service_that_has_a_name_is_related():
    told = request(record(CHECKPOINT), scope=CHECKPOINTS, resource={"service.name": "flink-prod"})
    (draft,) = drafts_of(told)
    assert draft.related[-1]["prefect.resource.id"] == "otel.service.flink-prod"


def test_keys_in_brackets_are_read_without_them():
    bracketed = {f"<{key}>": value for key, value in JOB.items()}
    draft = draft_of(
        {"name": "JobStatusChange", "newJobStatus": "FAILED", **bracketed}, scope="x.Y"
    )
    assert draft.event == "flink.job.FAILED"
    assert draft.resource["prefect.resource.id"] == JOB_ID
    assert draft.related == [FLINK_HOST]


def test_what_stands_without_brackets_counts_first():
    draft = draft_of({"name": "X", "<job_id>": "bracketed", "job_id": "bare", "job_name": "n"})
    assert draft.resource["prefect.resource.id"] == "flink.job.bare"


def test_a_fork_that_says_no_name_is_known_by_its_scope():
    draft = draft_of({"checkpointStatus": "COMPLETED", "<job_id>": "j"}, scope=CHECKPOINTS)
    assert (draft.event, draft.payload["name"]) == ("flink.checkpoint.COMPLETED", "CheckpointEvent")


def test_a_known_name_without_what_happened_is_an_event_of_its_own():
    assert job_event("CheckpointEvent").event == "flink.custom.CheckpointEvent"


def test_a_name_of_another_system_is_not_flinks():
    draft = draft_of({"status": "x"}, scope="shop", eventName="Checkpoint")
    assert (draft.event, draft.system) == ("Checkpoint", "otel")


def test_the_events_of_two_checkpoints_at_the_same_moment_are_two():
    told = request(
        record(CHECKPOINT), record({**CHECKPOINT, "checkpointId": 43}), scope=CHECKPOINTS
    )
    assert len({draft.id for draft in drafts_of(told)}) == 2


ODD: list[dict[str, Any]] = [
    {**CHECKPOINT, "checkpointStatus": 5, "checkpointId": "x", "fullSize": "much"},
    {**CHECKPOINT, "checkpointStatus": "", "job_id": 7, "job_name": None},
    {**CHECKPOINT, "checkpointStatus": ["COMPLETED"], "host": {"a": 1}},
    {**CHECKPOINT, "checkpointedSize": True, "fullSize": -5},
    {"name": "JobFailureEvent", "canRestart": None, "failureLabel.": "x", **JOB},
    {"name": "x" * 3_000, **JOB, "job_id": "y" * 3_000},
]


@pytest.mark.parametrize("told", ODD)
def test_odd_values_are_events_all_the_same(told: dict[str, Any]):
    draft = draft_of(told, scope=CHECKPOINTS)
    assert 0 < len(draft.event) <= 1_024
    assert len(draft.resource_id.encode()) <= 1_024
    assert details(stored(draft))


# Words and details.


def stored(draft) -> Event:
    """Return the event as it is read back."""
    return Event(
        id=draft.id,
        event=draft.event,
        system=draft.system,
        resource=draft.resource,
        related=draft.related,
        payload=draft.payload,
    )


NAMES = [
    *(f"flink.checkpoint.{state}" for state in CHECKPOINT_STATES),
    *(f"flink.job.{state}" for state in JOB_STATES),
    *(f"flink.job.subtasks.{state}" for state in SUBTASK_STATES),
]


def test_every_name_has_words_and_the_outcome_that_was_said_at_the_door():
    outcomes = [*CHECKPOINT_STATES.values(), *JOB_STATES.values(), *SUBTASK_STATES.values()]
    for name, outcome in zip(NAMES, outcomes, strict=True):
        told = words(name)
        assert (told.outcome, told.group, told.owner) == (outcome, "Flink", "flink")
        assert "_" not in told.text
    assert len({words(name).text for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize(
    ("can_restart", "text", "outcome"),
    [
        ("true", "Job failed and restarts", Outcome.WAITING),
        ("false", "Job failed for good", Outcome.FAILED),
    ],
)
def test_the_words_of_a_failure_say_whether_it_is_final(can_restart, text, outcome):
    told = words("flink.job.failure", {"flink.can-restart": can_restart})
    assert (told.text, told.outcome) == (text, outcome)


def test_every_kind_of_resource_has_words_and_an_icon():
    assert kind_of(JOB_ID).text == "Flink job"
    assert {kind.icon for kind in KINDS.values()} <= icons()
    for draft in (draft_of(CUSTOM), draft_of(CHECKPOINT, scope=CHECKPOINTS)):
        for labels in draft.related:
            assert kind_of(labels["prefect.resource.id"]).text != "resource"


def rows_in(draft) -> dict[str, dict[str, tuple[str, str | None]]]:
    return {
        block.title: {name: (cell.text, cell.hint) for name, cell in block.rows}
        for block in details(stored(draft))
        if isinstance(block, Facts)
    }


def test_details_of_a_checkpoint_have_its_sizes_in_both_forms_and_its_type():
    told = rows_in(draft_of(CHECKPOINT, scope=CHECKPOINTS))["Checkpoint"]
    assert told == {
        "checkpoint": ("42", None),
        "type": ("Full Checkpoint", None),
        "status": ("COMPLETED", None),
        "written": ("64.0 KiB (65,536 bytes)", None),
        "full size": ("1.0 MiB (1,048,576 bytes)", None),
        "metadata": ("4.0 KiB (4,096 bytes)", None),
        "unaligned": ("no", None),
    }


def test_details_of_a_failure_have_what_the_enrichers_found():
    labels = {"failureLabel.type": "USER", "failureLabel.a b": "x"}
    blocks = rows_in(job_event("JobFailureEvent", canRestart="true", **labels))
    assert blocks["Failure"] == {"can restart": ("yes", None)}
    assert blocks["Failure labels"] == {"type": ("USER", None), "a b": ("x", None)}


def test_details_of_a_jobs_own_event_keep_what_it_says_apart_from_where():
    blocks = rows_in(draft_of(CUSTOM))
    assert blocks["Attributes"] == {"order": ("A-17", None), "lateByMs": ("83000", None)}
    assert blocks["Where"]["task manager"] == ("10.0.0.7:6122-ab", None)


def test_details_of_another_record_show_its_exception():
    told = {"exception.type": "E", "exception.message": "m", "exception.stacktrace": "s"}
    draft = draft_of(told, scope="shop", eventName="exception")
    assert details(stored(draft))[0] == Failure("m", kind="E", stack="s")


@pytest.mark.parametrize("payload", [{}, {"attributes": 5, "resource": [], "body": {"a": 1}}])
@pytest.mark.parametrize("system", ["flink", "otel"])
def test_details_take_any_payload(system: str, payload: dict[str, Any]):
    event = Event(event="flink.custom.x", system=system, resource={}, related=[], payload=payload)
    assert isinstance(details(event), list)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1_023, "1023 bytes"),
        (1_024, "1.0 KiB"),
        (1_536, "1.5 KiB"),
        (5 * 1024**3, "5.0 GiB"),
        ((1 << 63) - 1, "8.0 EiB"),
        (-2_048, "-2.0 KiB"),
    ],
)
def test_sizes_are_told_as_one_reads_them(size: int, text: str):
    assert human_size(size) == text
