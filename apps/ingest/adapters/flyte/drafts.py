"""What an event of Flyte says, in ours: its identity, its hierarchy, and what it is about.

A re-send after a restart of propeller carries another time. So the identity is Flyte's own, from
`IDFromMessage` in flytepropeller/events, without the time; and drafts are stored `once`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.ingest.adapters.flyte.data import datasets_of
from apps.ingest.adapters.flyte.forms import LARGEST, LeftOut, Values, Wrong, left_out
from apps.ingest.adapters.flyte.messages import EVENTS
from apps.ingest.adapters.flyte.words import (
    CACHE_WORDS,
    EXECUTION_STARTED,
    in_words,
    outcome_of,
)
from apps.ingest.adapters.identity import derived, resource_id
from apps.ingest.adapters.message import one_line
from apps.query.outcomes import Outcome

RESOURCE_NAME = "prefect.resource.name"
Labels = dict[str, str]
# The name of a task or workflow in full, where its last part is what people call it.
FULL_NAME = "flyte.name"
# Organisation, project, domain and name of an identifier.
Names = tuple[str, str, str, str]
NOTHING: Mapping[str, Any] = {}

# As flyteadmin has it: nothing follows these.
TERMINAL = {
    "workflow-execution": {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"},
    "node-execution": {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "SKIPPED", "RECOVERED"},
    "task-execution": {"SUCCEEDED", "FAILED", "ABORTED"},
}
# What `resource_type` says an identifier names.
ENTITIES = {
    "TASK": "task",
    "WORKFLOW": "workflow",
    "LAUNCH_PLAN": "launch-plan",
    "DATASET": "dataset",
}
# Rows show the first few of what an event touches: the most telling comes first.
ROLES = (
    *("workflow", "launch-plan", "workflow-execution", "launched-execution", "output", "input"),
    *("project", "domain", "parent-node", "parent-task", "node", "task", "entity"),
    *("dynamic-workflow", "dataset", "cached-source", "external-resource", "artifact"),
    *("reference-execution", "principal", "pod", "cluster"),
)
RANKS = {role: rank for rank, role in enumerate(ROLES)}


class Told(NamedTuple):
    """An event as it was told, and what came beside it."""

    event: Values
    around: Mapping[str, Any] = NOTHING
    """What stands beside the event in its message."""
    published: Mapping[str, Any] = NOTHING
    """What of it flyteadmin adds: principal, launch plan, labels, artifacts."""
    time: datetime | None = None
    """The time of the envelope, for an event that says none."""
    size: int = 0
    """How many bytes the message has: in a small one nothing can be too large to keep."""
    warnings: tuple[str, ...] = ()


class About(NamedTuple):
    """What one kind of event is about: who it is, its labels, and what it touches."""

    identity: tuple[str, ...]
    id: str
    name: str
    labels: Mapping[str, str | None]
    related: Sequence[Labels]
    said: str | None = None
    """What is worth reading where there is no error."""


def draft_of(kind: str, told: Told) -> Draft:
    """Make a draft of an event of `workflows`, `nodes` or `tasks`; raises Wrong."""
    noun, about_of = ABOUT[kind]
    event = told.event
    phase = str(event.get("phase", "UNDEFINED"))
    about = about_of(event, phase)
    occurred, no_time = occurrence(event, TIMES[kind], told.time)
    payload, too_large = without_large(kind, event) if told.size > LARGEST else (event, ())
    id, whole_id = resource_id(about.id)
    return Draft(
        id=derived("flyte", *about.identity),
        occurred=occurred,
        event=f"flyte.{noun}.{phase}",
        resource={
            RESOURCE_ID: id,
            RESOURCE_NAME: about.name,
            **_said(about.labels),
            **_said(_labels_of_all(event, noun, phase)),
            **_sender_labels(told.published),
            **whole_id,
        },
        related=_first_of_each(
            [*about.related, *datasets_of(event), *published_with(told.published)]
        ),
        payload={**told.around, **payload} if told.around else payload,
        system="flyte",
        outcome=outcome_of(noun, phase),
        message=message_of(event, about),
        warnings=(*told.warnings, *both_sides(kind, event), *too_large, *no_time),
        once=True,
    )


def started(told: Told) -> Draft:
    """Make a draft of flyteadmin's own `ExecutionStart`; raises Wrong."""
    event = told.event
    execution = _required(event, "execution_id")
    names = _names(execution)
    id, whole_id = resource_id(execution_id(names))
    occurred, no_time = occurrence(event, (), told.time)
    return Draft(
        id=derived("flyte", "start", *names),
        occurred=occurred,
        event=EXECUTION_STARTED,
        resource={
            RESOURCE_ID: id,
            RESOURCE_NAME: execution["name"],
            **_said(_scope(execution)),
            **whole_id,
        },
        related=_first_of_each(
            [
                *places(execution),
                *_entity(event.get("workflow_id")),
                *published_with(told.published),
            ]
        ),
        payload=event,
        system="flyte",
        outcome=Outcome.RUNNING,
        warnings=(*told.warnings, *no_time),
        once=True,
    )


