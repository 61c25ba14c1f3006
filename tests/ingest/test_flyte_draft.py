"""What an event of Flyte becomes: one event by every way, its hierarchy, what it is about."""

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from apps.events.draft import Draft
from apps.ingest.adapters.flyte.adapter import read_flyte_request
from apps.ingest.adapters.openlineage.related import named
from apps.query.outcomes import Outcome
from tests.ingest.flyte_messages import (
    EVENTS,
    EXECUTION,
    NODE_ID,
    TASK,
    by_json,
    by_protobuf,
    by_version_1,
    by_version_2,
    draft,
    event,
    in_role,
    read,
    refusal,
    request,
    structured,
)

kinds = pytest.mark.parametrize("kind", EVENTS)
OF_F1 = "flytesnacks.development.f1"


# Identity.


@kinds
def test_one_event_is_one_by_every_way(kind: str) -> None:
    told = request(kind, producer_id="propeller")
    raw = told.SerializeToString()
    reading = read_flyte_request(kind, raw)
    assert isinstance(reading, tuple)
    [by_grpc] = reading
    ways = [
        by_protobuf(kind, raw),
        by_json(kind, MessageToDict(told.event)),
        by_json(kind, MessageToDict(told.event, preserving_proto_field_name=True)),
        by_version_1(kind, told),
        by_version_2(kind, told),
        by_version_2(kind, told, labels={"team": "ml"}),
    ]
    for way in ways:
        assert read(way).id == by_grpc.id
        assert read(way).once
    assert [read(way) for way in ways[:5]] == [by_grpc] * 5


@kinds
def test_an_event_sent_again_after_a_restart_has_another_time_and_the_same_id(kind: str) -> None:
    again = draft(kind, occurred_at="2026-11-20T11:00:00Z", producer_id="propeller-2")
    assert again.id == draft(kind).id
    assert again.occurred != draft(kind).occurred


OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("workflows", {"phase": "SUCCEEDED"}),
    ("workflows", {"execution_id": {**EXECUTION, "org": "acme"}}),
    ("workflows", {"execution_id": {**EXECUTION, "domain": "production"}}),
    ("nodes", {"retry_group": "1"}),
    ("nodes", {"id": {**NODE_ID, "node_id": "n0-1-dn1"}}),
    ("nodes", {"phase": "DYNAMIC_RUNNING"}),
    ("tasks", {"phase_version": 1}),
    ("tasks", {"retry_attempt": 1}),
    ("tasks", {"task_id": {**TASK, "version": "v2"}}),
]


@pytest.mark.parametrize(("kind", "fields"), OTHERS)
def test_what_flyte_tells_apart_are_two_events(kind: str, fields: dict[str, Any]) -> None:
    assert draft(kind, **fields).id != draft(kind).id


SAME: list[tuple[str, dict[str, Any]]] = [
    ("workflows", {"output_uri": "s3://b"}),
    ("nodes", {"reported_at": "2026-11-20T10:00:09Z"}),
    ("tasks", {"retry_attempt": 0, "phase_version": 0, "reason": "again"}),
]


@pytest.mark.parametrize(("kind", "fields"), SAME)
def test_what_flyte_does_not_tell_apart_is_one_event(kind: str, fields: dict[str, Any]) -> None:
    assert draft(kind, **fields).id == draft(kind).id


def test_an_execution_may_be_queued_again_on_another_cluster() -> None:
    first, second = (draft("workflows", phase="QUEUED", producer_id=one) for one in ("a", "b"))
    assert first.id != second.id


# Time.


def test_the_time_of_reporting_stands_for_that_of_happening() -> None:
    told = draft("nodes", occurred_at=None, reported_at="2026-11-20T10:00:09Z")
    assert told.occurred.isoformat() == "2026-11-20T10:00:09+00:00"


def test_the_time_of_the_envelope_stands_for_that_of_the_event() -> None:
    told = read(by_version_1("nodes", request("nodes", occurred_at=None)))
    assert (told.occurred.isoformat(), told.warnings) == ("2026-11-20T10:00:07+00:00", ())


