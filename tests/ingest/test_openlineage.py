"""What an OpenLineage event says, in ours."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from apps.events.draft import RESOURCE_ROLE, Draft
from apps.events.words import kind_of, words
from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.adapters.openlineage.adapter import read_openlineage
from apps.ingest.adapters.openlineage.words import EVENT_TYPES, METADATA
from apps.ingest.masking import masked
from apps.query.outcomes import Outcome
from tests.ingest.test_openlineage_reading import DATASET, PLAIN, RUN_ID

SAMPLES = Path(__file__).parent / "samples" / "openlineage"


def sample(name: str) -> Draft:
    return draft_in((SAMPLES / f"{name}.json").read_bytes())


def draft_in(body: bytes) -> Draft:
    [element] = read_openlineage(Message(body))
    assert not isinstance(element.reading, Unreadable), element.reading
    [draft] = element.reading
    return draft


def draft(**fields: Any) -> Draft:
    told = {**PLAIN, **fields}
    return draft_in(json.dumps({key: told[key] for key in told if told[key] is not ...}).encode())


def run(**facets: Any) -> dict[str, Any]:
    return {"runId": RUN_ID, "facets": {name: facet(**held) for name, held in facets.items()}}


def job(**facets: Any) -> dict[str, Any]:
    told = {name: facet(**held) for name, held in facets.items()}
    return {"namespace": "shop", "name": "orders", "facets": told}


def dataset(name: str = "orders", **facets: Any) -> dict[str, Any]:
    told = {key: facet(**held) for key, held in facets.items()}
    return {"namespace": "s3://lake", "name": name, "facets": told}


def facet(**fields: Any) -> dict[str, Any]:
    return {"_producer": "https://example.com", "_schemaURL": "https://example.com", **fields}


def related(draft: Draft) -> set[tuple[str, str]]:
    return {(one[RESOURCE_ROLE], one["prefect.resource.id"]) for one in draft.related}


def test_the_run_is_what_a_run_event_is_about() -> None:
    told = draft()
    assert told.event == "openlineage.run.START"
    assert told.resource_id == f"openlineage.run.{RUN_ID}"
    assert told.resource["prefect.resource.name"] == "orders"
    assert related(told) == {("job", "openlineage.job.shop/orders")}


def test_job_and_dataset_events_are_about_job_and_dataset() -> None:
    told = sample("job"), sample("dataset")
    assert [one.event for one in told] == [
        "openlineage.job.METADATA",
        "openlineage.dataset.METADATA",
    ]
    assert [one.resource_id for one in told] == [
        "openlineage.job.dev%20ns/orders%2Fdaily%20report",
        "openlineage.dataset.postgres%3A%2F%2Fwarehouse%3A5432/shop.public.orders_daily",
    ]


def test_a_run_is_related_to_everything_it_names() -> None:
    lake, warehouse = "s3%3A%2F%2Flake", "postgres%3A%2F%2Fwarehouse%3A5432"
    assert related(sample("spark")) == {
        ("job", "openlineage.job.spark/orders.insert_into_orders_daily"),
        ("owner", "openlineage.owner.team%3Aorders"),
        ("parent", "openlineage.run.01a1fc31-0000-7000-8000-000000000002"),
        ("parent-job", "openlineage.job.airflow/orders.load"),
        ("root", "openlineage.run.01a1fc31-0000-7000-8000-000000000003"),
        ("root-job", "openlineage.job.airflow/orders"),
        ("upstream", "openlineage.run.01a1fc31-0000-7000-8000-000000000004"),
        ("upstream-job", "openlineage.job.airflow/orders.extract"),
        ("downstream-job", "openlineage.job.airflow/orders.report"),
        ("input", f"openlineage.dataset.{lake}/raw%2Forders"),
        ("symlink", "openlineage.dataset.hive%3A%2F%2Fmetastore%3A9083/shop.orders"),
        ("output", f"openlineage.dataset.{warehouse}/shop.public.orders_daily"),
        ("previous", f"openlineage.dataset.{warehouse}/shop.public.orders_old"),
        # Only its column lineage names it.
        ("input", f"openlineage.dataset.{lake}/raw%2Frates"),
    }


def test_explicit_lineage_relates_its_datasets_and_no_job() -> None:
    told = related(sample("job"))
    assert told == {
        (
            "output",
            "openlineage.dataset.postgres%3A%2F%2Fwarehouse%3A5432/shop.public.orders_daily",
        ),
        ("input", "openlineage.dataset.s3%3A%2F%2Flake/raw%2Forders"),
    }


def test_what_says_most_of_a_run_comes_first_and_its_job_late() -> None:
    roles = [one[RESOURCE_ROLE] for one in sample("spark").related]
    assert list(dict.fromkeys(roles)) == [
        *("parent", "output", "input", "symlink", "previous", "upstream"),
        *("root", "job", "parent-job", "root-job", "owner", "upstream-job", "downstream-job"),
    ]


def test_a_root_that_is_the_parent_comes_late() -> None:
    of = {"run": {"runId": RUN_ID}, "job": job()}
    told = draft(run=run(parent={**of, "root": of}))
    assert [one[RESOURCE_ROLE] for one in told.related] == [
        "parent",
        "job",
        "parent-job",
        "root-job",
        "root",
    ]


def test_a_dataset_that_is_read_and_written_is_related_in_both_roles() -> None:
    told = draft(inputs=[DATASET, DATASET], outputs=[DATASET])
    id = "openlineage.dataset.s3%3A%2F%2Flake/orders"
    assert related(told) >= {("input", id), ("output", id)}
    assert len(told.related) == 3


def test_a_dataset_is_told_with_its_numbers() -> None:
    [output] = [one for one in sample("spark").related if one[RESOURCE_ROLE] == "output"]
    assert output["openlineage.rows"] == "365"
    assert output["openlineage.bytes"] == "20480"
    assert output["openlineage.version"] == "7"
    assert output["openlineage.lifecycle"] == "RENAME"
    [first, *_] = [one for one in sample("spark").related if one[RESOURCE_ROLE] == "input"]
    assert first["openlineage.assertions-failed"] == "1"


def test_the_labels_of_a_run_tell_what_ran() -> None:
    labels = sample("spark").resource
    assert {
        "openlineage.namespace": "spark",
        "openlineage.integration": "SPARK",
        "openlineage.job-type": "SQL_JOB",
        "openlineage.processing-type": "BATCH",
        "openlineage.engine": "spark",
        "openlineage.engine-version": "3.5.4",
        "openlineage.nominal-start": "2026-11-20T06:00:00Z",
        "openlineage.external-query": "query-42",
        "openlineage.tag.team": "orders",
        "openlineage.spec": "2-0-2",
    }.items() <= labels.items()


@pytest.mark.parametrize(
    "names",
    [
        [("a/b", "c"), ("a", "b/c")],
        [("a%2Fb", "c"), ("a/b", "c")],
        [("", "a"), ("a", "")],
        [("A", "a"), ("a", "a")],
        [("a ", "a"), ("a", "a")],
    ],
)
def test_no_two_names_share_an_id(names: list[tuple[str, str]]) -> None:
    ids = {
        draft(run=..., job={"namespace": namespace, "name": name}).resource_id
        for namespace, name in names
    }
    assert len(ids) == len(names)


@pytest.mark.parametrize(
    "namespace",
    ["postgres://me:s3cret@host:5432", "sqlserver://host;user=me;password=s3cret"],
)
def test_a_password_in_an_address_is_no_part_of_an_id(namespace: str) -> None:
    symlinks = facet(identifiers=[{"namespace": namespace, "name": "b", "type": "TABLE"}])
    source = {"namespace": namespace, "name": "a", "facets": {"symlinks": symlinks}}
    told = masked(draft(inputs=[source]))
    assert b"s3cret" not in msgspec.json.encode(told)
    others = masked(draft(inputs=[{**source, "namespace": namespace.replace("s3cret", "new")}]))
    assert related(told) == related(others)


def test_a_very_long_name_keeps_an_id_that_the_index_can_hold() -> None:
    long = [draft(run=..., job={"namespace": "x", "name": "é" * 5_000 + end}) for end in "ab"]
    assert all(len(one.resource_id.encode()) <= 1_024 for one in long)
    assert long[0].resource_id != long[1].resource_id
    assert long[0].resource["prefect.resource.name"] == "é" * 5_000 + "a"


@pytest.mark.parametrize(
    "form",
    [RUN_ID, RUN_ID.upper(), RUN_ID.replace("-", ""), f"urn:uuid:{RUN_ID}", f"{{{RUN_ID}}}"],
)
def test_a_run_is_the_same_in_every_form_of_its_id(form: str) -> None:
    told = draft(run={"runId": form})
    assert told.resource_id == f"openlineage.run.{RUN_ID}"
    assert told.warnings == ()


def test_a_run_id_that_is_no_uuid_is_kept_with_a_warning() -> None:
    told = draft(run={"runId": "run of 2026/01/02"})
    assert told.resource_id == "openlineage.run.run%20of%202026%2F01%2F02"
    assert told.warnings == ("run.runId: It must be a UUID.",)


@pytest.mark.parametrize(
    ("said", "name", "outcome"),
    [
        ("START", "START", Outcome.RUNNING),
        ("RUNNING", "RUNNING", Outcome.RUNNING),
        ("COMPLETE", "COMPLETE", Outcome.COMPLETED),
        ("FAIL", "FAIL", Outcome.FAILED),
        ("ABORT", "ABORT", Outcome.FAILED),
        ("OTHER", "OTHER", Outcome.INFORMATION),
        (None, "UNSPECIFIED", Outcome.INFORMATION),
        (..., "UNSPECIFIED", Outcome.INFORMATION),
        ("complete", "COMPLETE", Outcome.COMPLETED),
        ("PAUSED", "PAUSED", Outcome.INFORMATION),
        ("no such type!", "UNSPECIFIED", Outcome.INFORMATION),
    ],
)
def test_every_event_type_has_a_name_and_an_outcome(
    said: object, name: str, outcome: Outcome
) -> None:
    told = draft(eventType=said)
    assert (told.event, told.outcome) == (f"openlineage.run.{name}", outcome)
    assert bool(told.warnings) == (said not in (None, ..., *EVENT_TYPES))


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_event_type_has_words(name: str) -> None:
    told = words(f"openlineage.run.{name}")
    text, outcome = EVENT_TYPES[name]
    assert (told.text, told.outcome, told.kind, told.owner) == (text, outcome, "run", "openlineage")


@pytest.mark.parametrize(
    ("integration", "type", "kind"),
    [
        ("AIRFLOW", "DAG", "Airflow DAG run"),
        ("DBT", "MODEL", "dbt model run"),
        ("SPARK", "SQL_JOB", "Spark SQL job run"),
        ("FLINK", "JOB", "Flink job run"),
        ("GREAT_EXPECTATIONS", "", "Great expectations run"),
        ("", "COMMAND", "command run"),
        ("", "x" * 100, "run"),
    ],
)
def test_a_run_is_of_the_kind_that_its_job_says(integration: str, type: str, kind: str) -> None:
    labels = {"openlineage.integration": integration, "openlineage.job-type": type}
    assert words("openlineage.run.COMPLETE", labels).kind == kind


@pytest.mark.parametrize("name", METADATA)
def test_metadata_has_words(name: str) -> None:
    assert words(name).text == METADATA[name][0]
    assert words(name).group == "metadata"


def test_every_resource_has_its_kind() -> None:
    told = sample("spark")
    kinds = {one[RESOURCE_ROLE]: kind_of(one["prefect.resource.id"]) for one in told.related}
    assert {role: kind.text for role, kind in kinds.items()} == {
        "job": "job",
        "owner": "owner",
        "parent": "run",
        "parent-job": "job",
        "root": "run",
        "root-job": "job",
        "upstream": "run",
        "upstream-job": "job",
        "downstream-job": "job",
        "input": "dataset",
        "output": "dataset",
        "symlink": "dataset",
        "previous": "dataset",
    }
    assert kind_of(told.resource_id).text == "run"


STATISTICS = {"outputFacets": {"outputStatistics": facet(rowCount=1200)}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, None),
        (
            {"run": run(errorMessage={"message": "no\n such   table", "programmingLanguage": "x"})},
            "no such table",
        ),
        (
            {"run": run(extractionError={"errors": [{"errorMessage": "no extractor"}]})},
            "no extractor",
        ),
        (
            {
                "run": run(
                    errorMessage={"message": "task_failure", "programmingLanguage": "python"},
                    airflowState={"tasksState": {"load": "failed", "wait": "success"}},
                )
            },
            "1 of 2 tasks failed: load",
        ),
        ({"inputs": [DATASET], "outputs": [dataset("daily")]}, "orders → daily"),
        ({"outputs": [{**DATASET, **STATISTICS}]}, "orders (1,200 rows)"),
        ({"inputs": [dataset(str(n)) for n in range(5)]}, "0, 1, 2 and 2 more"),
        (
            {"outputs": [dataset(lifecycleStateChange={"lifecycleStateChange": "DROP"})]},
            "DROP orders",
        ),
        ({"job": job(sql={"query": "select 1"})}, "select 1"),
        ({"job": job(documentation={"description": "Sums."}, sql={"query": "x"})}, "Sums."),
        (
            {
                "inputs": [
                    dataset(
                        dataQualityAssertions={
                            "assertions": [
                                {"assertion": "unique", "success": False, "column": "id"},
                                {"assertion": "not_null", "success": True},
                            ]
                        }
                    )
                ]
            },
            "1 of 2 assertions failed: unique of id",
        ),
    ],
)  # fmt: skip
def test_the_message_is_the_one_thing_worth_reading(
    fields: dict[str, Any], message: str | None
) -> None:
    assert draft(**fields).message == message


def test_the_payload_is_the_whole_event() -> None:
    for name in ("spark", "failed", "job", "dataset", "streaming", "loose"):
        assert sample(name).payload == json.loads((SAMPLES / f"{name}.json").read_bytes())


def test_the_id_rests_on_what_is_said_and_not_on_how_it_is_written() -> None:
    body = (SAMPLES / "spark.json").read_bytes()
    value = json.loads(body)
    again = [
        json.dumps(value).encode(),
        json.dumps(value, sort_keys=True, ensure_ascii=False, indent=3).encode(),
        json.dumps([value]).encode(),
    ]
    assert {draft_in(one).id for one in [body, *again]} == {draft_in(body).id}
    assert draft_in(json.dumps({**value, "eventType": "FAIL"}).encode()).id != draft_in(body).id


@pytest.mark.parametrize(
    ("fields", "warnings"),
    [
        ({}, []),
        ({"producer": ...}, ["producer: It is required, and missing."]),
        ({"producer": 5}, ["producer: It must be a URI."]),
        ({"schemaURL": None}, ["schemaURL: It is required, and missing."]),
        ({"schemaURL": "file:/x/OpenLineage.json#/$defs/RunEvent"}, []),
        (
            {"eventTime": "2026-01-02T03:04:05"},
            ["eventTime: It has no zone and is taken as UTC."],
        ),
        (
            {"eventType": "PAUSED"},
            ["eventType: PAUSED is none of START, RUNNING, COMPLETE, ABORT, FAIL, OTHER."],
        ),
        ({"run": ...}, ["eventType: An event about a job has none."]),
        (
            {"run": {"runId": RUN_ID, "facets": {"own": {}}}},
            ["run.facets.own: Object missing required field `_producer`."],
        ),
        (
            {"run": {"runId": RUN_ID, "facets": {"own": 5}}},
            ["run.facets.own: Expected object, got integer."],
        ),
        (
            {"job": job(sql={"query": 5})},
            ["job.facets.sql.query: Expected string, got integer."],
        ),
        (
            {"inputs": [dataset(schema={"fields": [{"name": "a"}, {"type": "b"}]})]},
            ["inputs[0].facets.schema.fields[1]: Object missing required field `name`."],
        ),
        (
            {"outputs": [dataset(columnLineage={"fields": {"a": {"inputFields": [{}]}}})]},
            [
                "outputs[0].facets.columnLineage.fields[…].inputFields[0]:"
                " Object missing required field `namespace`."
            ],
        ),
    ],
)
def test_what_is_against_the_spec_is_kept_with_a_warning(
    fields: dict[str, Any], warnings: list[str]
) -> None:
    assert list(draft(**fields).warnings) == warnings


def test_warnings_are_bounded() -> None:
    facets = {f"own-{number}": 5 for number in range(100)}
    told = draft(run={"runId": RUN_ID, "facets": facets})
    assert len(told.warnings) == 21
    assert told.warnings[-1] == "There are more of these than are shown."


def test_the_events_of_a_real_dbt_build_have_nothing_against_the_spec() -> None:
    for line in (SAMPLES / "dbt.jsonl").read_bytes().splitlines():
        assert draft_in(line).warnings == ()