# The three kinds.


def workflow(event: Values, phase: str) -> About:
    execution = _required(event, "execution_id")
    names = _names(execution)
    producer = event.get("producer_id", "")
    # An execution may be queued again, on another cluster.
    again = (producer,) if phase == "QUEUED" else ()
    return About(
        identity=("wf", *names, phase, *again),
        id=execution_id(names),
        name=execution["name"],
        labels=_scope(execution),
        related=[
            *_related("cluster", f"flyte.cluster.{producer}" if producer else "", producer),
            *places(execution),
        ],
    )


def node(event: Values, phase: str) -> About:
    told = _required(event, "id", "node_id")
    execution = _required(told, "execution_id", within=("id",))
    names = _names(execution)
    node_id, retry_group = told["node_id"], event.get("retry_group", "")
    work = event.get("task_node_metadata", NOTHING)
    return About(
        identity=("node", *names, node_id, retry_group, phase),
        id=node_execution_id(names, node_id),
        name=event.get("node_name") or event.get("spec_node_id") or node_id,
        labels={
            **_scope(execution),
            "flyte.node-id": node_id,
            "flyte.spec-node-id": event.get("spec_node_id"),
            "flyte.retry-group": retry_group,
            "flyte.cache-status": _text(work.get("cache_status")),
            "flyte.reservation-status": _text(work.get("reservation_status")),
            "flyte.is-parent": _if(event.get("is_parent")),
            "flyte.is-dynamic": _if(event.get("is_dynamic")),
            "flyte.is-array": _if(event.get("is_array")),
            "flyte.is-eager": _if(event.get("is_eager")),
        },
        related=[
            *_related("workflow-execution", execution_id(names), execution["name"]),
            *_parents(event, names),
            *_launched(event),
            *_entity(event.get("target_entity")),
            *_entity(work.get("dynamic_workflow", NOTHING).get("id"), role="dynamic-workflow"),
            *_cache(work.get("catalog_key", NOTHING)),
        ],
        said=_cache_status(work),
    )


def task(event: Values, phase: str) -> About:
    entity = _required(event, "task_id")
    node = _required(event, "parent_node_execution_id", "node_id")
    execution = _required(node, "execution_id", within=("parent_node_execution_id",))
    names, node_id = _names(execution), node["node_id"]
    attempt, version = event.get("retry_attempt", 0), event.get("phase_version", 0)
    metadata = event.get("metadata", NOTHING)
    name, full_name = called(entity["name"])
    return About(
        identity=(
            *("task", *names, node_id),
            *(entity.get("project", ""), entity.get("domain", "")),
            *(entity["name"], entity.get("version", "")),
            *(str(attempt), phase, str(version)),
        ),
        id=task_execution_id(names, node_id, attempt),
        name=name,
        labels={
            **_scope(execution),
            **full_name,
            "flyte.node-id": node_id,
            "flyte.retry-attempt": str(attempt),
            "flyte.phase-version": str(version),
            "flyte.task-type": event.get("task_type"),
            "flyte.plugin": metadata.get("plugin_identifier"),
            "flyte.instance-class": _text(metadata.get("instance_class")),
            "flyte.generated-name": metadata.get("generated_name"),
        },
        related=[
            *_related("workflow-execution", execution_id(names), execution["name"]),
            *_related("node", node_execution_id(names, node_id), node_id),
            *_entity(entity, type="TASK"),
            *_external_resources(metadata),
            *_pods(event.get("log_context", NOTHING)),
        ],
        said=_last_reason(event),
    )