def test_an_event_without_any_time_is_kept_with_a_warning() -> None:
    told = draft("nodes", occurred_at=None)
    assert told.warnings == ("It says no time: the time of its arrival stands for it.",)
    assert told.id == draft("nodes").id


# What it is about.


def test_a_workflow_tells_its_execution_cluster_and_places() -> None:
    told = draft("workflows", producer_id="cluster-eu-1")
    assert told.event == "flyte.workflow-execution.RUNNING"
    assert told.resource == {
        "prefect.resource.id": f"flyte.workflow-execution.{OF_F1}",
        "prefect.resource.name": "f1",
        "flyte.project": "flytesnacks",
        "flyte.domain": "development",
        "flyte.phase": "RUNNING",
        "flyte.producer": "cluster-eu-1",
    }
    assert in_role(told, "cluster") == ["flyte.cluster.cluster-eu-1"]
    assert in_role(told, "project") == ["flyte.project.flytesnacks"]
    assert in_role(told, "domain") == ["flyte.domain.development"]


def test_an_organisation_is_part_of_the_ids() -> None:
    told = draft("workflows", execution_id={**EXECUTION, "org": "acme"})
    assert told.resource_id == f"flyte.workflow-execution.acme.{OF_F1}"
    assert told.resource["flyte.org"] == "acme"


def test_a_node_tells_its_place_in_the_hierarchy() -> None:
    told = draft(
        "nodes",
        parent_node_metadata={"node_id": "n0"},
        retry_group="1",
        spec_node_id="dn1",
        node_name="fit",
        is_dynamic=True,
        is_array=False,
        target_entity=TASK,
    )
    assert told.resource_id == f"flyte.node-execution.{OF_F1}.n0-0-dn1"
    assert told.resource["prefect.resource.name"] == "fit"
    assert told.resource["flyte.retry-group"] == "1"
    assert told.resource["flyte.spec-node-id"] == "dn1"
    assert told.resource["flyte.is-dynamic"] == "true"
    assert "flyte.is-array" not in told.resource
    assert in_role(told, "workflow-execution") == [f"flyte.workflow-execution.{OF_F1}"]
    assert in_role(told, "parent-node") == [f"flyte.node-execution.{OF_F1}.n0"]
    assert in_role(told, "task") == ["flyte.task.flytesnacks.development.workflows.train.fit.v1"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"node_name": "fit", "spec_node_id": "dn1"}, "fit"),
        ({"spec_node_id": "dn1"}, "dn1"),
        ({}, "n0-0-dn1"),
    ],
)
def test_a_node_is_called_as_people_call_it(fields: dict[str, Any], name: str) -> None:
    assert draft("nodes", **fields).resource["prefect.resource.name"] == name


def test_a_node_tells_the_execution_that_it_has_launched() -> None:
    launched = {"execution_id": {**EXECUTION, "name": "f2"}}
    told = draft("nodes", workflow_node_metadata=launched)
    assert in_role(told, "launched-execution") == [
        "flyte.workflow-execution.flytesnacks.development.f2"
    ]


def test_a_cached_node_tells_dataset_tag_and_source() -> None:
    source = {"task_id": TASK, "node_execution_id": NODE_ID, "retry_attempt": 2}
    tag = {"artifact_id": "c2a1", "name": "flyte_cached-b7"}
    catalog = {
        "dataset_id": {**TASK, "resource_type": "DATASET", "name": "flyte_task-fit"},
        "artifact_tag": tag,
        "source_task_execution": source,
    }
    work = {"cache_status": "CACHE_HIT", "catalog_key": catalog}
    told = draft("nodes", phase="SUCCEEDED", task_node_metadata=work)
    assert in_role(told, "cached-source") == [f"flyte.task-execution.{OF_F1}.n0-0-dn1.2"]
    [dataset] = [labels for labels in told.related if "flyte.artifact-tag" in labels]
    assert dataset == {
        "prefect.resource.id": "flyte.dataset.flytesnacks.development.flyte_task-fit.v1",
        "prefect.resource.role": "dataset",
        "prefect.resource.name": "flyte_task-fit",
        "flyte.artifact-tag": "flyte_cached-b7",
        "flyte.artifact-id": "c2a1",
    }
    assert told.resource["flyte.cache-status"] == "CACHE_HIT"
    assert told.message == "cache hit"


