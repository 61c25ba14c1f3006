"""OpenLineage's dialect, version 2-0-2: what one of its events says, in ours."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, islice
from urllib.parse import quote
from uuid import UUID

import msgspec

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.ingest.adapters.identity import derived_from_bytes, resource_id
from apps.ingest.adapters.message import Element, Message, Unreadable, cut, one_line
from apps.ingest.adapters.openlineage_facets import facet_warnings
from apps.ingest.adapters.openlineage_parts import (
    NOTHING,
    Json,
    assertions_of,
    datasets_of,
    is_named,
    object_in,
    objects_in,
    statistics_of,
    text_in,
)
from apps.ingest.adapters.openlineage_reading import Kind, Told, read, split
from apps.ingest.adapters.openlineage_words import EVENT_TYPES
from apps.ingest.masking import without_passwords
from apps.query.outcomes import Outcome

RESOURCE_NAME = "prefect.resource.name"
MOST_WARNINGS = 20
MOST_TAGS = 50
MOST_OF_A_LABEL = 1_000


def read_openlineage(message: Message) -> Iterator[Element]:
    """Read an event, or an array of events, which is what `kind` "batch" must be."""
    is_batch = message.kind == "batch" or message.body.lstrip()[:1] == b"["
    if not is_batch:
        yield _element(None, message.body)
    elif (raws := split(message.body)) is None:
        say = "The body must be a JSON array of events."
        yield Element(None, message.body, Unreadable.because(400, say, type="list_type"))
    else:
        for index, raw in enumerate(raws):
            yield _element(index, raw)


def _element(index: int | None, raw: bytes) -> Element:
    told = read(raw)
    return Element(index, raw, told if isinstance(told, Unreadable) else (draft_of(told),))


def draft_of(told: Told) -> Draft:
    event = told.event
    related = Related()
    name, resource, outcome = ABOUT[told.kind](event, related)
    return Draft(
        id=derived_from_bytes("openlineage", msgspec.json.encode(event, order="deterministic")),
        occurred=told.occurred,
        event=name,
        resource=resource,
        related=related.resources,
        payload=event,
        system="openlineage",
        outcome=outcome,
        message=message_of(event),
        warnings=_bounded([*told.warnings, *core_warnings(told.kind, event)], event),
    )


# What each kind of event is about.

About = tuple[str, dict[str, str], Outcome]


def _about_run(event: Json, related: "Related") -> About:
    event_type = event_type_of(event)
    _, outcome = EVENT_TYPES.get(event_type, UNKNOWN_TYPE)
    run, job = event["run"], event["job"]
    facets = run.get("facets") or NOTHING
    _relate_job(job, related)
    _relate_parents(facets, related)
    _relate_dependencies(object_in(facets, "jobDependencies"), related)
    _relate_datasets(event, related)
    id, labels = run_id_of(run["runId"])
    resource = {
        RESOURCE_ID: id,
        RESOURCE_NAME: job["name"],
        "openlineage.namespace": job["namespace"],
        **labels,
        **_labels_of_run(facets, job.get("facets") or NOTHING),
        **_labels_of_sender(event),
    }
    return f"openlineage.run.{event_type}", resource, outcome


def _about_job(event: Json, related: "Related") -> About:
    job = event["job"]
    facets = job.get("facets") or NOTHING
    _relate_owners(facets, related)
    _relate_entries(object_in(facets, "lineage"), related)
    _relate_datasets(event, related)
    labels = {**_labels_of_job(facets), **_tags(facets), **_labels_of_sender(event)}
    return "openlineage.job.METADATA", {**named("job", job), **labels}, Outcome.INFORMATION


def _about_dataset(event: Json, related: "Related") -> About:
    dataset = event["dataset"]
    facets = dataset.get("facets") or NOTHING
    resource = {**named("dataset", dataset), **_labels_of_dataset(dataset)}
    _relate_owners(facets, related)
    _relate_names(facets, resource[RESOURCE_ID], related)
    _relate_sources(facets, related)
    resource.update({**_tags(facets), **_labels_of_sender(event)})
    return "openlineage.dataset.METADATA", resource, Outcome.INFORMATION


ABOUT: Mapping[Kind, Callable[[Json, "Related"], About]] = {
    "run": _about_run,
    "job": _about_job,
    "dataset": _about_dataset,
}
UNKNOWN_TYPE = ("", Outcome.INFORMATION)
A_TYPE = re.compile("[A-Z][A-Z_]{0,31}")


def event_type_of(event: Json) -> str:
    """Return the event type, its own or the nearest that a name can hold."""
    told = event.get("eventType")
    name = told.upper() if told else ""
    return name if A_TYPE.fullmatch(name) else "UNSPECIFIED"


# Ids: `openlineage.job.{namespace}/{name}`, both percent-encoded, so that no two share one.


@lru_cache(maxsize=4096)
def _id_and_labels(kind: str, namespace: str, name: str) -> tuple[str, dict[str, str]]:
    # No mask reaches into an encoded id, and another password names no other dataset.
    head, end = (quote(without_passwords(text), safe="") for text in (namespace, name))
    return resource_id(f"openlineage.{kind}.{head}/{end}")


def named(kind: str, thing: Json) -> dict[str, str]:
    """Return the labels of a job or dataset."""
    namespace, name = thing["namespace"], thing["name"]
    is_short = len(namespace) + len(name) < MOST_OF_A_LABEL
    # What is long is not worth the memory to remember it.
    told = _id_and_labels if is_short else _id_and_labels.__wrapped__
    id, labels = told(kind, namespace, name)
    return {RESOURCE_ID: id, RESOURCE_NAME: name, "openlineage.namespace": namespace, **labels}


def run_id_of(run_id: str) -> tuple[str, dict[str, str]]:
    if not PLAIN_UUID.fullmatch(run_id):
        try:
            run_id = str(UUID(run_id))
        except ValueError:
            return resource_id(f"openlineage.run.{quote(run_id, safe='')}")
    return f"openlineage.run.{run_id}", {}


PLAIN_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Related:
    """The related resources of an event, each once in a role."""

    def __init__(self) -> None:
        self._by_role: dict[tuple[str, str], dict[str, str]] = {}

    @property
    def resources(self) -> list[dict[str, str]]:
        return list(self._by_role.values())

    def add(self, role: str, labels: dict[str, str]) -> None:
        self._by_role.setdefault((role, labels[RESOURCE_ID]), {**labels, RESOURCE_ROLE: role})


def _relate_job(job: Json, related: Related) -> None:
    facets = job.get("facets") or NOTHING
    related.add("job", {**named("job", job), **_tags(facets)})
    _relate_owners(facets, related)
    _relate_entries(object_in(facets, "lineage"), related)


def _relate_parents(facets: Json, related: Related) -> None:
    # Airflow called it so before the spec did.
    parent = object_in(facets, "parent") or object_in(facets, "parentRun")
    for role, holder in (("parent", parent), ("root", object_in(parent, "root"))):
        _relate_run(role, holder, related)


def _relate_dependencies(facet: Json, related: Related) -> None:
    for role in ("upstream", "downstream"):
        for dependency in objects_in(facet, role):
            _relate_run(role, dependency, related)


def _relate_run(role: str, holder: Json, related: Related) -> None:
    """Relate a run in this role, and its job in the same with `-job`."""
    job, run_id = object_in(holder, "job"), text_in(object_in(holder, "run"), "runId")
    if run_id:
        id, labels = run_id_of(run_id)
        name = text_in(job, "name")
        related.add(role, {RESOURCE_ID: id, **({RESOURCE_NAME: name} if name else {}), **labels})
    if is_named(job):
        related.add(f"{role}-job", named("job", job))


def _relate_owners(facets: Json, related: Related) -> None:
    for owner in objects_in(object_in(facets, "ownership"), "owners"):
        if name := text_in(owner, "name"):
            id, labels = resource_id(f"openlineage.owner.{quote(name, safe='')}")
            kind = _said({"openlineage.owner-type": owner.get("type")})
            related.add("owner", {RESOURCE_ID: id, RESOURCE_NAME: name, **kind, **labels})


def _relate_datasets(event: Json, related: Related) -> None:
    for role in ("input", "output"):
        for dataset in event.get(f"{role}s") or ():
            labels = named("dataset", dataset)
            related.add(role, {**labels, **_labels_of_dataset(dataset)})
            _relate_names(dataset.get("facets") or NOTHING, labels[RESOURCE_ID], related)
    # After the inputs that stand there themselves, which know more labels.
    for dataset in event.get("outputs") or ():
        _relate_sources(dataset.get("facets") or NOTHING, related)


def _relate_names(facets: Json, of: str, related: Related) -> None:
    """Relate the other names of a dataset: symlinks, and what it was called before."""
    if "symlinks" in facets:
        for symlink in filter(is_named, objects_in(object_in(facets, "symlinks"), "identifiers")):
            kind = _said({"openlineage.symlink-type": symlink.get("type")})
            labels = {**named("dataset", symlink), "openlineage.symlink-of": of, **kind}
            related.add("symlink", labels)
    if "lifecycleStateChange" in facets:
        previous = object_in(object_in(facets, "lifecycleStateChange"), "previousIdentifier")
        if is_named(previous):
            related.add("previous", named("dataset", previous))


def _relate_sources(facets: Json, related: Related) -> None:
    """Relate what a dataset's columns come from, also where the inputs do not name it."""
    lineage, columns = object_in(facets, "lineage"), object_in(facets, "columnLineage")
    if not lineage and not columns:
        return
    sources = chain(
        objects_in(columns, "dataset"),
        _in_fields(columns, "inputFields"),
        objects_in(lineage, "inputs"),
        _in_fields(lineage, "inputs"),
    )
    _relate_derived("input", sources, related)