ABOUT: Mapping[str, tuple[str, Callable[[Values, str], About]]] = {
    "workflows": ("workflow-execution", workflow),
    "nodes": ("node-execution", node),
    "tasks": ("task-execution", task),
}

# Ids. Names may hold dots, so these are for comparing, not for taking apart.


def execution_id(names: Names) -> str:
    return _dotted("flyte.workflow-execution", names)


def node_execution_id(names: Names, node_id: str) -> str:
    return _dotted("flyte.node-execution", names, node_id)


def task_execution_id(names: Names, node_id: str, attempt: int) -> str:
    return _dotted("flyte.task-execution", names, node_id, str(attempt))


def _names(id: Mapping[str, Any]) -> Names:
    return (id.get("org", ""), id.get("project", ""), id.get("domain", ""), id.get("name", ""))


def _dotted(head: str, names: Names, *more: str) -> str:
    """Join names with dots; an organisation, which few have, only where there is one."""
    return ".".join((head, *(names if names[0] else names[1:]), *more))


def _required(values: Mapping[str, Any], *names: str, within: tuple[str, ...] = ()) -> Values:
    """Return what identifies an event, which must have a name; raises Wrong."""
    key, part = (*names, "name")[:2]
    told = values.get(key)
    if not told:
        raise Wrong("It is required: without it nobody knows what this is about.", *within, key)
    if not told.get(part):
        raise Wrong("It must not be empty.", *within, key, part)
    return told


# What an event is about and touches.


def _scope(id: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        "flyte.project": id.get("project"),
        "flyte.domain": id.get("domain"),
        "flyte.org": id.get("org"),
    }


def places(execution: Mapping[str, Any]) -> list[Labels]:
    project, domain = execution.get("project", ""), execution.get("domain", "")
    return [
        *_related("project", f"flyte.project.{project}" if project else "", project),
        *_related("domain", f"flyte.domain.{domain}" if domain else "", domain),
    ]


def _execution(role: str, id: Mapping[str, Any]) -> list[Labels]:
    return _related(role, execution_id(_names(id)), id["name"]) if id.get("name") else []


def _parents(event: Values, names: Names) -> list[Labels]:
    node_id = event.get("parent_node_metadata", NOTHING).get("node_id", "")
    parent = node_execution_id(names, node_id) if node_id else ""
    task = event.get("parent_task_metadata", NOTHING).get("id", NOTHING)
    return [
        *_related("parent-node", parent, node_id),
        *_task_execution("parent-task", task),
    ]


def _task_execution(role: str, id: Mapping[str, Any]) -> list[Labels]:
    if not id:
        return []
    node = id.get("node_execution_id", NOTHING)
    names, node_id = _names(node.get("execution_id", NOTHING)), node.get("node_id", "")
    told = task_execution_id(names, node_id, id.get("retry_attempt", 0))
    return _named(role, told, id.get("task_id", NOTHING).get("name", ""))


def _launched(values: Mapping[str, Any]) -> list[Labels]:
    launched = values.get("workflow_node_metadata", NOTHING).get("execution_id", NOTHING)
    return _execution("launched-execution", launched)


def _entity(
    id: Mapping[str, Any] | None, *, role: str = "", type: str = "", **labels: str
) -> list[Labels]:
    """Name a task, a workflow, a launch plan or a dataset by its identifier."""
    if not id or not id.get("name"):
        return []
    told = id.get("resource_type", "UNSPECIFIED")
    kind = ENTITIES.get(type or told) or ("workflow" if role else "entity")
    told = _dotted(f"flyte.{kind}", _names(id), *_version(id))
    return _named(role or kind, told, id["name"], **labels)


def _version(id: Mapping[str, Any]) -> tuple[str, ...]:
    version = id.get("version")
    return (version,) if version else ()


def _cache(catalog: Mapping[str, Any]) -> list[Labels]:
    tag = catalog.get("artifact_tag", NOTHING)
    labels = _said(
        {"flyte.artifact-tag": tag.get("name"), "flyte.artifact-id": tag.get("artifact_id")}
    )
    source = catalog.get("source_task_execution", NOTHING)
    return [
        *_entity(catalog.get("dataset_id"), type="DATASET", **labels),
        *_task_execution("cached-source", source),
    ]