def test_a_node_of_the_first_version_tells_its_parent_task() -> None:
    parent = {"id": {"task_id": TASK, "node_execution_id": NODE_ID}}
    told = draft("nodes", parent_task_metadata=parent)
    assert in_role(told, "parent-task") == [f"flyte.task-execution.{OF_F1}.n0-0-dn1.0"]


def test_a_dynamic_node_tells_its_workflow() -> None:
    workflow = {**TASK, "resource_type": "WORKFLOW", "name": "loop"}
    told = draft("nodes", task_node_metadata={"dynamic_workflow": {"id": workflow}})
    assert in_role(told, "dynamic-workflow") == ["flyte.workflow.flytesnacks.development.loop.v1"]


@pytest.mark.parametrize(
    ("type", "role"),
    {
        "TASK": "task",
        "WORKFLOW": "workflow",
        "LAUNCH_PLAN": "launch-plan",
        "NEWER": "entity",
    }.items(),
)
def test_the_type_of_what_a_node_runs_is_its_role(type: str, role: str) -> None:
    told = draft("nodes", target_entity={**TASK, "resource_type": type})
    assert in_role(told, role) == [f"flyte.{role}.flytesnacks.development.workflows.train.fit.v1"]


def test_a_task_tells_attempt_node_and_task() -> None:
    metadata = {
        "generated_name": "f1-n0-0-dn1-1",
        "plugin_identifier": "container",
        "instance_class": "INTERRUPTIBLE",
    }
    told = draft(
        "tasks", retry_attempt=1, phase_version=3, task_type="python-task", metadata=metadata
    )
    assert told.resource == {
        "prefect.resource.id": f"flyte.task-execution.{OF_F1}.n0-0-dn1.1",
        "prefect.resource.name": "fit",
        "flyte.name": "workflows.train.fit",
        "flyte.project": "flytesnacks",
        "flyte.domain": "development",
        "flyte.node-id": "n0-0-dn1",
        "flyte.retry-attempt": "1",
        "flyte.phase-version": "3",
        "flyte.task-type": "python-task",
        "flyte.plugin": "container",
        "flyte.instance-class": "INTERRUPTIBLE",
        "flyte.generated-name": "f1-n0-0-dn1-1",
        "flyte.phase": "RUNNING",
    }
    assert in_role(told, "workflow-execution") == [f"flyte.workflow-execution.{OF_F1}"]
    assert in_role(told, "node") == [f"flyte.node-execution.{OF_F1}.n0-0-dn1"]
    assert in_role(told, "task") == ["flyte.task.flytesnacks.development.workflows.train.fit.v1"]


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("workflows.train.fit", "fit"),
        ("fit", "fit"),
        ("forecast.v1.2", "forecast.v1.2"),
        ("train.", "train."),
    ],
)
def test_a_task_is_called_by_the_last_part_of_its_name(name: str, called: str) -> None:
    told = draft("tasks", task_id={**TASK, "name": name})
    [task] = [labels for labels in told.related if labels["prefect.resource.role"] == "task"]
    for labels in (told.resource, task):
        assert labels["prefect.resource.name"] == called
        assert labels.get("flyte.name", called) == name


def test_what_says_most_comes_first_and_the_cluster_last() -> None:
    told = draft("workflows", producer_id="propeller", output_uri="s3://lake/scores")
    roles = [labels["prefect.resource.role"] for labels in told.related]
    assert roles == ["output", "project", "domain", "cluster"]


def blob(uri: str) -> dict[str, Any]:
    return {"scalar": {"blob": {"metadata": {}, "uri": uri}}}