def _in_fields(facet: Json, key: str) -> Iterator[Json]:
    for field in object_in(facet, "fields").values():
        if isinstance(field, dict):
            yield from objects_in(field, key)


def _relate_entries(lineage: Json, related: Related) -> None:
    """Relate what a job's explicit lineage names."""
    for entry in objects_in(lineage, "entries"):
        if entry.get("type") == "DATASET":
            _relate_derived("output", [entry], related)
        sources = chain(objects_in(entry, "inputs"), _in_fields(entry, "inputs"))
        _relate_derived("input", sources, related)


def _relate_derived(role: str, sources: Iterable[Json], related: Related) -> None:
    seen = set()
    for source in sources:
        if source.get("type", "DATASET") == "DATASET" and is_named(source):
            key = source["namespace"], source["name"]
            if key not in seen:
                seen.add(key)
                labels = {**named("dataset", source), "openlineage.derived-from": "lineage"}
                related.add(role, labels)


# Labels.


def _labels_of_run(facets: Json, job_facets: Json) -> dict[str, str]:
    engine = object_in(facets, "processing_engine")
    return {
        **_labels_of_job(job_facets),
        **_said(
            {
                "openlineage.engine": engine.get("name"),
                "openlineage.engine-version": engine.get("version"),
                "openlineage.nominal-start": object_in(facets, "nominalTime").get(
                    "nominalStartTime"
                ),
                "openlineage.external-query": object_in(facets, "externalQuery").get(
                    "externalQueryId"
                ),
            }
        ),
        **_tags(facets),
    }


