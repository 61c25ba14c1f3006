"""What the page of an OpenLineage event shows."""

import json
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings

from apps.events.details import Block, Code, Facts, Failure, Table
from apps.events.models import Event
from apps.ingest.adapters.openlineage.details import details_of
from tests.ingest.test_openlineage import dataset, facet
from tests.ingest.test_openlineage_reading import CORE, JSON

SAMPLES = Path(__file__).parent / "samples" / "openlineage"
B = TypeVar("B", bound=Block)


def blocks(payload: object, kind: type[B]) -> list[B]:
    return [block for block in details_of(Event(payload=payload)) if isinstance(block, kind)]


def sample(name: str) -> dict[str, Any]:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def table(payload: object, title: str) -> list[list[str]]:
    [found] = [one for one in blocks(payload, Table) if one.title == title]
    return [[cell.text for cell in row] for row in found.rows]


def test_an_error_is_told_with_its_stack() -> None:
    first, second = blocks(sample("failed"), Failure)
    assert first.message == "java.sql.SQLException: connection refused"
    assert first.kind == "JAVA"
    assert "Orders.java:12" in first.stack
    assert (second.message, second.kind) == ("no such table", "extraction error")


def test_sql_and_source_code_are_told_in_their_language() -> None:
    [sql] = blocks(sample("spark"), Code)
    assert (sql.title, sql.language) == ("SQL (spark)", "sql")
    assert sql.text.startswith("insert into orders_daily\n")
    [source] = blocks(sample("job"), Code)
    assert (source.title, source.language) == ("Source code", "python")


def test_inputs_and_outputs_are_told_with_their_sizes() -> None:
    assert table(sample("spark"), "Inputs") == [
        ["raw/orders", "120,000", "50.0\xa0MB", "s3://lake"]
    ]
    assert table(sample("spark"), "Outputs") == [
        ["shop.public.orders_daily", "365", "20.0\xa0KB", "RENAME", "postgres://warehouse:5432"]
    ]


def test_a_column_that_says_nothing_is_left_out() -> None:
    [inputs] = [one for one in blocks(sample("spark"), Table) if one.title == "Inputs"]
    assert inputs.head == ["Dataset", "Rows", "Size", "Namespace"]


def test_a_dataset_leads_to_its_events() -> None:
    [inputs] = [one for one in blocks(sample("spark"), Table) if one.title == "Inputs"]
    [[name, *_]] = inputs.rows
    assert name.query == 'any:"openlineage.dataset.s3%3A%2F%2Flake/raw%2Forders"'


def test_a_schema_is_told_with_the_columns_inside_its_columns() -> None:
    assert table(sample("spark"), "Schema of raw/orders") == [
        ["amount", "decimal", "in euro"],
        ["address", "struct", ""],
        ["address.city", "string", ""],
    ]


def test_columns_are_told_with_what_they_come_from() -> None:
    assert table(sample("spark"), "Column lineage of shop.public.orders_daily") == [
        ["total", "raw/orders.amount", "DIRECT AGGREGATION"],
        ["total", "raw/rates.rate", ""],
        ["all", "raw/orders.day", "INDIRECT GROUP_BY"],
    ]


def test_data_quality_is_told_by_assertion_and_by_column() -> None:
    assert table(sample("spark"), "Assertions") == [
        ["not_null", "raw/orders.amount", "fail", "0", "3", "warn"],
        ["row_count", "", "pass", "", "", ""],
    ]
    assert table(sample("failed"), "Assertions") == [["orders_are_fresh", "fail", "error"]]
    assert table(sample("spark"), "Data quality of raw/orders") == [
        ["amount", "3", "900", "119,997", "1234567.5", "0.5", "999.99"]
    ]


def test_the_rest_is_told_in_short() -> None:
    [about] = blocks(sample("spark"), Facts)
    told = dict(about.rows)
    assert told["type"].text == "SPARK, SQL_JOB, BATCH"
    assert told["engine"].text == "spark 3.5.4"
    assert told["source code"].href == "https://git.example.com/shop/orders/blob/main/daily.sql"
    assert table(sample("spark"), "Parameters") == [["day", "2026-11-20"], ["tries", "3"]]
    assert table(sample("spark"), "Environment variables") == [["SPARK_ENV", "production"]]
    assert table(sample("dataset"), "Tags") == [
        ["pii", "false", "shop.public.orders_daily"],
        ["pii", "true", "day"],
    ]
    assert table(sample("dataset"), "Owners") == [["team:orders"]]


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    fields = [{"name": str(number)} for number in range(1_000)]
    payload = {"outputs": [dataset(schema=facet(fields=fields))]}
    [schema] = [one for one in blocks(payload, Table) if one.title.startswith("Schema")]
    assert (len(schema.rows), schema.left_out) == (100, 900)


@pytest.mark.parametrize("payload", [None, [], "x", {}, {"run": 5, "inputs": [None]}])
def test_an_odd_payload_has_no_details(payload: object) -> None:
    assert list(details_of(Event(payload=payload))) == []


FACETS = ("errorMessage", "sql", "schema", "columnLineage", "dataQualityMetrics", "tags", "test")


@settings(max_examples=100, deadline=None)
@given(CORE | JSON, JSON)
def test_whatever_was_stored_is_told_without_an_exception(payload: object, odd: object) -> None:
    assert isinstance(details_of(Event(payload=payload)), list)
    holder = {"namespace": "a", "name": "b", "facets": dict.fromkeys(FACETS, odd)}
    event = {"run": holder, "job": holder, "dataset": holder, "inputs": [holder, odd]}
    assert isinstance(details_of(Event(payload=event)), list)
