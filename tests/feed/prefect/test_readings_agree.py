"""What a filter of Prefect's finds in the database is what it matches in memory, and what it means.

The meaning is said once more, as Prefect says it of an event in memory (server/events/filters.py).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.feed.prefect.filters import EventFilter
from apps.query import Query
from apps.query.terms import ID, ROLE
from apps.query.tree import EVERYTHING
from tests.query.conftest import database  # noqa: F401
from tests.query.test_readings_agree import find_each, relaxed, stored
from tests.query.told import Told, events

pytestmark = pytest.mark.django_db

Labels = Mapping[str, str]
Asked = dict[str, Any]


@relaxed
@given(told=st.lists(events, min_size=1, max_size=12), data=st.data())
def test_database_memory_and_meaning_agree(
    database: psycopg.Connection,  # noqa: F811
    told: list[Told],
    data: st.DataObject,
) -> None:
    terms = stored(database, told)
    asked = data.draw(st.lists(filters_about(told), min_size=10, max_size=20))
    queries = [msgspec.convert(one, EventFilter).query() or Query.of(EVERYTHING) for one in asked]
    for one, query, ids in zip(asked, queries, find_each(database, queries), strict=True):
        assert {e.id for e in told if query.matches(e, terms[e.id])} == ids, (one, query.sql())
        if "text" not in one:
            assert {e.id for e in told if means(one, e)} == ids, (one, query.sql())


# What is asked


def filters_about(told: Sequence[Told]) -> st.SearchStrategy[Asked]:
    return st.sampled_from(told).flatmap(filter_about)


@st.composite
def filter_about(draw: st.DrawFn, about: Told) -> Asked:
    related = about.related or (about.resource,)
    one = st.sampled_from(related)
    parts = {
        "event": name_like(about.event),
        "resource": st.just(about.resource).flatmap(resource_like),
        "related": several(one.flatmap(related_like)),
        "any_resource": several(st.sampled_from([about.resource, *related]).flatmap(resource_like)),
        "id": st.just({"id": [str(about.id)]}),
        "text": texts_in([about.event, *about.resource.values()]).map(lambda text: {"query": text}),
    }
    names = draw(st.lists(st.sampled_from(list(parts)), min_size=1, max_size=2, unique=True))
    return {name: draw(parts[name]) for name in names}


def several(one: st.SearchStrategy[Asked]) -> st.SearchStrategy[Any]:
    return one | st.lists(one, max_size=2)


def name_like(name: str) -> st.SearchStrategy[Asked]:
    beginnings = listed(st.integers(0, len(name)).map(lambda at: name[:at]))
    names = listed(st.just(name))
    fields = {"prefix": beginnings, "name": names, "exclude_prefix": beginnings}
    return st.fixed_dictionaries({}, optional=fields | {"exclude_name": names})


def resource_like(labels: Labels) -> st.SearchStrategy[Asked]:
    id = labels[ID]
    beginnings = listed(st.integers(0, len(id)).map(lambda at: id[:at]))
    fields = {"id": listed(st.just(id)), "id_prefix": beginnings, "labels": labels_like(labels)}
    return st.fixed_dictionaries({}, optional=fields)


def related_like(labels: Labels) -> st.SearchStrategy[Asked]:
    id, role = labels[ID], labels.get(ROLE, "flow")
    fields = {
        "id": listed(st.just(id)),
        "role": listed(st.just(role)),
        "resources_in_roles": listed(st.sampled_from([(id, role), (id, "x"), ("x", role)])),
        "labels": labels_like(labels),
    }
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def labels_like(draw: st.DrawFn, labels: Labels) -> dict[str, Any]:
    keys = draw(st.lists(st.sampled_from([*labels, "absent"]), max_size=2, unique=True))
    return {key: draw(patterns_like(labels.get(key, "x"))) for key in keys}


def patterns_like(value: str) -> st.SearchStrategy[Any]:
    cut = st.integers(0, len(value))
    forms = st.one_of(
        st.just(value),
        cut.map(lambda at: f"{value[:at]}*"),
        cut.map(lambda at: f"*{value[at:]}"),
        cut.map(lambda at: f"{value[:at]}?{value[at + 1 :]}"),
        st.sampled_from(["*", "?", "", "*a*", "*?*"]),
    )
    signed = st.tuples(st.sampled_from(["", "", "!"]), forms).map("".join)
    return signed | st.lists(signed, max_size=2)


def texts_in(strings: Sequence[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["", "", "-", "+", "!"])
    forms = st.sampled_from(["{}", '"{}"'])
    term = st.tuples(signs, forms, st.sampled_from(strings)).map(
        lambda drawn: drawn[0] + drawn[1].format(drawn[2][:20])
    )
    return st.lists(term, max_size=3).map(lambda terms: " ".join(terms)[:200])


def listed(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.lists(one, max_size=2)


# What it means


def means(asked: Asked, event: Told) -> bool:
    return all(MEANINGS[name](part, event) for name, part in asked.items())


def means_name(asked: Asked, event: Told) -> bool:
    name = event.event
    return (
        (not asked.get("prefix") or name.startswith(tuple(asked["prefix"])))
        and (not asked.get("name") or name in asked["name"])
        and not name.startswith(tuple(asked.get("exclude_prefix") or ()))
        and name not in (asked.get("exclude_name") or ())
    )


def means_resource(asked: Asked, event: Told) -> bool:
    return is_such(asked, event.resource)


def means_related(asked: Any, event: Told) -> bool:
    return each(asked, lambda one: any(is_such(one, labels) for labels in event.related))


def means_any(asked: Any, event: Told) -> bool:
    resources = [event.resource, *event.related]
    return each(asked, lambda one: any(is_such(one, labels) for labels in resources))


def each(asked: Any, holds: Callable[[Asked], bool]) -> bool:
    parts = asked if isinstance(asked, list) else [asked]
    return all(holds(part) for part in parts if any(part.values()))


def is_such(asked: Asked, labels: Labels) -> bool:
    pairs = asked.get("resources_in_roles")
    return (
        (not asked.get("id") or labels[ID] in asked["id"])
        and (not asked.get("id_prefix") or labels[ID].startswith(tuple(asked["id_prefix"])))
        and (not asked.get("role") or labels.get(ROLE) in asked["role"])
        and (not pairs or (labels[ID], labels.get(ROLE)) in pairs)
        and all(
            key in labels and any(fits(one, labels[key]) for one in as_list(wanted))
            for key, wanted in (asked.get("labels") or {}).items()
        )
    )


def as_list(wanted: Any) -> list[str]:
    return [wanted] if isinstance(wanted, str) else wanted


def fits(pattern: str, value: str) -> bool:
    wanted = re.sub(r"\[", "[[]", pattern.removeprefix("!"))
    return fnmatchcase(value, wanted) != pattern.startswith("!")


MEANINGS: dict[str, Callable[[Any, Told], bool]] = {
    "event": means_name,
    "resource": means_resource,
    "related": means_related,
    "any_resource": means_any,
    "id": lambda asked, event: str(event.id) in asked["id"],
}
