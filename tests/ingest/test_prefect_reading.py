"""What may come through Prefect's doors, and what is said of what may not."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from apps.ingest.adapters.message import Unreadable
from apps.ingest.adapters.prefect import reading as prefect_reading
from apps.ingest.adapters.prefect.adapter import draft_of
from apps.ingest.adapters.prefect.reading import PrefectEvent, Reading, read, read_batch

SAMPLES = json.loads((Path(__file__).parent / "samples" / "prefect.json").read_bytes())
ID = "018f0000-0000-7000-8000-000000000000"
PLAIN: dict[str, Any] = {
    "id": ID,
    "occurred": "2026-01-02T03:04:05.678901Z",
    "event": "acme.invoice.paid",
    "resource": {"prefect.resource.id": "acme.invoice.42"},
}


def told(**fields: Any) -> bytes:
    return json.dumps({**PLAIN, **fields}).encode()


def refused(reading: Reading) -> Unreadable:
    assert isinstance(reading, Unreadable), "it was accepted"
    return reading


def accepted(reading: Reading) -> PrefectEvent:
    assert isinstance(reading, PrefectEvent), reading
    return reading


@pytest.mark.parametrize("name", SAMPLES)
def test_what_prefect_sends_is_read_alike_by_the_fast_and_the_close_reading(name: str) -> None:
    raw = json.dumps(SAMPLES[name]).encode()
    assert draft_of(accepted(read(raw))) == draft_of(accepted(prefect_reading.read_closely(raw)))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-01-02T03:04:05.678901Z", datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)),
        ("2026-01-02 03:04:05+05:30", datetime(2026, 1, 1, 21, 34, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04Z", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        ("2026-01-02t03:04:05z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("20260102T030405Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1_700_000_000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (1_700_000_000.5, datetime(2023, 11, 14, 22, 13, 20, 500000, UTC)),
        ("1700000000.25", datetime(2023, 11, 14, 22, 13, 20, 250000, UTC)),
        (1_700_000_000_000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
    ],
)
def test_times_are_taken_as_the_real_server_takes_them(said: object, meant: datetime) -> None:
    assert draft_of(accepted(read(told(occurred=said)))).occurred == meant


@pytest.mark.parametrize(
    "said",
    [
        "",
        "yesterday",
        " 2026-01-02T03:04:05Z",
        "2026-13-01T00:00:00Z",
        "2026-01-02T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-10:00",
        "1e400",
        10**400,
        1e300,
        True,
        None,
        [],
        {},
    ],
)
def test_what_is_no_time_is_refused(said: object) -> None:
    assert refused(read(told(occurred=said))).problems[0].where == "occurred"


@pytest.mark.parametrize(
    "form",
    [ID, ID.upper(), ID.replace("-", ""), f"urn:uuid:{ID}", f"{{{ID}}}"],
)
def test_ids_are_taken_in_all_the_forms_of_a_uuid(form: str) -> None:
    event = accepted(read(told(id=form, follows=form)))
    assert (event.id, event.follows) == (UUID(ID), UUID(ID))


@pytest.mark.parametrize(
    "form",
    [
        "",
        "x",
        f" {ID}",
        f"{{{ID}",
        f"urn:uuid:{ID.replace('-', '')}",
        "018f-0000-0000-7000-8000-000000000000",
        5,
        True,
        [],
    ],
)
@pytest.mark.parametrize("field", ["id", "follows"])
def test_what_is_no_uuid_is_refused(form: object, field: str) -> None:
    assert refused(read(told(**{field: form}))).problems[0].where == field


def resource(**labels: object) -> dict[str, object]:
    return {"prefect.resource.id": "r", **labels}


def in_role(**labels: object) -> dict[str, object]:
    return {"prefect.resource.id": "r", "prefect.resource.role": "flow", **labels}


def labels(count: int) -> dict[str, str]:
    return {f"label-{number}": "x" for number in range(count)}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("fields", "where", "type"),
    [
        ({"event": None}, "event", "string_type"),
        ({"event": 5}, "event", "string_type"),
        ({"event": "x" * 1025}, "event", "string_too_long"),
        ({"resource": None}, "resource", "dict_type"),
        ({"resource": [["prefect.resource.id", "a"]]}, "resource", "dict_type"),
        ({"resource": {}}, "resource.prefect.resource.id", "missing"),
        ({"resource": {"prefect.resource.id": ""}}, "resource.prefect.resource.id", "value_error"),
        ({"resource": {"prefect.resource.id": 5}}, "resource.prefect.resource.id", "string_type"),
        ({"resource": resource(size=5)}, "resource.size", "string_type"),
        ({"resource": resource(size=None)}, "resource.size", "string_type"),
        ({"resource": resource(**labels(500))}, "resource", "too_long"),
        (
            {"resource": {"prefect.resource.id": "é" * 513}},
            "resource.prefect.resource.id",
            "string_too_long",
        ),
        ({"related": None}, "related", "list_type"),
        ({"related": {}}, "related", "list_type"),
        ({"related": ["x"]}, "related[0]", "dict_type"),
        ({"related": [in_role(), resource()]}, "related[1].prefect.resource.role", "missing"),
        (
            {"related": [in_role(**{"prefect.resource.role": ""})]},
            "related[0].prefect.resource.role",
            "value_error",
        ),
        (
            {"related": [{"prefect.resource.role": "flow"}]},
            "related[0].prefect.resource.id",
            "missing",
        ),
        ({"related": [in_role(team=["a"])]}, "related[0].team", "string_type"),
        ({"related": [in_role()] * 101}, "related", "too_long"),
        ({"related": [in_role(**labels(499))]}, "related[0]", "too_long"),
        ({"payload": None}, "payload", "dict_type"),
        ({"payload": []}, "payload", "dict_type"),
        ({"payload": "x"}, "payload", "dict_type"),
        ({"payload": {"a": [0, {"b": float("nan")}]}}, "payload.a[1].b", "value_error"),
        ({"payload": {"a": float("inf")}}, "payload.a", "value_error"),
        ({"payload": {"a": "\0"}}, "payload.a", "value_error"),
        ({"payload": {"a\0": 1}}, "payload.a\0", "value_error"),
        ({"payload": {"a": "\ud800"}}, "payload.a", "value_error"),
        ({"payload": {"\udc00": 1}}, "payload.\udc00", "value_error"),
        ({"payload": nested(300)}, "payload.a", "value_error"),
        ({"event": "a\0b"}, "event", "value_error"),
        ({"event": "a\udfff"}, "event", "value_error"),
        ({"resource": resource(team="\0")}, "resource.team", "value_error"),
        ({"resource": resource(**{"te\0am": "x"})}, "resource.te\0am", "value_error"),
        ({"related": [in_role(team="\ud800")]}, "related[0].team", "value_error"),
    ],
)
def test_a_wrong_event_is_refused_with_its_path(
    fields: dict[str, Any], where: str, type: str
) -> None:
    unreadable = refused(read(told(**fields)))
    [problem] = unreadable.problems
    assert (unreadable.status, problem.where, problem.type) == (422, where, type)
    assert unreadable.event_id == ID


@pytest.mark.parametrize(
    "fields",
    [
        {"event": ""},
        {"event": "é" * 1024},
        {"resource": {"prefect.resource.id": " "}},
        {"resource": {"prefect.resource.id": "é" * 512}},
        {"resource": resource(**{"": ""}, **labels(498))},
        {"related": [in_role()] * 100},
        {"follows": None},
        {"payload": {"text": "\\u0000 is only written here", "emoji": "😀", "n": 10**4000}},
        {"payload": nested(200)},
        {"payload": {"many": [{}] * 1000}},
        {"something": "else", "received": "now"},
    ],
)
def test_what_prefect_allows_is_allowed(fields: dict[str, Any]) -> None:
    accepted(read(told(**fields)))


def test_each_field_says_what_is_wrong_with_it() -> None:
    problems = refused(read(b'{"related": 5, "id": "x"}')).problems
    assert [problem.where for problem in problems] == [
        "occurred",
        "event",
        "resource",
        "related",
        "id",
    ]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("9" * 5000, "A whole number of 5,000 digits is too long; send a string instead."),
        ("1e400", "The number is beyond 1.8e308; send a string instead."),
        ("-Infinity", "-Infinity is no JSON number; send null or a string instead."),
    ],
)
def test_a_number_nobody_can_hold_is_named(number: str, reason: str) -> None:
    raw = told(payload={"n": "HERE"}).replace(b'"HERE"', number.encode())
    [problem] = refused(read(raw)).problems
    assert (problem.where, problem.reason) == ("payload.n", reason)


@pytest.mark.parametrize("depth", [300, 500, 900, 960, 980, 990, 1_000, 5_000, 100_000])
@pytest.mark.parametrize("brackets", ["[]", '{"a":}'])
def test_deep_nesting_is_refused_and_never_breaks_anything(depth: int, brackets: str) -> None:
    deep = brackets[:-1] * depth + "1" + brackets[-1] * depth
    raw = told(payload={"a": "HERE"}).replace(b'"HERE"', deep.encode())
    assert refused(read(raw)).status == 422
    *_, bad = read_batch(b"[" + told() + b"," + raw + b"]")
    assert bad.index == 1


def test_an_event_over_the_limit_is_too_large_and_blanks_do_not_count() -> None:
    large = told(payload={"text": "x" * 1_500_000})
    assert refused(read(large)).status == 413
    accepted(read(told() + b" " * 1_500_000))


@pytest.mark.parametrize(
    ("body", "status", "type"),
    [
        (b"", 400, "json_invalid"),
        (b"[", 400, "json_invalid"),
        (b'[{"id": "', 400, "json_invalid"),
        (b"[" + told() + b",]", 400, "json_invalid"),
        (b"[" + told() + b"] x", 400, "json_invalid"),
        (b"[\xff]", 400, "json_invalid"),
        (b"\x1f\x8b\x08", 400, "json_invalid"),
        (told(), 422, "list_type"),
        (b"null", 422, "list_type"),
        (b"NaN", 422, "list_type"),
    ],
)
def test_a_body_that_is_no_array_is_refused_as_a_whole(body: bytes, status: int, type: str) -> None:
    [element] = read_batch(body)
    unreadable = refused(element.reading)
    assert (unreadable.status, unreadable.problems[0].type) == (status, type)
    assert element.index is None


def test_a_wrong_event_of_a_batch_is_named_by_its_index() -> None:
    body = b"[" + told() + b",5," + told(event=5) + b"]"
    elements = list(read_batch(body))
    assert [element.index for element in elements] == [0, 1, 2]
    assert [isinstance(e.reading, Unreadable) for e in elements] == [False, True, True]
    assert elements[1].raw == b"5"


def test_a_byte_order_mark_and_bad_text_elsewhere_do_not_hide_the_good_events() -> None:
    accepted(next(read_batch(b"\xef\xbb\xbf[" + told() + b"]")).reading)
    first, second = read_batch(b"[" + told() + b"," + told(payload={"a": float("nan")}) + b"]")
    accepted(first.reading)
    assert (second.index, refused(second.reading).problems[0].where) == (1, "payload.a")


def test_found_values_are_shown_short() -> None:
    [problem] = refused(read(told(payload=["x" * 1_000_000]))).problems
    assert problem.found is not None
    assert len(problem.found) == 100
