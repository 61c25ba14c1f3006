"""What may come through OpenLineage's doors, and what is said of what may not."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.events.row import rows_of
from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.adapters.openlineage.adapter import draft_of, read_openlineage
from apps.ingest.adapters.openlineage.reading import Told, read, split

RUN_ID = "01a1fc31-0000-7000-8000-000000000001"
PLAIN: dict[str, Any] = {
    "eventTime": "2026-01-02T03:04:05.678901Z",
    "eventType": "START",
    "producer": "https://example.com/producer",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    "run": {"runId": RUN_ID},
    "job": {"namespace": "shop", "name": "orders"},
}
DATASET = {"namespace": "s3://lake", "name": "orders"}


def body(**fields: Any) -> bytes:
    told = {**PLAIN, **fields}
    return json.dumps({key: value for key, value in told.items() if value is not ...}).encode()


def accepted(reading: Told | Unreadable) -> Told:
    assert isinstance(reading, Told), reading
    return reading


def refused(reading: Told | Unreadable) -> Unreadable:
    assert isinstance(reading, Unreadable), "it was accepted"
    return reading


def wheres(reading: Told | Unreadable) -> list[str]:
    return [problem.where for problem in refused(reading).problems]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-01-02T03:04:05.678901Z", datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)),
        ("2026-01-02T03:04:05.9Z", datetime(2026, 1, 2, 3, 4, 5, 900000, UTC)),
        ("2026-01-02T03:04:05.678901999Z", datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)),
        ("2026-01-02T03:04:05+05:30", datetime(2026, 1, 1, 21, 34, 5, tzinfo=UTC)),
        ("2026-01-02 03:04:05+00:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02t03:04:05z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04Z", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
    ],
)
def test_times_are_read_as_producers_write_them(said: str, meant: datetime) -> None:
    assert accepted(read(body(eventTime=said))).occurred == meant


@pytest.mark.parametrize(
    "said",
    [
        "",
        "yesterday",
        "2026-01-02",
        "2026-W01-1T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-02T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-10:00",
        1_700_000_000,
        True,
        [],
        {},
        None,
        ...,
    ],
)
def test_what_is_no_time_is_refused(said: object) -> None:
    assert wheres(read(body(eventTime=said))) == ["eventTime"]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"run": [], "job": ...}, ["run"]),
        ({"run": "x"}, ["run"]),
        ({"run": {}}, ["run.runId"]),
        ({"run": {"runId": None}}, ["run.runId"]),
        ({"run": {"runId": ""}}, ["run.runId"]),
        ({"run": {"runId": 5}}, ["run.runId"]),
        ({"run": {"runId": RUN_ID, "facets": []}}, ["run.facets"]),
        ({"run": {"runId": "a\0"}}, ["run.runId"]),
        ({"job": ...}, ["job"]),
        ({"job": None}, ["job"]),
        ({"job": "orders"}, ["job"]),
        ({"job": {"namespace": "shop"}}, ["job.name"]),
        ({"job": {"namespace": None, "name": 5}}, ["job.namespace", "job.name"]),
        ({"job": {"namespace": "a\0", "name": "b"}}, ["job.namespace"]),
        ({"job": {**DATASET, "facets": "x"}}, ["job.facets"]),
        ({"eventType": 5}, ["eventType"]),
        ({"inputs": {}}, ["inputs"]),
        ({"inputs": ["x"]}, ["inputs[0]"]),
        ({"inputs": [DATASET, None]}, ["inputs[1]"]),
        ({"inputs": [{"namespace": "x"}]}, ["inputs[0].name"]),
        ({"inputs": [{**DATASET, "inputFacets": []}]}, ["inputs[0].inputFacets"]),
        ({"outputs": [{"name": "\ud800", "namespace": "x"}]}, ["outputs[0].name"]),
        ({"outputs": [{**DATASET, "outputFacets": 1}]}, ["outputs[0].outputFacets"]),
        ({"outputs": [{**DATASET, "facets": 1}]}, ["outputs[0].facets"]),
        ({"run": ..., "job": ...}, [""]),
        ({"run": ..., "job": ..., "dataset": {}}, ["dataset.namespace", "dataset.name"]),
        ({"run": {}, "job": {}, "eventTime": 1}, [
            "eventTime", "run.runId", "job.namespace", "job.name"
        ]),
    ],
)  # fmt: skip
def test_a_broken_core_is_refused_with_its_exact_paths(
    fields: dict[str, Any], where: list[str]
) -> None:
    reading = read(body(**fields))
    assert (refused(reading).status, wheres(reading)) == (422, where)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "run"),
        ({"dataset": DATASET}, "run"),
        ({"run": None}, "job"),
        ({"run": ...}, "job"),
        ({"run": ..., "job": ..., "dataset": DATASET}, "dataset"),
        ({"schemaURL": "https://openlineage.io/x#/$defs/JobEvent"}, "run"),
        ({"inputs": None, "outputs": None}, "run"),
        ({"eventType": None}, "run"),
    ],
)
def test_the_kind_is_told_by_the_shape(fields: dict[str, Any], kind: str) -> None:
    assert accepted(read(body(**fields))).kind == kind


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"a": 1} x', 400),
        (b'{"a": "\xff"}', 400),
        (b"null", 422),
        (b"5", 422),
        (b'"x"', 422),
    ],
)
def test_what_is_no_event_at_all_is_refused(raw: bytes, status: int) -> None:
    assert refused(read(raw)).status == status


def nested(depth: int) -> bytes:
    return body(deep="@").replace(b'"@"', b'{"a":' * depth + b"1" + b"}" * depth)


def test_deep_nesting_is_taken_as_far_as_it_can_be_stored() -> None:
    told = accepted(read(nested(200)))
    assert rows_of([draft_of(told)], source_id=1)


@pytest.mark.parametrize("depth", [257, 900, 5_000, 100_000])
def test_what_is_nested_too_deeply_is_refused(depth: int) -> None:
    assert refused(read(nested(depth))).status in (400, 422)


def test_many_brackets_beside_each_other_are_not_deep() -> None:
    accepted(read(body(inputs=[DATASET] * 500)))


@pytest.mark.parametrize(
    ("json_text", "kept"),
    [
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1e999", "1e999"),
        ('"a\\u0000b"', "a\N{REPLACEMENT CHARACTER}b"),
        ('"\\ud800"', "\N{REPLACEMENT CHARACTER}"),
        ("9" * 5_000, "9" * 40 + "…"),
    ],
)
def test_what_cannot_be_stored_in_a_facet_is_mended_and_told(json_text: str, kept: str) -> None:
    facet = body(run={"runId": RUN_ID, "facets": {"own": {"value": "@"}}})
    told = accepted(read(facet.replace(b'"@"', json_text.encode())))
    assert told.event["run"]["facets"]["own"]["value"] == kept
    [warning] = told.warnings
    assert warning.startswith("run.facets.own.value: ")
    assert warning.endswith("It is kept as a text that can be stored.")
    assert rows_of([draft_of(told)], source_id=1)


def test_a_key_that_cannot_be_stored_is_mended() -> None:
    told = accepted(read(body(**{"a\0": 1})))
    assert told.event["a\N{REPLACEMENT CHARACTER}"] == 1
    assert len(told.warnings) == 1


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    told = accepted(read(body(text="\\u0000")))
    assert (told.event["text"], told.warnings) == ("\\u0000", ())


@pytest.mark.parametrize(
    "array",
    [
        "[]",
        " [ ] ",
        '[1, "a,]b", {"a": [1, 2]}]',
        '[NaN, {"a": NaN, "b": "x\\"],["}, [1, NaN]]',
        "[1e999,2]",
    ],
)
def test_an_array_is_split_into_its_elements(array: str) -> None:
    told = [json.loads(part) for part in split(array.encode())]
    # NaN equals nothing, itself included.
    assert repr(told) == repr(json.loads(array))


@pytest.mark.parametrize("array", ["", "{}", "[", "[1", "[NaN", "[NaN]]", "[NaN] x", "x[NaN]"])
def test_what_is_no_array_is_not_split(array: str) -> None:
    assert split(array.encode()) is None


def test_an_element_that_is_no_json_spoils_no_other() -> None:
    array = b"[" + body() + b",nonsense," + body(eventType="COMPLETE") + b"]"
    readings = [element.reading for element in read_openlineage(Message(array))]
    assert [isinstance(reading, Unreadable) for reading in readings] == [False, True, False]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
CORE = st.fixed_dictionaries(
    {},
    optional={
        "eventTime": st.datetimes().map(datetime.isoformat) | JSON,
        "eventType": st.sampled_from(["START", "complete", "?"]) | JSON,
        "producer": JSON,
        "schemaURL": JSON,
        "run": st.fixed_dictionaries(
            {"runId": st.uuids().map(str) | st.text()}, optional={"facets": JSON}
        )
        | JSON,
        "job": st.fixed_dictionaries({"namespace": st.text(), "name": st.text()}) | JSON,
        "dataset": st.fixed_dictionaries({"namespace": st.text(), "name": st.text()}) | JSON,
        "inputs": st.lists(st.just(DATASET) | JSON, max_size=3) | JSON,
        "outputs": st.lists(st.just(DATASET) | JSON, max_size=3) | JSON,
    },
)


@settings(max_examples=300, deadline=None)
@given(CORE | JSON | st.lists(CORE, max_size=3))
def test_whatever_comes_is_read_or_refused_and_what_is_read_can_be_stored(value: object) -> None:
    message = Message(json.dumps(value).encode())
    for element in read_openlineage(message):
        if isinstance(element.reading, Unreadable):
            assert 400 <= element.reading.status < 500
        else:
            assert rows_of(element.reading, source_id=1)