def _external_resources(metadata: Mapping[str, Any]) -> list[Labels]:
    related = []
    for told in metadata.get("external_resources", ()):
        id = told.get("external_id", "")
        labels = _said(
            {
                "flyte.phase": _text(told.get("phase")),
                "flyte.index": _text(told.get("index", 0)),
                "flyte.retry-attempt": _text(told.get("retry_attempt", 0)),
                "flyte.cache-status": _text(told.get("cache_status")),
            }
        )
        name = f"flyte.external-resource.{id}" if id else ""
        related += _related("external-resource", name, id, **labels)
        related += _launched(told)
        related += _pods(told.get("log_context", NOTHING))
    return related


def _pods(context: Mapping[str, Any]) -> list[Labels]:
    related = []
    for pod in context.get("pods", ()):
        name, namespace = pod.get("pod_name", ""), pod.get("namespace", "")
        related += _related("pod", f"flyte.pod.{namespace}.{name}" if name else "", name)
    return related


def published_with(around: Mapping[str, Any]) -> list[Labels]:
    """Name what flyteadmin tells beside an event when it publishes it."""
    if not around:
        return []
    principal = around.get("principal", "")
    return [
        *_entity(around.get("launch_plan_id"), type="LAUNCH_PLAN"),
        *_execution("reference-execution", around.get("reference_execution", NOTHING)),
        *_related("principal", f"flyte.principal.{principal}" if principal else "", principal),
        *(label for id in around.get("artifact_ids", ()) for label in _artifact(id)),
    ]


def _artifact(id: Mapping[str, Any]) -> list[Labels]:
    key = id.get("artifact_key", NOTHING)
    name = key.get("name", "")
    told = _dotted("flyte.artifact", _names(key), *_version(id)) if name else ""
    return _related("artifact", told, name)


@lru_cache(maxsize=1024)
def called(name: str) -> tuple[str, Labels]:
    """Return what people call a task, and a label for the rest: `fit` of `workflows.train.fit`."""
    last = name.rpartition(".")[2]
    return (last, {FULL_NAME: name}) if last != name and last.isidentifier() else (name, {})


def _named(role: str, id: str, name: str, **labels: str) -> list[Labels]:
    name, full_name = called(name)
    return _related(role, id, name, **full_name, **labels)


def _related(role: str, id: str, name: str, **labels: str) -> list[Labels]:
    if not id:
        return []
    id, whole_id = resource_id(id)
    named = {RESOURCE_NAME: name} if name else {}
    return [{RESOURCE_ID: id, RESOURCE_ROLE: role, **named, **labels, **whole_id}]


def _first_of_each(related: Sequence[Labels]) -> list[Labels]:
    """Name each resource once in a role, by rank: subtasks share pods and executions."""
    first: dict[tuple[str, str], Labels] = {}
    for labels in related:
        first.setdefault((labels[RESOURCE_ROLE], labels[RESOURCE_ID]), labels)
    return sorted(first.values(), key=lambda labels: RANKS.get(labels[RESOURCE_ROLE], len(RANKS)))


def _sender_labels(around: Mapping[str, Any]) -> Labels:
    return {f"flyte.label.{key}": value for key, value in around.get("labels", NOTHING).items()}


def _labels_of_all(event: Values, noun: str, phase: str) -> dict[str, str | None]:
    error = event.get("error", NOTHING)
    return {
        "flyte.phase": phase,
        "flyte.terminal": _if(phase in TERMINAL[noun]),
        "flyte.producer": event.get("producer_id"),
        "flyte.error.code": error.get("code"),
        "flyte.error.kind": _text(error.get("kind")),
    }


def _said(labels: Mapping[str, str | None]) -> Labels:
    return {key: value for key, value in labels.items() if value}


def _if(flag: object) -> str | None:
    return "true" if flag else None


def _text(value: str | int | None) -> str | None:
    """Write a value of an enum, which is a number where nobody knows its name."""
    return value if value is None else str(value)


# When it happened, and what is worth reading or odd.


TIMES = {
    "workflows": ("occurred_at",),
    "nodes": ("occurred_at", "reported_at"),
    "tasks": ("occurred_at", "reported_at"),
}


