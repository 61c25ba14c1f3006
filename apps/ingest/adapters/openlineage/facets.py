"""The standard facets of OpenLineage, and what an event's facets have against their spec.

After https://github.com/OpenLineage/OpenLineage/tree/main/spec/facets. Only what is required there
and the types are looked at; nothing here keeps an event out. A null counts as absent.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from apps.ingest.adapters.message import cut

Number = int | float


class Part(msgspec.Struct, rename="camel", gc=False):
    """A part of a facet; what its schema does not name may stand there too."""


class Facet(Part):
    producer: str = msgspec.field(name="_producer")
    schema_url: str = msgspec.field(name="_schemaURL")


class Named(Part):
    namespace: str
    name: str


class RunId(Part):
    run_id: UUID


class Root(Part):
    run: RunId
    job: Named


class ParentRun(Facet):
    run: RunId
    job: Named
    root: Root | None = None


class NominalTime(Facet):
    nominal_start_time: datetime
    nominal_end_time: datetime | None = None


class ErrorMessage(Facet):
    message: str
    programming_language: str
    stack_trace: str | None = None


class ExternalQuery(Facet):
    external_query_id: str
    source: str


class ExtractionFailure(Part):
    error_message: str
    stack_trace: str | None = None
    task: str | None = None
    task_number: int | None = None


class ExtractionError(Facet):
    total_tasks: int
    failed_tasks: int
    errors: list[ExtractionFailure]


class ProcessingEngine(Facet):
    version: str
    name: str | None = None
    openlineage_adapter_version: str | None = None


class EnvironmentVariable(Part):
    name: str
    value: str


class EnvironmentVariables(Facet):
    environment_variables: list[EnvironmentVariable]


class ExecutionParameter(Part):
    key: str
    name: str | None = None
    description: str | None = None
    value: Any = None


class ExecutionParameters(Facet):
    parameters: list[ExecutionParameter] | None = None


class Dependency(Part):
    job: Named
    run: RunId | None = None


class JobDependencies(Facet):
    upstream: list[Dependency] | None = None
    downstream: list[Dependency] | None = None


class Tag(Part):
    key: str
    value: str
    source: str | None = None


class Tags(Facet):
    tags: list[Tag] | None = None


class Execution(Part):
    name: str
    status: str
    severity: str | None = None


class Tests(Facet):
    tests: list[Execution]


class EmissionPattern(Part):
    event_trigger: str
    event_content_mode: str


class JobType(Facet):
    processing_type: str
    integration: str
    job_type: str | None = None
    emission_pattern: EmissionPattern | None = None


class Sql(Facet):
    query: str
    dialect: str | None = None


class SourceCode(Facet):
    language: str
    source_code: str


class SourceCodeLocation(Facet):
    type: str
    url: str


class Documentation(Facet):
    description: str
    content_type: str | None = None


class Owner(Part):
    name: str
    type: str | None = None


class Ownership(Facet):
    owners: list[Owner] | None = None


class Typed(Part):
    type: str


class JobLineage(Facet):
    entries: list[Typed]


class Field(Part):
    name: str
    type: str | None = None
    description: str | None = None
    fields: list["Field"] | None = None


class Schema(Facet):
    fields: list[Field] | None = None


class DataSource(Facet):
    name: str | None = None
    uri: str | None = None


class Transformation(Part):
    type: str
    subtype: str | None = None
    description: str | None = None
    masking: bool | None = None


class InputField(Named):
    field: str
    transformations: list[Transformation] | None = None


class OutputField(Part):
    input_fields: list[InputField]


class ColumnLineage(Facet):
    fields: dict[str, OutputField]
    dataset: list[InputField] | None = None


class LineageField(Part):
    inputs: list[Typed]


class DatasetLineage(Facet):
    inputs: list[Typed] | None = None
    fields: dict[str, LineageField] | None = None


class Version(Facet):
    dataset_version: str


class LifecycleStateChange(Facet):
    lifecycle_state_change: str
    previous_identifier: Named | None = None


class Symlink(Named):
    type: str


class Symlinks(Facet):
    identifiers: list[Symlink] | None = None


class Storage(Facet):
    storage_layer: str
    file_format: str | None = None


class DatasetType(Facet):
    dataset_type: str
    sub_type: str | None = None


class Catalog(Facet):
    framework: str
    type: str
    name: str


class HierarchyLevel(Part):
    type: str
    name: str


class Hierarchy(Facet):
    hierarchy: list[HierarchyLevel]


class ColumnMetrics(Part):
    null_count: int | None = None
    distinct_count: int | None = None
    sum: Number | None = None
    count: Number | None = None
    min: Any = None
    max: Any = None
    quantiles: dict[str, Number] | None = None


class DataQualityMetrics(Facet):
    column_metrics: dict[str, ColumnMetrics]
    row_count: int | None = None
    bytes: int | None = None
    file_count: int | None = None


class Assertion(Part):
    assertion: str
    success: bool
    column: str | None = None


class DataQualityAssertions(Facet):
    assertions: list[Assertion]


class Statistics(Facet):
    row_count: int | None = None
    size: int | None = None
    file_count: int | None = None


class InputSubset(Facet):
    input_condition: dict[str, Any]


class OutputSubset(Facet):
    output_condition: dict[str, Any]


Table = Mapping[str, type[Facet]]

RUN: Table = {
    "parent": ParentRun,
    "nominalTime": NominalTime,
    "errorMessage": ErrorMessage,
    "externalQuery": ExternalQuery,
    "extractionError": ExtractionError,
    "processing_engine": ProcessingEngine,
    "environmentVariables": EnvironmentVariables,
    "executionParameters": ExecutionParameters,
    "jobDependencies": JobDependencies,
    "tags": Tags,
    "test": Tests,
}
JOB: Table = {
    "jobType": JobType,
    "sql": Sql,
    "sourceCode": SourceCode,
    "sourceCodeLocation": SourceCodeLocation,
    "documentation": Documentation,
    "ownership": Ownership,
    "tags": Tags,
    "lineage": JobLineage,
}
DATASET: Table = {
    "schema": Schema,
    "dataSource": DataSource,
    "columnLineage": ColumnLineage,
    "lineage": DatasetLineage,
    "version": Version,
    "lifecycleStateChange": LifecycleStateChange,
    "symlinks": Symlinks,
    "ownership": Ownership,
    "documentation": Documentation,
    "tags": Tags,
    "storage": Storage,
    "datasetType": DatasetType,
    "catalog": Catalog,
    "hierarchy": Hierarchy,
    "dataQualityMetrics": DataQualityMetrics,
    "dataQualityAssertions": DataQualityAssertions,
}
INPUT: Table = {
    "inputStatistics": Statistics,
    "dataQualityMetrics": DataQualityMetrics,
    "dataQualityAssertions": DataQualityAssertions,
    "subset": InputSubset,
}
OUTPUT: Table = {"outputStatistics": Statistics, "subset": OutputSubset}


def facet_warnings(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each facet that is not as its schema says, with its path."""
    yield from _of(event.get("run"), "run.facets", RUN)
    yield from _of(event.get("job"), "job.facets", JOB)
    yield from _of(event.get("dataset"), "dataset.facets", DATASET)
    for key, more, table in (("inputs", "inputFacets", INPUT), ("outputs", "outputFacets", OUTPUT)):
        datasets = event.get(key)
        for index, dataset in enumerate(datasets if isinstance(datasets, list) else ()):
            yield from _of(dataset, f"{key}[{index}].facets", DATASET)
            yield from _of(dataset, f"{key}[{index}].{more}", table)


def _of(holder: object, path: str, table: Table) -> Iterator[str]:
    facets = holder.get(path.rpartition(".")[2]) if isinstance(holder, dict) else None
    if not isinstance(facets, dict):
        return
    for name, facet in facets.items():
        try:
            msgspec.convert(facet, table.get(name, Facet))
        except msgspec.ValidationError as error:
            yield _sentence(f"{path}.{cut(name)}", str(error))
        except RecursionError:
            yield f"{path}.{cut(name)}: It is nested too deeply to be checked."


def _sentence(path: str, error: str) -> str:
    """Say what msgspec says, “Expected `str`, got `int` - at `$.query`”, in the words of JSON."""
    reason, _, place = error.partition(" - at `$")
    place = place.rstrip("`").replace("[...]", "[…]")
    return f"{path}{cut(place)}: {TYPE.sub(_type, reason)}."


def _type(found: re.Match[str]) -> str:
    return TYPES.get(found[1], found[0])


TYPE = re.compile("`(\\w+)`")
TYPES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "dict": "object",
    "object": "object",
    "array": "array",
    "list": "array",
    "null": "null",
}
