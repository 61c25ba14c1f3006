"""What people of Flyte look for on an event's page: error, attempt, data, logs, cache, pods."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from apps.events.details import Block, Cell, Facts, Failure, register_details, table
from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE
from apps.events.models import Event
from apps.ingest.adapters.flyte.data import LITERALS
from apps.ingest.adapters.flyte.drafts import RESOURCE_NAME, gist, moment
from apps.ingest.adapters.flyte.words import (
    CACHE_WORDS,
    ERROR_KIND_WORDS,
    INSTANCE_WORDS,
    RESERVATION_WORDS,
    TASK_PHASES,
    in_words,
)
from apps.ingest.adapters.openlineage.places import dataset_at
from apps.query.parse import clause

Json = Mapping[str, Any]
Rows = Sequence[Sequence[Cell]]


def register_flyte_details() -> None:
    register_details("flyte", details_of)


def details_of(event: Event) -> Sequence[Block]:
    """Return the blocks of an event; its payload may be anything."""
    told = event.payload if isinstance(event.payload, dict) else {}
    return [
        *_failure(told),
        *_facts("Execution", EXECUTION, told),
        *table("Logs", ("Log", "Of", "Format"), _logs(told)),
        *_facts("Data", DATA, told),
        *_facts("Cache", CACHE, told),
        *table("Cached in", ("Role", "Name"), _cached(event)),
        *table("External resources", EXTERNAL_HEAD, _external_resources(told)),
        *table("Reasons", ("When", "Reason"), _reasons(told)),
        *table("Pods", ("Pod", "Namespace", "Containers"), _pods(told)),
        *table("Resource pools", ("Namespace", "Token"), _pools(told)),
    ]


def _failure(told: Json) -> Iterator[Block]:
    error = _object(told, "error")
    if not error:
        return
    message = _text(error, "message")
    said = gist(message).strip()
    kind = in_words(ERROR_KIND_WORDS, error["kind"]) if "kind" in error else None
    yield Failure(
        said or "It says no more.",
        code=_text(error, "code") or None,
        kind=kind,
        stack=message if message.strip() != said else None,
    )


# Facts: a name, and how to find its value.

Find = Callable[[Json], Cell | None]


def _at(*path: str, words: Mapping[str, str] | None = None) -> Find:
    def find(told: Json) -> Cell | None:
        *holders, key = path
        for holder in holders:
            told = _object(told, holder)
        value = told.get(key)
        if value in (None, "") or isinstance(value, dict | list):
            return None
        if words is not None:
            return Cell(in_words(words, value), hint=str(value))
        return Cell(str(value))

    return find


def _uri(*path: str) -> Find:
    def find(told: Json) -> Cell | None:
        cell = _at(*path)(told)
        if cell is None:
            return None
        dataset = None if cell.text.endswith(LITERALS) else dataset_at(cell.text)
        query = clause("any", dataset[RESOURCE_ID]) if dataset else None
        return Cell(cell.text, query=query, href=cell.text)

    return find


def _inline(*path: str) -> Find:
    """Say how large a value is that was left out of the payload, or that it is in it."""

    def find(told: Json) -> Cell | None:
        for holder in path:
            told = _object(told, holder)
        if not told:
            return None
        left_out = _object(told, "left_out")
        size = left_out.get("bytes")
        if not isinstance(size, int):
            return Cell("in the payload")
        return Cell(f"left out, {size:,} bytes", hint=f"SHA-256 {left_out.get('sha256')}")

    return find


def _attempt(told: Json) -> Cell | None:
    """Count from 1, as people do."""
    if "task_id" not in told:
        return None
    return _counted(told.get("retry_attempt", 0), "retry_attempt")


def _parent_attempt(told: Json) -> Cell | None:
    group = told.get("retry_group")
    is_number = isinstance(group, str) and group.isascii() and group.isdigit() and len(group) < 10
    return _counted(int(group), "retry_group") if is_number and group else None


def _counted(value: Any, name: str) -> Cell | None:
    return Cell(str(value + 1), hint=f"{name} {value}") if type(value) is int else None


def _cluster(told: Json) -> Cell | None:
    producer = _text(told, "producer_id")
    return Cell(producer, query=clause("label.flyte.producer", producer)) if producer else None


def _sort_of_node(told: Json) -> Cell | None:
    sorts = [word for flag, word in NODE_SORTS.items() if told.get(flag) is True]
    return Cell(", ".join(sorts)) if sorts else None


NODE_SORTS = {
    "is_parent": "parent of others",
    "is_dynamic": "dynamic",
    "is_array": "array",
    "is_in_dynamic_chain": "inside of a dynamic workflow",
    "is_eager": "eager",
}
EXECUTION: Mapping[str, Find] = {
    "attempt": _attempt,
    "attempt of the parent": _parent_attempt,
    "node": _at("spec_node_id"),
    "sort of node": _sort_of_node,
    "task type": _at("task_type"),
    "plugin": _at("metadata", "plugin_identifier"),
    "instance": _at("metadata", "instance_class", words=INSTANCE_WORDS),
    "generated name": _at("metadata", "generated_name"),
    "version of the phase": _at("phase_version"),
    "principal": _at("principal"),
    "sent by": _cluster,
    "error found at": _at("error", "timestamp"),
    "error found by": _at("error", "worker"),
}
DATA: Mapping[str, Find] = {
    "input": _uri("input_uri"),
    "input data": _inline("input_data"),
    "output": _uri("output_uri"),
    "output data": _inline("output_data"),
    "error": _uri("error", "error_uri"),
    "deck": _uri("deck_uri"),
    "checkpoint": _uri("task_node_metadata", "checkpoint_uri"),
    "dynamic job": _uri("task_node_metadata", "dynamic_workflow", "dynamic_job_spec_uri"),
    "compiled workflow": _inline("task_node_metadata", "dynamic_workflow", "compiled_workflow"),
}
CACHE: Mapping[str, Find] = {
    "status": _at("task_node_metadata", "cache_status", words=CACHE_WORDS),
    "reservation": _at("task_node_metadata", "reservation_status", words=RESERVATION_WORDS),
    "version": _at("task_node_metadata", "catalog_key", "dataset_id", "version"),
    "artifact tag": _at("task_node_metadata", "catalog_key", "artifact_tag", "name"),
    "artifact id": _at("task_node_metadata", "catalog_key", "artifact_tag", "artifact_id"),
}


def _facts(title: str, table: Mapping[str, Find], told: Json) -> Iterator[Block]:
    if rows := [(name, cell) for name, find in table.items() if (cell := find(told))]:
        yield Facts(title, rows)


# Tables.


def _logs(told: Json) -> Rows:
    """List the logs of the task, and those of what it has started elsewhere."""
    owned = [("", log) for log in _objects(told, "logs")]
    for resource in _externals(told):
        owned += [(_text(resource, "external_id"), log) for log in _objects(resource, "logs")]
    return [
        (
            Cell(_text(log, "name") or _text(log, "uri"), href=_text(log, "uri") or None),
            Cell(owner),
            Cell(_said(log.get("message_format"))),
        )
        for owner, log in owned
    ]


CACHED_ROLES = {"dataset": "dataset", "cached-source": "computed by"}


def _cached(event: Event) -> Rows:
    return [
        (Cell(CACHED_ROLES[role]), Cell(labels.get(RESOURCE_NAME) or id, query=clause("any", id)))
        for labels in event.related
        if (role := labels.get(RESOURCE_ROLE, "")) in CACHED_ROLES
        and (id := labels.get(RESOURCE_ID))
    ]


EXTERNAL_HEAD = ("Index", "Id", "Phase", "Attempt", "Cache")


def _external_resources(told: Json) -> Rows:
    return [
        (
            Cell(_said(resource.get("index", 0))),
            Cell(_text(resource, "external_id")),
            Cell(_phase(resource.get("phase", "UNDEFINED"))),
            _counted(resource.get("retry_attempt", 0), "retry_attempt") or Cell(""),
            Cell(in_words(CACHE_WORDS, resource.get("cache_status", "CACHE_DISABLED"))),
        )
        for resource in _externals(told)
    ]


def _phase(value: Any) -> str:
    text = TASK_PHASES[value][0] if isinstance(value, str) and value in TASK_PHASES else ""
    return text.removeprefix("Task attempt ") or in_words({}, value)


def _reasons(told: Json) -> Rows:
    listed = [
        (_when(_text(told, "occurred_at")), Cell(_text(told, "reason")))
        for told in _objects(told, "reasons")
    ]
    reason = _text(told, "reason")
    return listed or ([(_when(_text(told, "occurred_at")), Cell(reason))] if reason else [])


def _when(told: str) -> Cell:
    """Write a time with its date to the second, as told behind it."""
    try:
        return Cell(f"{moment(told):%Y-%m-%d %H:%M:%S}", hint=told)
    except (ValueError, OverflowError):
        return Cell(told)


def _pods(told: Json) -> Rows:
    holders = [told, *_externals(told)]
    return [
        (Cell(_text(pod, "pod_name")), Cell(_text(pod, "namespace")), Cell(_containers(pod)))
        for holder in holders
        for pod in _objects(_object(holder, "log_context"), "pods")
    ]


def _containers(pod: Json) -> str:
    containers = [*_objects(pod, "init_containers"), *_objects(pod, "containers")]
    return ", ".join(_text(container, "container_name") for container in containers)


def _pools(told: Json) -> Rows:
    return [
        (Cell(_text(pool, "namespace")), Cell(_text(pool, "allocation_token")))
        for pool in _objects(_object(told, "metadata"), "resource_pool_info")
    ]


# Payloads hold anything: other doors know Flyte's names, too.


def _externals(told: Json) -> list[Json]:
    return _objects(_object(told, "metadata"), "external_resources")


def _object(holder: Json, key: str) -> Json:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _objects(holder: Json, key: str) -> list[Json]:
    value = holder.get(key)
    return [held for held in value if isinstance(held, dict)] if isinstance(value, list) else []


def _text(holder: Json, key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""


def _said(value: object) -> str:
    return "" if value is None else str(value)
