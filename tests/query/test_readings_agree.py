"""The property that everything rests on: what SQL finds is what memory matches."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from apps.query import Query, parse
from apps.query.parse import LONGEST_TEXT
from apps.query.terms import ID, TERMS_VERSION, ReadTerms, Terms, terms_of
from tests.query.asking import Asked, clauses, is_readable, joined
from tests.query.told import Told, events

pytestmark = pytest.mark.django_db

batches = st.lists(events, min_size=1, max_size=12)
# Of a hundred examples each asks some sixty queries of six events: more than 30,000 cases.
relaxed = settings(
    deadline=None,
    # To shrink one takes minutes, and what failed is said in the assertion.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@relaxed
@given(told=batches, by_index=st.booleans(), data=st.data())
def test_sql_finds_what_memory_matches(
    database: psycopg.Connection, told: list[Told], by_index: bool, data: st.DataObject
) -> None:
    terms = stored(database, told)
    # Else PostgreSQL reads so few rows one by one, always.
    database.execute(f"SET enable_seqscan = {'off' if by_index else 'on'}")
    asked = [one for one in data.draw(some_clauses(told)) if is_readable(one)]
    few = [one for one in asked if len(one.text) < LONGEST_TEXT / 12]
    alternatives = data.draw(st.lists(joined(few), max_size=10)) if few else []
    queries = [*asked, *together(asked), *alternatives]
    found = find_each(database, [parse(one.text) for one in queries])
    for one, ids in zip(queries, found, strict=True):
        query = parse(one.text)
        assert {e.id for e in told if query.matches(e, terms[e.id])} == ids, (one.text, query.sql())
        assert {e.id for e in told if one.holds(e)} == ids, (one.text, query.sql())


@relaxed
@given(told=batches)
def test_postgresql_keeps_the_terms_as_they_were_built(
    database: psycopg.Connection, told: list[Told]
) -> None:
    kept = stored(database, told)
    for event in told:
        assert kept[event.id].lexemes == terms_of(event).lexemes


def some_clauses(told: Sequence[Told]) -> st.SearchStrategy[list[Asked]]:
    return st.lists(clauses(told), min_size=20, max_size=40)


def together(asked: Sequence[Asked]) -> Iterable[Asked]:
    """Join neighbours, of which both must hold."""
    joined = [both(one, other) for one, other in pairwise(asked)]
    return [one for one in joined if len(one.text) <= LONGEST_TEXT]


def both(one: Asked, other: Asked) -> Asked:
    return Asked(f"{one.text} {other.text}", lambda event: one.holds(event) and other.holds(event))


def stored(database: psycopg.Connection, told: Sequence[Told]) -> Mapping[UUID, Terms]:
    """Store events in place of those before, and read their terms back."""
    database.execute("TRUNCATE told")
    with database.cursor() as cursor:
        cursor.executemany(INSERT, [row_of(event) for event in told])
        rows = cursor.execute("SELECT id, terms::text FROM told").fetchall()
    return {id_: ReadTerms(text) for id_, text in rows}


INSERT = """
    INSERT INTO told (id, occurred, received, event, resource_id, resource, related, payload,
                      follows, outcome, system, source_id, warnings, terms, terms_version)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::tsvector, %s)
"""


def row_of(event: Told) -> Sequence[object]:
    return (
        event.id,
        event.occurred,
        event.received,
        event.event,
        event.resource[ID],
        Jsonb(dict(event.resource)),
        Jsonb([dict(one) for one in event.related]),
        Jsonb(dict(event.payload)),
        event.follows,
        event.outcome,
        event.system,
        event.source_id,
        None if event.warnings is None else list(event.warnings),
        terms_of(event),
        TERMS_VERSION,
    )


def find_each(database: psycopg.Connection, queries: Sequence[Query]) -> list[set[UUID]]:
    with database.pipeline():
        cursors = [find(database, query) for query in queries]
    return [{row[0] for row in cursor.fetchall()} for cursor in cursors]


def find(database: psycopg.Connection, query: Query) -> psycopg.Cursor:
    terms, where, params = query.sql()
    conditions = ["terms @@ %s::tsquery"] if terms else []
    conditions += [where] if where else []
    text = f"SELECT id FROM told WHERE {' AND '.join(conditions) or 'TRUE'}"
    return database.execute(text, [*([terms] if terms else []), *params])
