"""What an event's index terms hold, and how few they are."""

import json
from pathlib import Path

import psycopg
import pytest

from apps.query import parse
from apps.query.terms import (
    ID,
    MOST_BYTES,
    NAME,
    ROLE,
    BuiltTerms,
    ReadTerms,
    Terms,
    display_name,
    terms_of,
)
from tests.query.told import Told

REAL = {
    event["event"]: Told(
        event=event["event"],
        resource=event["resource"],
        related=tuple(event["related"]),
        payload=event["payload"],
        system="prefect",
    )
    for event in json.loads((Path(__file__).parent / "prefect_events.json").read_text())
}
COMPLETED = REAL["prefect.task-run.Completed"]


def finds(text: str, event: Told) -> bool:
    return parse(text).matches(event, terms_of(event))


def in_postgresql(database: psycopg.Connection, terms: BuiltTerms) -> Terms:
    query = "SELECT sent::text, sent = %s::tsvector FROM (SELECT %s::tsvector AS sent) AS told"
    row = database.execute(query, [terms.text, terms]).fetchone()
    assert row is not None
    assert row[1], "The text says something else than the binary form."
    return ReadTerms(row[0])


@pytest.mark.parametrize("event", REAL.values(), ids=REAL.keys())
def test_a_real_event_has_at_most_sixty_lexemes(event: Told) -> None:
    assert len(terms_of(event).lexemes) <= 60


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("01a1fc31-f720-7bfc-b6c7-a6af914a5100", "the UUID in an id, bare"),
        ("01A1FC31-F720-7BFC-B6C7-A6AF914A5100", "in capitals"),
        ("01a1fc31-f7*", "its beginning"),
        ("prefect.task-run.01a1fc31-f7*", "the id's beginning, bare"),
        ("d01abd66-a06a-4230-9515-f15e0f2ee506", "a UUID of the payload"),
        ("proud-jackdaw", "a name, as its words in a row"),
        ('"proud jackdaw"', "punctuation does not matter"),
        ("untrackable_result", "a payload key that is true"),
        ("0.009518", "a number"),
        ("comp*", "a beginning"),
        ("resource:extract-d01", "by display name"),
        ("resource:prefect.task-run.*", "by the kind of its id"),
        ("related.flow:my-etl-flow", "by name and role"),
        ("related.tag:etl", "no name: the end of the id is the name"),
        ("label.prefect.state-type:COMPLETED", "a label of the primary resource"),
        ("label.prefect.resource.role:tag", "a role, as a label"),
        ("-related.flow:proud-jackdaw", "the name of another role"),
        ("-validated_state", "a key that every state change has"),
        ("-expected_start_time", "a key of nothing but a time"),
        ("-jackdaw-my", "words of two strings are in no row"),
    ],
)
def test_a_real_event_is_found_by(text: str, why: str) -> None:
    assert finds(text, COMPLETED), why


def test_keys_are_left_out_with_what_says_nothing() -> None:
    says_nothing = {"a": None, "b": False, "c": "", "d": [], "e": {}, "f": "2026-11-21T03:41:35Z"}
    event = Told(payload={**says_nothing, "g": 0, "h": {"i": True}, "j": [{"k": "time"}]})
    words = {lexeme for lexeme, positions in terms_of(event).lexemes.items() if positions}
    assert words - {"acme", "invoice", "paid", "42"} == {"g", "0", "h", "i", "j", "k", "time"}


