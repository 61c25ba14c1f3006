"""What the page of one of Flyte's events shows above its payload."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.events.details import Block, Facts, Failure, Table, details
from apps.events.models import Event
from tests.ingest.flyte_messages import NODE_ID, TASK, draft


def blocks(kind: str, **fields: Any) -> dict[str, Block]:
    """Return the blocks of an event by their titles."""
    told = draft(kind, **fields)
    event = Event(payload=told.payload, related=told.related, resource=told.resource)
    event.system = "flyte"
    return {getattr(block, "title", "Failure"): block for block in details(event)}


def facts(block: Block) -> dict[str, str]:
    assert isinstance(block, Facts)
    return {name: cell.text for name, cell in block.rows}


def rows(block: Block) -> list[list[str]]:
    assert isinstance(block, Table)
    return [[cell.text for cell in row] for row in block.rows]


TRACEBACK = "Traceback (most recent call last):\n  File …\n\nMessage:\n\n    ValueError: no\n"


def test_an_error_tells_code_kind_and_message_with_its_stack() -> None:
    error = {"code": "USER:ValueError", "kind": "USER", "message": TRACEBACK}
    told = blocks("workflows", phase="FAILED", error=error)["Failure"]
    assert told == Failure("ValueError: no", "USER:ValueError", "user error", TRACEBACK)


def test_an_error_without_a_stack_has_none() -> None:
    told = blocks("tasks", error={"code": "OOMKilled", "message": "exit code 137"})["Failure"]
    assert told == Failure("exit code 137", "OOMKilled", None, None)


@pytest.mark.parametrize(("told", "attempt"), [(None, "1"), (0, "1"), (2, "3")])
def test_attempts_are_counted_from_one(told: int | None, attempt: str) -> None:
    shown = facts(blocks("tasks", retry_attempt=told)["Execution"])
    assert shown["attempt"] == attempt


def test_the_attempt_of_a_nodes_parent_is_counted_from_one_too() -> None:
    shown = facts(blocks("nodes", retry_group="1", is_dynamic=True, is_array=True)["Execution"])
    assert shown["attempt of the parent"] == "2"
    assert shown["sort of node"] == "dynamic, array"


def test_logs_are_links_also_those_of_external_resources() -> None:
    external = {"external_id": "x-1", "logs": [{"uri": "https://logs/2"}]}
    told = blocks(
        "tasks",
        logs=[{"uri": "https://logs/1", "name": "Kubernetes", "message_format": "JSON"}],
        metadata={"external_resources": [external]},
    )["Logs"]
    assert isinstance(told, Table)
    assert rows(told) == [["Kubernetes", "", "JSON"], ["https://logs/2", "x-1", ""]]
    assert [row[0].href for row in told.rows] == ["https://logs/1", "https://logs/2"]


def test_data_are_told_by_uri_or_size() -> None:
    large = {"literals": {"a": {"scalar": {"primitive": {"string_value": "x" * 300_000}}}}}
    shown = facts(blocks("nodes", input_data=large, output_uri="s3://b/out.pb")["Data"])
    assert shown["input data"].startswith("left out, 300,0")
    assert shown["output"] == "s3://b/out.pb"
    small = facts(blocks("nodes", output_data={"literals": {}}, deck_uri="s3://d")["Data"])
    assert small == {"output data": "in the payload", "deck": "s3://d"}


def test_the_cache_is_told_in_words_with_its_source() -> None:
    catalog = {
        "dataset_id": {**TASK, "resource_type": "DATASET", "name": "flyte_task-fit"},
        "artifact_tag": {"artifact_id": "c2a1", "name": "tag"},
        "source_task_execution": {"task_id": TASK, "node_execution_id": NODE_ID},
    }
    work = {"cache_status": "CACHE_HIT", "reservation_status": 2, "catalog_key": catalog}
    told = blocks("nodes", task_node_metadata=work)
    assert facts(told["Cache"]) == {
        "status": "cache hit",
        "reservation": "held by another execution",
        "version": "v1",
        "artifact tag": "tag",
        "artifact id": "c2a1",
    }
    cached = told["Cached in"]
    assert rows(cached) == [["dataset", "flyte_task-fit"], ["computed by", "fit"]]
    assert isinstance(cached, Table)
    assert all(row[1].query.startswith("any:") for row in cached.rows)


def test_external_resources_pods_pools_and_reasons_are_tables() -> None:
    pod = {
        "namespace": "flyte",
        "pod_name": "p-0",
        "containers": [{"container_name": "main"}],
        "init_containers": [{"container_name": "copilot"}],
    }
    external = {"external_id": "x-1", "index": 3, "phase": 8, "retry_attempt": 1, "cache_status": 1}
    told = blocks(
        "tasks",
        metadata={
            "external_resources": [external, {"phase": "NEWER_PHASE"}],
            "resource_pool_info": [{"allocation_token": "t", "namespace": "gpu"}],
        },
        log_context={"pods": [pod]},
        reasons=[{"reason": "Pulled", "occurred_at": "2026-11-20T10:00:06Z"}],
    )
    assert rows(told["External resources"]) == [
        ["3", "x-1", "failed, retrying", "2", "cache miss"],
        ["0", "", "newer phase", "1", "not cached"],
    ]
    assert rows(told["Pods"]) == [["p-0", "flyte", "copilot, main"]]
    assert rows(told["Resource pools"]) == [["gpu", "t"]]
    assert rows(told["Reasons"]) == [["2026-11-20 10:00:06", "Pulled"]]


def test_long_tables_are_cut_and_say_so() -> None:
    externals = [{"external_id": str(index), "index": index} for index in range(250)]
    told = blocks("tasks", metadata={"external_resources": externals})["External resources"]
    assert isinstance(told, Table)
    assert (len(told.rows), told.left_out) == (100, 150)


FIELDS = (
    *("task_id", "id", "error", "logs", "metadata", "task_node_metadata", "retry_group"),
    *("retry_attempt", "reasons", "reason", "log_context", "input_data", "output_uri", "kind"),
    *("external_resources", "catalog_key", "dataset_id", "cache_status", "pods", "message"),
    *("left_out", "phase", "producer_id", "bytes"),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=20,
)


@given(payload=ANYTHING)
def test_no_payload_breaks_the_page(payload: Any) -> None:
    """Events with Flyte's names come through other doors, too."""
    event = Event(payload=payload, related=[], resource={})
    event.system = "flyte"
    assert all(isinstance(block, Block) for block in details(event))