def occurrence(
    event: Values, names: Sequence[str], envelope: datetime | None
) -> tuple[datetime, tuple[str, ...]]:
    """Return when an event happened, and a warning where nothing says it."""
    for name in names:
        if told := event.get(name):
            try:
                return moment(told), ()
            except (ValueError, OverflowError):
                say = "It must be a time between the years 1 and 9999."
                raise Wrong(say, name) from None
    if envelope:
        return envelope, ()
    return datetime.now(UTC), ("It says no time: the time of its arrival stands for it.",)


def moment(text: str) -> datetime:
    """Read RFC 3339; digits beyond the microseconds are cut."""
    told = datetime.fromisoformat(text)
    return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)


def message_of(event: Values, about: About) -> str | None:
    """Return the one thing worth reading: why it failed, else what its kind has to say."""
    if error := event.get("error"):
        return one_line(_said_of(error)) or None
    return about.said and (one_line(about.said) or None)


def _said_of(error: Mapping[str, Any]) -> str:
    """Say what went wrong, after a code that says more than the message does."""
    said, code = gist(error.get("message", "")), error.get("code", "")
    is_news = code in TELLING_CODES and code not in said
    return f"{code}: {said}" if is_news and said else said or code


# An exit code of 137 tells few people of the memory.
TELLING_CODES = {"OOMKilled"}


def _last_reason(event: Values) -> str | None:
    last = (event.get("reasons") or [NOTHING])[-1]
    return last.get("reason") or event.get("reason")


def _cache_status(work: Mapping[str, Any]) -> str | None:
    status = work.get("cache_status", "CACHE_DISABLED")
    return None if status == "CACHE_DISABLED" else in_words(CACHE_WORDS, status)


def gist(said: str) -> str:
    """Return what a text tells: the end of a Python traceback, the error of the last attempt."""
    said = LAST_ATTEMPT.sub("", said)
    if told := MESSAGE_IN_TRACEBACK.search(said):
        return told["text"]
    if said.lstrip().startswith("Traceback"):
        return said.rstrip().rpartition("\n")[2]
    return said


# propeller writes it before the error of the last attempt.
LAST_ATTEMPT = re.compile(
    r"\s*\[\d+/\d+\]\s+(?:currentAttempt|attempt) done\.\s+Last Error:\s+\w+::\s*"
)
# flytekit writes a traceback, then this.
MESSAGE_IN_TRACEBACK = re.compile(r"^Message:\s+(?P<text>\S[^\n]*)", re.MULTILINE)


def both_sides(kind: str, event: Values) -> tuple[str, ...]:
    """Warn of fields that exclude one another and are told together; all of them are kept."""
    warnings = []
    for name, group in EVENTS[kind].oneofs.items():
        told = [field for field in group if event.get(field)]
        if len(told) > 1:
            warnings.append(f"Only one of {name} may be told: {' and '.join(told)} are kept.")
    return tuple(warnings)


# Where what may be too large to keep stands in an event.
MAY_BE_LARGE: Mapping[str, Sequence[Sequence[str]]] = {
    "workflows": [("output_data",)],
    "nodes": [
        ("input_data",),
        ("output_data",),
        ("task_node_metadata", "dynamic_workflow", "compiled_workflow"),
    ],
    "tasks": [("input_data",), ("output_data",)],
}


def without_large(kind: str, event: Values) -> tuple[Values, tuple[str, ...]]:
    """Put size and hash in the place of what is too large to keep."""
    warnings = []
    for path in MAY_BE_LARGE[kind]:
        event, size = _without(event, path)
        if size:
            say = f"{path[-1]} has {size:,} bytes: its size and SHA-256 are kept instead."
            warnings.append(say)
    return event, tuple(warnings)


def _without(values: Values, path: Sequence[str]) -> tuple[Values, int]:
    head, *rest = path
    told = values.get(head)
    if told is None:
        return values, 0
    if rest:
        inner, size = _without(told, rest)
    elif isinstance(told, LeftOut):
        inner, size = told, told["left_out"]["bytes"]
    else:
        content = msgspec.json.encode(told)
        size = len(content) if len(content) > LARGEST else 0
        inner = left_out(content)
    return ({**values, head: inner} if size else values), size