@pytest.mark.parametrize("kind", ["workflows", "tasks"])
@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"output_uri": "s3://lake/churn/scores"}, ["churn/scores"]),
        ({"output_uri": "s3a://lake/churn/scores/"}, ["churn/scores"]),
        ({"output_uri": "s3://lake/metadata/f1/n0/data/0/outputs.pb"}, []),
        ({"output_uri": "s3://lake"}, []),
        ({"output_uri": "/var/outputs"}, []),
        ({"output_data": {"literals": {"o0": blob("s3://lake/a"), "o1": blob("")}}}, ["a"]),
        (
            {
                "output_data": {
                    "literals": {
                        "o0": {"collection": {"literals": [blob("s3://lake/a")]}},
                        "o1": {"scalar": {"structuredDataset": {"uri": "s3://lake/b"}}},
                        "o2": {
                            "map": {
                                "literals": {"k": {"scalar": {"schema": {"uri": "s3://lake/c"}}}}
                            }
                        },
                    }
                }
            },
            ["a", "b", "c"],
        ),
    ],
)
def test_an_output_is_the_dataset_that_openlineage_names(
    kind: str, fields: dict[str, Any], names: list[str]
) -> None:
    told = draft(kind, **fields)
    outputs = [one for one in told.related if one["prefect.resource.role"] == "output"]
    assert [(one["prefect.resource.id"], one["prefect.resource.name"]) for one in outputs] == [
        (named("dataset", {"namespace": "s3://lake", "name": name})["prefect.resource.id"], name)
        for name in names
    ]


def test_an_input_is_a_dataset_too_and_no_part_of_the_identity() -> None:
    told = draft("nodes", input_uri="gs://lake/raw")
    assert in_role(told, "input") == ["openlineage.dataset.gs%3A%2F%2Flake/raw"]
    assert told.id == draft("nodes").id


def test_a_map_task_tells_its_subtasks_once_each() -> None:
    pods = {"pods": [{"namespace": "flyte", "pod_name": "f1-n4-0"}]}
    resources = [
        {"external_id": "f1-n4-0", "phase": 5, "retry_attempt": 1, "log_context": pods},
        {"external_id": "f1-n4-0", "phase": "RUNNING", "retry_attempt": 2, "log_context": pods},
        {"external_id": "", "index": 2},
        {
            "external_id": "f1-n4-2",
            "index": 2,
            "workflow_node_metadata": {"execution_id": {**EXECUTION, "name": "f3"}},
        },
    ]
    told = draft("tasks", metadata={"external_resources": resources}, log_context=pods)
    [first, second] = [
        labels for labels in told.related if labels["prefect.resource.role"] == "external-resource"
    ]
    assert first == {
        "prefect.resource.id": "flyte.external-resource.f1-n4-0",
        "prefect.resource.role": "external-resource",
        "prefect.resource.name": "f1-n4-0",
        "flyte.phase": "FAILED",
        "flyte.index": "0",
        "flyte.retry-attempt": "1",
    }
    assert second["flyte.index"] == "2"
    assert in_role(told, "pod") == ["flyte.pod.flyte.f1-n4-0"]
    assert in_role(told, "launched-execution") == [
        "flyte.workflow-execution.flytesnacks.development.f3"
    ]
    assert len(told.payload["metadata"]["external_resources"]) == 4


def test_an_id_that_is_too_long_is_cut_and_kept_in_a_label() -> None:
    told = draft("tasks", task_id={**TASK, "name": "x" * 2_000})
    [task] = [labels for labels in told.related if labels["prefect.resource.role"] == "task"]
    assert len(task["prefect.resource.id"]) == 1_024
    assert task["eventfeed.whole-id"].endswith("x.v1")


# How it went, and what is worth reading.


@pytest.mark.parametrize(
    ("kind", "phase", "is_terminal"),
    [
        ("workflows", "SUCCEEDING", False),
        ("workflows", "ABORTED", True),
        ("nodes", "RECOVERED", True),
        ("nodes", "FAILING", False),
        ("tasks", "FAILED", True),
        ("tasks", "RETRYABLE_FAILED", False),
    ],
)
def test_the_last_phase_is_labelled(kind: str, phase: str, is_terminal: bool) -> None:
    assert ("flyte.terminal" in draft(kind, phase=phase).resource) == is_terminal


TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no loss'


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, None),
        ({"error": {"message": "boom\n  at last", "code": "E"}}, "boom at last"),
        ({"error": {"message": "", "code": "OOMKilled"}}, "OOMKilled"),
        (
            {
                "error": {
                    "code": "OOMKilled",
                    "message": "[1/1] currentAttempt done. Last Error: SYSTEM::\n\n"
                    "[f1-n0] terminated with exit code (137)",
                }
            },
            "OOMKilled: [f1-n0] terminated with exit code (137)",
        ),
        (
            {"error": {"message": f"[3/3] currentAttempt done. Last Error: USER::{TRACEBACK}"}},
            "ValueError: no loss",
        ),
        ({"error": {"message": TRACEBACK}}, "ValueError: no loss"),
        (
            {"error": {"message": f"{TRACEBACK}\n\nMessage:\n\n    ValueError: x\n\nUser error."}},
            "ValueError: x",
        ),
        ({"reasons": [{"reason": "Pulling"}, {"reason": "Started"}]}, "Started"),
        ({"reason": "Pulling"}, "Pulling"),
        ({"reasons": [{}], "reason": "Pulling"}, "Pulling"),
    ],
)
def test_the_message_is_what_is_worth_reading(fields: dict[str, Any], message: str | None) -> None:
    assert draft("tasks", **fields).message == message


def test_the_error_is_in_the_labels() -> None:
    error = {"code": "USER:ValueError", "message": "x" * 100_000, "kind": "USER"}
    told = draft("workflows", phase="FAILED", error=error)
    assert told.resource["flyte.error.code"] == "USER:ValueError"
    assert told.resource["flyte.error.kind"] == "USER"
    assert told.outcome == Outcome.FAILED
    assert told.payload["error"] == error


# What flyteadmin publishes.


def test_version_2_tells_principal_launch_plan_artifacts_and_labels() -> None:
    artifact = {
        "artifactKey": {"project": "p", "domain": "d", "name": "model"},
        "version": "7",
        "partitions": {"value": {"region": {"staticValue": "eu"}}},
    }
    told = read(
        by_version_2(
            "workflows",
            request("workflows", phase="SUCCEEDED"),
            principal="ada",
            launchPlanId={**TASK, "resource_type": "LAUNCH_PLAN", "name": "nightly"},
            referenceExecution={**EXECUTION, "name": "f0"},
            artifactIds=[artifact],
            labels={"team": "ml"},
            outputInterface={"outputs": {}},
        )
    )
    assert in_role(told, "principal") == ["flyte.principal.ada"]
    assert in_role(told, "launch-plan") == ["flyte.launch-plan.flytesnacks.development.nightly.v1"]
    assert in_role(told, "reference-execution") == [
        "flyte.workflow-execution.flytesnacks.development.f0"
    ]
    assert in_role(told, "artifact") == ["flyte.artifact.p.d.model.7"]
    assert told.resource["flyte.label.team"] == "ml"
    assert told.payload["principal"] == "ada"
    assert told.payload["artifact_ids"][0]["partitions"] == artifact["partitions"]
    assert told.payload["execution_id"] == EXECUTION


def test_the_start_of_an_execution_is_an_event_of_its_own() -> None:
    workflow = {**TASK, "resource_type": "WORKFLOW", "name": "train"}
    start = {"executionId": EXECUTION, "workflowId": workflow, "principal": "ada"}
    told = read(structured("ExecutionStart", start))
    assert isinstance(told, Draft), told
    assert told.event == "flyte.workflow-execution.start"
    assert told.resource_id == f"flyte.workflow-execution.{OF_F1}"
    assert in_role(told, "workflow") == ["flyte.workflow.flytesnacks.development.train.v1"]
    assert in_role(told, "principal") == ["flyte.principal.ada"]


def test_a_type_of_a_newer_admin_is_refused_by_name() -> None:
    where, reason = refusal(structured("Rollout", {}))
    assert where == "type"
    assert reason.startswith("com.flyte.resource.cloudevents.Rollout is no type")


def test_what_is_wrong_in_a_published_event_is_said_with_its_place() -> None:
    told = request("tasks")
    told.event.task_id.name = ""
    assert refusal(by_version_1("tasks", told))[0] == "data.event.task_id.name"
    assert refusal(by_version_2("tasks", told))[0] == "data.raw_event.task_id.name"


def test_a_request_id_is_kept() -> None:
    told = request("tasks")
    told.request_id = "r-1"
    assert read(by_protobuf("tasks", told.SerializeToString())).payload == {
        "request_id": "r-1",
        **event("tasks"),
    }
