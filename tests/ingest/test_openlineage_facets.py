"""The standard facets are those that the real client knows."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from typing import Any

import attr
import msgspec
import openlineage.client.generated
import pytest
from openlineage.client.generated import base, parent_run

from apps.ingest.adapters.openlineage import facets as ours

TABLES = {
    base.RunFacet: ours.RUN,
    base.JobFacet: ours.JOB,
    base.DatasetFacet: ours.DATASET,
    base.InputDatasetFacet: ours.INPUT,
    base.OutputDatasetFacet: ours.OUTPUT,
}


def client_facets() -> Iterator[type]:
    modules = openlineage.client.generated
    for module in pkgutil.iter_modules(modules.__path__, f"{modules.__name__}."):
        for _, held in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            is_own = held.__module__ == module.name != base.__name__
            if is_own and issubclass(held, tuple(TABLES)):
                yield held


FACETS = list(client_facets())
# Their keys are not their names without the ending.
KEYS = {
    "SQLJobFacet": "sql",
    "ProcessingEngineRunFacet": "processing_engine",
    "DatasetVersionDatasetFacet": "version",
    "DatasourceDatasetFacet": "dataSource",
    "InputSubsetInputDatasetFacet": "subset",
    "OutputSubsetOutputDatasetFacet": "subset",
    # The same facet stands on any dataset, and on one that is read.
    "DataQualityAssertionsDatasetFacet": "dataQualityAssertions",
}
ENDINGS = ("InputDatasetFacet", "OutputDatasetFacet", "DatasetFacet", "JobFacet", "RunFacet")


def key_of(facet: type) -> str:
    if key := KEYS.get(facet.__name__):
        return key
    ending = next(ending for ending in ENDINGS if facet.__name__.endswith(ending))
    name = facet.__name__.removesuffix(ending)
    return name[:1].lower() + name[1:]


def ours_of(facet: type) -> type[ours.Facet]:
    table = next(table for kind, table in TABLES.items() if issubclass(facet, kind))
    return table[key_of(facet)]


@pytest.mark.parametrize("facet", FACETS, ids=lambda facet: facet.__name__)
def test_every_facet_of_the_client_is_known_with_what_it_requires(facet: type) -> None:
    theirs = {
        field.name
        for field in attr.fields(facet)
        if field.default is attr.NOTHING and not field.name.startswith("_")
    }
    fields = msgspec.structs.fields(ours_of(facet))
    required = {field.encode_name for field in fields if field.required}
    assert required - {"_producer", "_schemaURL"} == theirs


def test_we_know_no_facet_that_the_client_does_not() -> None:
    known = {(ours_of(facet), key_of(facet)) for facet in FACETS}
    told = {(held, key) for table in TABLES.values() for key, held in table.items()}
    assert told == known


def facet(**fields: Any) -> dict[str, Any]:
    return {"_producer": "https://example.com", "_schemaURL": "https://example.com", **fields}


def test_a_facet_of_the_client_has_nothing_against_its_spec() -> None:
    run_id = "01a1fc31-0000-7000-8000-000000000001"
    parent = parent_run.ParentRunFacet(
        run=parent_run.Run(runId=run_id), job=parent_run.Job(namespace="a", name="b")
    )
    told = json.loads(json.dumps(attr.asdict(parent)))
    assert list(ours.facet_warnings({"run": {"facets": {"parent": facet(**told)}}})) == []


def test_what_a_schema_does_not_name_may_stand_in_a_facet() -> None:
    sql = facet(query="select 1", _deleted=False, engine={"own": [1]}, dialect=None)
    assert list(ours.facet_warnings({"job": {"facets": {"sql": sql}}})) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("nominalTime", facet(nominalStartTime="yesterday")),
        ("parent", facet(run={"runId": "x"}, job={"namespace": "a", "name": "b"})),
        ("errorMessage", facet(message="x")),
        ("tags", facet(tags=[{"key": "x"}])),
        ("test", facet(tests=None)),
    ],
)
def test_a_facet_against_its_schema_is_told_with_its_path(key: str, value: object) -> None:
    [warning] = ours.facet_warnings({"run": {"facets": {key: value}}})
    assert warning.startswith(f"run.facets.{key}")