def _labels_of_job(facets: Json) -> dict[str, str]:
    job_type = object_in(facets, "jobType")
    return _said(
        {
            "openlineage.integration": job_type.get("integration"),
            "openlineage.job-type": job_type.get("jobType"),
            "openlineage.processing-type": job_type.get("processingType"),
        }
    )


def _labels_of_dataset(dataset: Json) -> dict[str, str]:
    facets = dataset.get("facets") or NOTHING
    if not facets and "inputFacets" not in dataset and "outputFacets" not in dataset:
        return {}
    statistics = statistics_of(dataset)
    failed = sum(1 for assertion in assertions_of(dataset) if assertion.get("success") is False)
    lifecycle = object_in(facets, "lifecycleStateChange")
    return _said(
        {
            "openlineage.rows": statistics.get("rowCount"),
            "openlineage.bytes": statistics.get("size", statistics.get("bytes")),
            "openlineage.version": object_in(facets, "version").get("datasetVersion"),
            "openlineage.lifecycle": lifecycle.get("lifecycleStateChange"),
            "openlineage.assertions-failed": failed or None,
        }
    )


def _labels_of_sender(event: Json) -> dict[str, str]:
    schema = event.get("schemaURL")
    version = SPEC.search(schema) if isinstance(schema, str) else None
    return _said(
        {
            "openlineage.producer": event.get("producer"),
            "openlineage.spec": version and version[1],
        }
    )


SPEC = re.compile(r"/spec/(\d+-\d+-\d+)/")


def _tags(facets: Json) -> dict[str, str]:
    if "tags" not in facets:
        return {}
    tags = objects_in(object_in(facets, "tags"), "tags")
    return _said(
        {
            f"openlineage.tag.{cut(key)}": tag.get("value")
            for tag in islice(tags, MOST_TAGS)
            if (key := text_in(tag, "key")) and not tag.get("field")
        }
    )


def _said(values: Json) -> dict[str, str]:
    """Write plain values as labels; a facet may hold anything where a text belongs."""
    labels = {}
    for key, value in values.items():
        if type(value) is str:
            if value:
                labels[key] = cut(value, MOST_OF_A_LABEL)
        elif isinstance(value, bool):
            labels[key] = str(value).lower()
        elif isinstance(value, int | float):
            labels[key] = str(value)[:MOST_OF_A_LABEL]
    return labels


