"""The index finds what asking each query finds, and no query that requires something is asked."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from apps.automations.index import Index
from apps.automations.reading import read
from apps.query import Query, parse
from apps.query.terms import terms_of
from tests.query.told import Told

QUERIES = [
    *("", "event:a.b", "event:a.*", "event:*", "event:*.b", "-event:a.b", "event:[a.b,c.d]"),
    *("resource:r.1", "related:f.1", "related.flow:f.1", "any:f.1", "label.team:ml", "a OR c"),
    *("outcome:failed event:a.b", "word", '"a b"', "wor*", "system:custom"),
    *(
        "related(role:flow label.team:ml)",
        "payload.n:>3",
        "is:late",
        "source:etl",
        "related.id:f.*",
    ),
    *("(event:a.b resource:r.1) OR label.team:ml", "-(event:a.b OR event:c.d)", "label.team:*"),
]
PREFECT: list[dict[str, Any]] = [
    {"expect": ["a.*"]},
    {"expect": ["!a.b"]},
    {"expect": ["a.b", "c.?"], "match": {"prefect.resource.id": "r.*"}},
    {"match": {"team": ["ml", "!da"]}},
    {"match_related": {"prefect.resource.role": "flow", "prefect.resource.id": ["f.1", "f.2"]}},
    {"match_related": [{"team": "m?"}, {"prefect.resource.role": "flow"}]},
]


def queries() -> list[Query]:
    found = [parse(text) for text in QUERIES]
    for said in PREFECT:
        trigger = read({"type": "prefect", "trigger": {"posture": "Reactive", **said}})
        found += trigger.queries()
    return found


def told(chance: Random) -> Told:
    resource = {"prefect.resource.id": f"r.{chance.randrange(3)}"}
    if chance.random() < 0.5:
        resource["team"] = chance.choice(["ml", "da"])
    related = [
        {
            "prefect.resource.id": f"f.{chance.randrange(3)}",
            "prefect.resource.role": chance.choice(["flow", "tag"]),
            "team": chance.choice(["ml", "da"]),
        }
        for _ in range(chance.randrange(3))
    ]
    return Told(
        chance.choice(["a.b", "c.d", "a.x", "word"]),
        resource,
        tuple(related),
        {"n": chance.randrange(6), "text": chance.choice(["a b", "word", "words"])},
        chance.randrange(1, 6),
    )


@pytest.mark.parametrize("seed", range(20))
def test_index_finds_what_asking_each_query_finds(seed: int):
    chance, asked = Random(seed), queries()
    index = Index(asked)
    for _ in range(50):
        event = told(chance)
        terms = terms_of(event)
        each = [number for number, query in enumerate(asked) if query.matches(event, terms)]
        assert sorted(index.fitting(event, terms)) == each


def test_query_that_requires_something_is_not_asked_of_others():
    queries = [parse(f"event:name.{number} outcome:failed") for number in range(1_000)]
    index = Index(queries)
    event = Told("name.7", outcome=1)
    assert [*index._candidates(event, terms_of(event))] == [7]
