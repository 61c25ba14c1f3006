"""A real Prefect server and Eventfeed are told the same of automations, and answer the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.feed.prefect import test_automations as cases
from tests.prefect_server import Server

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

# What differs from one server to another, and what Prefect's does not answer.
OWN = ("id", "created", "updated", "owner_resource")
# Refused here alone: a bound of ours, and words of ours that its server does not know.
OURS = ("a long name", "a word of ours in an action of Prefect's")
WHOLE = cases.without_ids(cases.TRIGGER["triggers"][0])


@dataclass
class Answer:
    status: int
    body: Any


Asking = Callable[..., Answer]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.end()


@pytest.fixture
def theirs(server: Server) -> Asking:
    def ask(method: str, path: str, body: Any = None) -> Answer:
        answer = server.ask(method, path, body)
        return Answer(answer.status_code, answer.json() if answer.content else None)

    for one in ask("POST", "/automations/filter").body:
        ask("DELETE", f"/automations/{one['id']}")
    return ask


@pytest.fixture
def ours(client: Any, settings: Any) -> Asking:
    settings.LOCAL_MODE = True
    cases.server()

    def ask(method: str, path: str, body: Any = None) -> Answer:
        sent = b"" if body is None else json.dumps(body).encode()
        answer = client.generic(method, f"/api{path}", sent, "application/json", headers=cases.HOST)
        return Answer(answer.status_code, json.loads(answer.content) if answer.content else None)

    return ask


def life_of_one(ask: Asking) -> list[Any]:
    """Make one, change it, switch it and delete it; return what was answered each time."""
    made = ask("POST", "/automations/", cases.SAID | {"trigger": WHOLE})
    path = f"/automations/{made.body['id']}"
    renamed = {**cases.SIMPLE, "name": "renamed", "trigger": WHOLE}
    steps = [
        made,
        ask("PUT", path, renamed),
        ask("GET", path),
        ask("PATCH", path, {"enabled": False}),
        ask("GET", path),
        ask("POST", "/automations/filter"),
        ask("POST", "/automations/count"),
        ask("DELETE", path),
        ask("GET", path),
        ask("DELETE", path),
    ]
    return [(step.status, plain(step.body)) for step in steps]


def plain(body: Any) -> Any:
    """Return an answer without what each server makes up by itself."""
    if isinstance(body, list):
        return [plain(one) for one in body]
    if not isinstance(body, dict):
        return body
    if "exception_message" in body:
        return body["exception_message"]
    kept = {name: value for name, value in body.items() if name not in OWN}
    trigger = cases.without_ids(kept["trigger"])
    # They are sets there, in no order.
    sets = {name: sorted(trigger[name]) for name in ("expect", "after", "for_each")}
    return kept | {"trigger": trigger | sets}


def test_one_lives_as_it_does_there(theirs: Asking, ours: Asking) -> None:
    assert life_of_one(ours) == life_of_one(theirs)


def listings(ask: Asking) -> list[Any]:
    """Make a few and return what filters and orders list."""
    for said in ({"name": "beta", "tags": ["a"]}, {"name": "alpha", "tags": ["a", "b"]}, {}):
        ask("POST", "/automations/", cases.SIMPLE | {"name": "gamma"} | said)
    filters = [{"automations": without_id(asked)} for _, asked, _ in cases.FILTERS]
    orders = [{"sort": sort} for sort in ("NAME_ASC", "NAME_DESC", "CREATED_DESC", "UPDATED_DESC")]
    pages = [{"limit": 1, "offset": 1}, {"limit": 0}, {"limit": 201}, {"limit": -1}]
    wrong = [{"offset": -1}, {"sort": "BY_MOOD"}, {"automations": {"mood": {}}}]
    asked = [*filters, *orders, *pages, *wrong, {"sort": None, "limit": None, "automations": None}]
    return [names_in(ask("POST", "/automations/filter", one)) for one in asked]


def without_id(asked: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only newer servers than the one we can start know."""
    return {name: part for name, part in asked.items() if name != "id"}


def names_in(answer: Answer) -> Any:
    if answer.status == 200:
        return [one["name"] for one in answer.body]
    return answer.status, answer.body.get("detail")


def test_filters_and_orders_list_what_they_list_there(theirs: Asking, ours: Asking) -> None:
    assert listings(ours) == listings(theirs)


def test_what_is_refused_there_is_refused_here(theirs: Asking, ours: Asking) -> None:
    mistakes = [(word, wrong) for word, wrong, _ in cases.MISTAKES if word not in OURS]
    loops = [(word, {"trigger": on, "actions": [do]}) for word, on, do, _ in cases.LOOPS]
    for word, said in [*mistakes, *loops, ("nothing wrong", {})]:
        statuses = [ask("POST", "/automations/", cases.SIMPLE | said) for ask in (ours, theirs)]
        assert statuses[0].status == statuses[1].status, (word, statuses)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_what_is_not_there_is_answered_alike(theirs: Asking, ours: Asking, method: str) -> None:
    path, body = f"/automations/{uuid4()}", {"PUT": cases.SIMPLE, "PATCH": {"enabled": True}}
    answers = [ask(method, path, body.get(method)) for ask in (ours, theirs)]
    assert answers[0].status == answers[1].status == 404
    assert answers[0].body["exception_message"] == answers[1].body["exception_message"]


@pytest.mark.parametrize(
    "template", ["", "plain", "{{ event.id }}", "{% for x in", "{{ 1 + }}", "a\n{% if x %}"]
)
def test_templates_are_judged_alike(theirs: Asking, ours: Asking, template: str) -> None:
    mine, real = (ask("POST", "/templates/validate", template) for ask in (ours, theirs))
    assert mine.status == real.status
    if real.body:
        assert mine.body["error"]["line"] == real.body["error"]["line"]
        assert mine.body["error"]["source"] == real.body["error"]["source"]