# The one thing worth reading.


def message_of(event: Json) -> str | None:
    """Return the one thing worth reading about an event, on one line."""
    for tell in MESSAGES:
        if message := tell(event):
            return one_line(message)
    return None


def _error(event: Json) -> str:
    return text_in(object_in(_facets(event, "run"), "errorMessage"), "message")


def _extraction_error(event: Json) -> str:
    errors = objects_in(object_in(_facets(event, "run"), "extractionError"), "errors")
    return text_in(errors[0], "errorMessage") if errors else ""


def _assertions(event: Json) -> str:
    datasets = [*datasets_of(event, "inputs", "outputs"), object_in(event, "dataset")]
    told = [one for dataset in datasets for one in assertions_of(dataset)]
    failed = [one for one in told if one.get("success") is False]
    if not failed:
        return ""
    count = f"{len(failed)} of {len(told)} assertions failed"
    return f"{count}: {', '.join(map(_assertion, failed[:3]))}"


def _assertion(told: Json) -> str:
    name, column = text_in(told, "assertion") or text_in(told, "name"), text_in(told, "column")
    return f"{name} of {column}" if column else name


def _lifecycle(event: Json) -> str:
    for dataset in [*datasets_of(event, "outputs"), object_in(event, "dataset")]:
        change = object_in(object_in(dataset, "facets"), "lifecycleStateChange")
        if what := text_in(change, "lifecycleStateChange"):
            return f"{what} {text_in(dataset, 'name')}"
    return ""


def _written(event: Json) -> str:
    """Tell from what to what the data goes, and how much was written."""
    inputs = [dataset["name"] for dataset in datasets_of(event, "inputs")]
    outputs = [_with_rows(dataset) for dataset in datasets_of(event, "outputs")]
    return " → ".join(filter(None, (_listed(inputs), _listed(outputs))))


def _with_rows(dataset: Json) -> str:
    rows = statistics_of(dataset).get("rowCount")
    if not isinstance(rows, int) or isinstance(rows, bool) or not 0 <= rows < 10**18:
        return str(dataset["name"])
    return f"{dataset['name']} ({rows:,} {'row' if rows == 1 else 'rows'})"


def _listed(names: list[str]) -> str:
    most, names = 3, list(dict.fromkeys(names))
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(cut(name) for name in names[:most])}{more}"


def _documentation(event: Json) -> str:
    for holder in ("job", "dataset"):
        if said := text_in(object_in(_facets(event, holder), "documentation"), "description"):
            return said
    return ""


def _sql(event: Json) -> str:
    return text_in(object_in(_facets(event, "job"), "sql"), "query")


def _facets(event: Json, holder: str) -> Json:
    return object_in(object_in(event, holder), "facets")


# The first that has something to say is heard.
MESSAGES: tuple[Callable[[Json], str], ...] = (
    _error,
    _extraction_error,
    _assertions,
    _lifecycle,
    _written,
    _documentation,
    _sql,
)


# What is odd, but kept.


def core_warnings(kind: Kind, event: Json) -> Iterator[str]:
    """Yield a sentence for what the core has against the spec."""
    for key in ("producer", "schemaURL"):
        value = event.get(key)
        if value is None:
            yield f"{key}: It is required, and missing."
        elif not isinstance(value, str) or ":" not in value:
            yield f"{key}: It must be a URI."
    if ZONE.search(event["eventTime"]) is None:
        yield "eventTime: It has no zone and is taken as UTC."
    if kind == "run":
        yield from _run_warnings(event)
    elif event.get("eventType") is not None:
        yield f"eventType: An event about a {kind} has none."


def _run_warnings(event: Json) -> Iterator[str]:
    if not PLAIN_UUID.fullmatch(run_id := event["run"]["runId"]):
        try:
            UUID(run_id)
        except ValueError:
            yield "run.runId: It must be a UUID."
    told = event.get("eventType")
    if told is not None and told not in TYPES:
        yield f"eventType: {cut(str(told))} is none of {', '.join(TYPES)}."


ZONE = re.compile(r"(?:[Zz]|[+-]\d\d(?::?\d\d)?)$")
TYPES = [name for name in EVENT_TYPES if name != "UNSPECIFIED"]


def _bounded(warnings: list[str], event: Json) -> tuple[str, ...]:
    warnings += islice(facet_warnings(event), MOST_WARNINGS + 1)
    if len(warnings) <= MOST_WARNINGS:
        return tuple(warnings)
    return (*warnings[:MOST_WARNINGS], "There are more of these than are shown.")
