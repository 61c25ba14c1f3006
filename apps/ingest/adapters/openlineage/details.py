"""What people of OpenLineage look for on an event's page: failure, datasets, SQL, columns."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from django.template.defaultfilters import filesizeformat

from apps.events.details import Block, Cell, Code, Facts, Failure, register_details, table
from apps.events.draft import RESOURCE_ID
from apps.events.models import Event
from apps.ingest.adapters.message import cut
from apps.ingest.adapters.openlineage.parts import (
    Json,
    assertions_of,
    datasets_of,
    is_named,
    object_in,
    objects_in,
    statistics_of,
    text_in,
)
from apps.ingest.adapters.openlineage.related import named

# Of so many datasets the columns are told.
MOST_DATASETS = 10

Rows = Iterator[Sequence[Cell]]


def register_openlineage_details() -> None:
    register_details("openlineage", details_of)


def details_of(event: Event) -> Sequence[Block]:
    """Return the blocks of an event; its payload is what was sent, whatever that is."""
    told = event.payload if isinstance(event.payload, dict) else {}
    return [block for tell in TELLERS for block in tell(told)]


# What went wrong.


def _failure(event: Json) -> Iterator[Block]:
    error = object_in(_run_facets(event), "errorMessage")
    if message := text_in(error, "message"):
        language, stack = text_in(error, "programmingLanguage"), text_in(error, "stackTrace")
        yield Failure(message, kind=language or None, stack=stack or None)
    extraction = object_in(_run_facets(event), "extractionError")
    for one in islice(objects_in(extraction, "errors"), MOST_DATASETS):
        message, stack = text_in(one, "errorMessage"), text_in(one, "stackTrace")
        yield Failure(message, kind="extraction error", stack=stack or text_in(one, "task") or None)


# The run and its job.


def _about(event: Json) -> Iterator[Block]:
    rows = [(name, cell) for name, find in FACTS.items() if (cell := find(event)) is not None]
    if rows:
        yield Facts("About", rows)


def _fact(holder: str, facet: str, *keys: str) -> Callable[[Json], Cell | None]:
    """Find the first of these fields that says something; an address is a link."""

    def find(event: Json) -> Cell | None:
        told = object_in(object_in(object_in(event, holder), "facets"), facet)
        return next((_linked(told[key]) for key in keys if told.get(key) not in (None, "")), None)

    return find


def _linked(value: object) -> Cell:
    text = _said(value)
    return Cell(text, href=text if text.startswith(("http://", "https://")) else None)


def _engine(event: Json) -> Cell | None:
    engine = object_in(_run_facets(event), "processing_engine")
    told = " ".join(filter(None, (text_in(engine, "name"), text_in(engine, "version"))))
    return Cell(told) if told else None


def _job_type(event: Json) -> Cell | None:
    facet = object_in(_job_facets(event), "jobType")
    keys = ("integration", "jobType", "processingType")
    told = ", ".join(filter(None, (text_in(facet, key) for key in keys)))
    return Cell(told) if told else None


def _producer(event: Json) -> Cell | None:
    return _linked(producer) if (producer := text_in(event, "producer")) else None


FACTS: Mapping[str, Callable[[Json], Cell | None]] = {
    "type": _job_type,
    "engine": _engine,
    "nominal start": _fact("run", "nominalTime", "nominalStartTime"),
    "nominal end": _fact("run", "nominalTime", "nominalEndTime"),
    "external query": _fact("run", "externalQuery", "externalQueryId"),
    "description": _fact("job", "documentation", "description"),
    "source code": _fact("job", "sourceCodeLocation", "url", "repoUrl"),
    "branch": _fact("job", "sourceCodeLocation", "branch"),
    "storage": _fact("dataset", "storage", "storageLayer"),
    "data source": _fact("dataset", "dataSource", "uri", "name"),
    "dataset type": _fact("dataset", "datasetType", "datasetType"),
    "catalog": _fact("dataset", "catalog", "name"),
    "change": _fact("dataset", "lifecycleStateChange", "lifecycleStateChange"),
    "version": _fact("dataset", "version", "datasetVersion"),
    "dataset description": _fact("dataset", "documentation", "description"),
    "producer": _producer,
}


def _code(event: Json) -> Iterator[Block]:
    facets = _job_facets(event)
    if query := text_in(sql := object_in(facets, "sql"), "query"):
        dialect = text_in(sql, "dialect")
        yield Code(f"SQL ({cut(dialect)})" if dialect else "SQL", "sql", query)
    source = object_in(facets, "sourceCode")
    if text := text_in(source, "sourceCode"):
        yield Code("Source code", text_in(source, "language").lower() or "text", text)


# Datasets.


def _datasets(event: Json) -> Iterator[Block]:
    for key, title in (("inputs", "Inputs"), ("outputs", "Outputs")):
        head = ("Dataset", "Rows", "Size", "Change", "Namespace")
        yield from table(title, head, map(_dataset, datasets_of(event, key)))


def _dataset(dataset: Json) -> Sequence[Cell]:
    statistics = statistics_of(dataset)
    change = object_in(object_in(dataset, "facets"), "lifecycleStateChange")
    return (
        _dataset_cell(dataset),
        _count(statistics.get("rowCount")),
        _size(statistics.get("size", statistics.get("bytes"))),
        Cell(text_in(change, "lifecycleStateChange")),
        Cell(dataset["namespace"]),
    )


def _dataset_cell(dataset: Json, field: str = "") -> Cell:
    id = named("dataset", dataset)[RESOURCE_ID]
    text = f"{dataset['name']}.{field}" if field else dataset["name"]
    return Cell(text, query=f'any:"{id}"', hint=dataset["namespace"])


def _assertions(event: Json) -> Iterator[Block]:
    head = ("Assertion", "Of", "Result", "Expected", "Actual", "Severity")
    told = (
        (one, f"{text_in(dataset, 'name')}.{column}" if (column := text_in(one, "column")) else "")
        for dataset in _all_datasets(event)
        for one in assertions_of(dataset)
    )
    tests = ((one, "") for one in objects_in(object_in(_run_facets(event), "test"), "tests"))
    yield from table("Assertions", head, (_assertion(one, of) for one, of in chain(told, tests)))


def _assertion(told: Json, of: str) -> Sequence[Cell]:
    success = told.get("success")
    result = {True: "pass", False: "fail"}.get(success) if isinstance(success, bool) else None
    return (
        Cell(text_in(told, "name") or text_in(told, "assertion")),
        Cell(of),
        Cell(result or text_in(told, "status")),
        *(Cell(_said(told.get(key))) for key in ("expected", "actual", "severity")),
    )


def _columns(event: Json) -> Iterator[Block]:
    """Tell the columns of the first datasets: schema, where they come from, how good they are."""
    for dataset in islice(_all_datasets(event), MOST_DATASETS):
        of = f"of {cut(text_in(dataset, 'name'))}"
        facets = object_in(dataset, "facets")
        fields = _fields(object_in(facets, "schema"))
        yield from table(f"Schema {of}", ("Column", "Type", "Description"), fields)
        head = ("Column", "Comes from", "How")
        lineage = _lineage(object_in(facets, "columnLineage"))
        yield from table(f"Column lineage {of}", head, lineage)
        yield from table(f"Data quality {of}", QUALITY_HEAD, _quality(dataset))


def _fields(schema: Json) -> Rows:
    """Yield columns with the fields in them, `address.city`, as deep as they go."""
    waiting = [("", field) for field in reversed(objects_in(schema, "fields"))]
    while waiting:
        path, field = waiting.pop()
        name = f"{path}{text_in(field, 'name')}"
        yield Cell(name), Cell(text_in(field, "type")), Cell(text_in(field, "description"))
        waiting += [(f"{name}.", held) for held in reversed(objects_in(field, "fields"))]


def _lineage(facet: Json) -> Rows:
    for column, told in object_in(facet, "fields").items():
        for source in objects_in(told, "inputFields") if isinstance(told, dict) else ():
            yield Cell(column), *_source(source)
    for source in objects_in(facet, "dataset"):
        yield Cell("all", hint="the whole dataset"), *_source(source)


def _source(source: Json) -> Sequence[Cell]:
    field = text_in(source, "field")
    place = _dataset_cell(source, field) if is_named(source) else Cell(field)
    how = (
        " ".join(filter(None, (text_in(one, "type"), text_in(one, "subtype"))))
        for one in objects_in(source, "transformations")
    )
    return place, Cell(", ".join(how))


QUALITY_HEAD = ("Column", "Nulls", "Distinct", "Count", "Sum", "Min", "Max")
QUALITY = ("nullCount", "distinctCount", "count", "sum", "min", "max")


def _quality(dataset: Json) -> Rows:
    for container in ("inputFacets", "facets"):
        metrics = object_in(object_in(dataset, container), "dataQualityMetrics")
        for column, told in object_in(metrics, "columnMetrics").items():
            if isinstance(told, dict):
                yield Cell(column), *(_count(told.get(key)) for key in QUALITY)


# What else was said.


def _more(event: Json) -> Iterator[Block]:
    run = _run_facets(event)
    parameters = objects_in(object_in(run, "executionParameters"), "parameters")
    variables = objects_in(object_in(run, "environmentVariables"), "environmentVariables")
    yield from table("Parameters", ("Name", "Value"), _pairs(parameters, "key"))
    yield from table("Environment variables", ("Name", "Value"), _pairs(variables, "name"))
    yield from table("Tags", ("Tag", "Value", "Of"), _tags(event))
    yield from table("Owners", ("Owner", "Type"), _owners(event))


def _pairs(values: Sequence[Json], key: str) -> Rows:
    for one in values:
        yield Cell(text_in(one, key)), Cell(_said(one.get("value")))


def _tags(event: Json) -> Rows:
    holders = (*(object_in(event, key) for key in HOLDERS), *datasets_of(event, *DATASETS))
    for holder in holders:
        for tag in objects_in(object_in(object_in(holder, "facets"), "tags"), "tags"):
            of = text_in(tag, "field") or text_in(holder, "name") or "run"
            yield Cell(text_in(tag, "key")), Cell(_said(tag.get("value"))), Cell(of)


def _owners(event: Json) -> Rows:
    for key in HOLDERS:
        facet = object_in(object_in(object_in(event, key), "facets"), "ownership")
        for owner in objects_in(facet, "owners"):
            yield Cell(text_in(owner, "name")), Cell(text_in(owner, "type"))


HOLDERS = ("run", "job", "dataset")
DATASETS = ("inputs", "outputs")

TELLERS: Sequence[Callable[[Json], Iterator[Block]]] = (
    _failure,
    _about,
    _datasets,
    _assertions,
    _code,
    _columns,
    _more,
)


def _run_facets(event: Json) -> Json:
    return object_in(object_in(event, "run"), "facets")


def _job_facets(event: Json) -> Json:
    return object_in(object_in(event, "job"), "facets")


def _all_datasets(event: Json) -> Iterator[Json]:
    if dataset := object_in(event, "dataset"):
        yield dataset
    yield from datasets_of(event, "outputs", "inputs")


def _said(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else cut(json.dumps(value))


def _count(value: Any) -> Cell:
    """Write a number with its thousands apart; whatever else stands there as it is."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30:
        return Cell(f"{value:,}")
    return Cell(_said(value))


def _size(value: Any) -> Cell:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return Cell(filesizeformat(value), hint=f"{value:,} bytes")
    return Cell(_said(value))