def test_who_wrote_a_facet_of_openlineage_is_no_word() -> None:
    facet = {"_producer": "https://writer.example/", "_schemaURL": "x", "query": "select _producer"}
    event = Told(payload={"job": {"facets": {"sql": facet}}}, system="openlineage")
    words = {lexeme for lexeme, positions in terms_of(event).lexemes.items() if positions}
    assert words - {"acme", "invoice", "paid", "42"} == {"sql", "query", "select", "producer"}


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({ID: "a.b", NAME: "n", "prefect.name": "m"}, "n"),
        ({ID: "a.b", NAME: "", "prefect.name": "m"}, "m"),
        ({ID: "a.b", "prefect-cloud.name": "c"}, "c"),
        ({ID: "acme.invoice.42"}, "42"),
        ({ID: "s3://bucket/day/file.csv"}, "file.csv"),
        ({ID: "ends.in.dot."}, "ends.in.dot."),
        ({ID: "ends/in/slash/"}, "ends/in/slash/"),
    ],
)
def test_a_resource_is_called(labels: dict[str, str], name: str) -> None:
    assert display_name(labels) == name


def test_a_long_id_is_found_whole_and_by_any_beginning() -> None:
    long = "acme." + "é" * 400 + "/end"
    event = Told(resource={ID: long}, related=({ID: long, ROLE: "flow"},))
    assert max(len(lexeme.encode()) for lexeme in terms_of(event).lexemes) < 600
    for field in ("resource", "related", "related.flow", "any", "label.prefect.resource.id"):
        assert finds(f"{field}:{long}", event)
        assert not finds(f"{field}:{long}x", event)
        assert finds(f"{field}:{long[:-2]}*", event)
        assert not finds(f"{field}:{long[:-2]}x*", event)


@pytest.mark.django_db
def test_postgresql_keeps_every_position_that_is_counted(database: psycopg.Connection) -> None:
    often = " ".join(["again"] * 300)
    many = " ".join(f"w{number}" for number in range(20_000))
    terms = terms_of(Told(payload={"often": often, "many": many, "after": "the end"}))
    assert in_postgresql(database, terms).lexemes == terms.lexemes


def test_beyond_the_last_position_words_are_found_but_phrases_are_not() -> None:
    many = " ".join(f"w{number}" for number in range(20_000))
    event = Told(payload={"many": many, "after": "the end"})
    assert finds("w16000-w16001", event)
    assert finds("w19000 w19001 end", event)
    assert not finds("w19000-w19001", event)
    assert not finds('"the end"', event)
    assert not finds("w16376-w2*", event)


@pytest.mark.django_db
def test_terms_too_large_lose_words_first(database: psycopg.Connection) -> None:
    many = " ".join(f"word{number}" for number in range(200_000))
    related = tuple({ID: f"r.{number}", ROLE: "input", "k": "v"} for number in range(3_000))
    event = Told(related=related, payload={"many": many})
    terms = terms_of(event)
    assert terms.dropped == "The event is so large that some words cannot be searched for."
    kept = in_postgresql(database, terms)
    assert kept.lexemes == terms.lexemes
    assert parse("related.input:r.2999 label.k:v word100").matches(event, kept)
    assert not parse("word199999").matches(event, kept)


@pytest.mark.django_db
def test_terms_too_large_keep_ids_and_roles_longest(database: psycopg.Connection) -> None:
    related = tuple(
        {ID: f"r.{number}", ROLE: "input", "k": f"{number}" * 80} for number in range(5_000)
    )
    event = Told(related=related)
    terms = terms_of(event)
    kept = in_postgresql(database, terms)
    assert parse("related.input:r.4999 label.k:*").matches(event, kept)
    assert not parse("acme").matches(event, kept)
    assert terms.dropped == (
        "The event is so large that some labels of related resources and words "
        "cannot be searched for."
    )


def test_ordinary_terms_lose_nothing() -> None:
    assert terms_of(COMPLETED).dropped is None


def test_terms_that_just_fit_lose_nothing_and_say_so() -> None:
    related = tuple({ID: f"warehouse.orders.{n}", ROLE: "input"} for n in range(8_000))
    terms = terms_of(Told(related=related))
    assert 4 * len("".join(terms.lexemes)) > MOST_BYTES
    assert "warehouse" in terms.lexemes
    assert terms.dropped is None
