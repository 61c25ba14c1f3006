"""Prefect's automations are kept here as its server keeps them, mistakes included."""

import json
from copy import deepcopy
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission, User

from apps.accounts.models import Scope, Token
from apps.automations import keeping
from apps.automations.doing import destinations
from apps.automations.models import Automation, Destination

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

HOST = {"host": "127.0.0.1:4200"}
PATH = "/api/automations"
DEPLOYMENT = "7f0b1f9c-36d6-4c5a-b1f0-3f1c2d9b8a77"

TRIGGER: dict[str, Any] = {
    "type": "compound",
    "require": "all",
    "within": 3600.0,
    "triggers": [
        {
            "type": "event",
            "match": {"prefect.resource.id": "prefect.flow-run.*"},
            "match_related": [{"prefect.resource.role": "flow", "team": ["blue", "!red"]}],
            "after": [],
            "expect": ["prefect.flow-run.Failed", "prefect.flow-run.Crashed"],
            "for_each": ["prefect.resource.id"],
            "posture": "Reactive",
            "threshold": 3,
            "within": 600.0,
        },
        {
            "type": "sequence",
            "within": None,
            "triggers": [
                {"type": "event", "posture": "Reactive", "expect": ["acme.opened"]},
                {"type": "event", "posture": "Reactive", "expect": ["acme.closed"]},
            ],
        },
    ],
}
SAID: dict[str, Any] = {
    "name": "Three failures",
    "description": "Of one flow run.",
    "enabled": True,
    "tags": ["prod", "blue"],
    "trigger": TRIGGER,
    "actions": [{"type": "do-nothing"}],
    "actions_on_trigger": [],
    "actions_on_resolve": [],
}
EVENT: dict[str, Any] = {"type": "event", "posture": "Reactive", "expect": ["acme.opened"]}
SIMPLE: dict[str, Any] = {"name": "simple", "trigger": EVENT, "actions": [{"type": "do-nothing"}]}


@pytest.fixture(autouse=True)
def local(settings):
    settings.LOCAL_MODE = True


@pytest.fixture
def ask(client):
    def ask(method, path, body=None, **headers):
        sent = b"" if body is None else json.dumps(body).encode()
        return client.generic(
            method, f"{PATH}{path}", sent, "application/json", headers=HOST | headers
        )

    return ask


@pytest.fixture
def make(ask):
    def make(**said):
        answer = ask("POST", "/", SIMPLE | said)
        assert answer.status_code == 201, answer.content
        return answer.json()

    return make


@pytest.fixture
def names(ask):
    return lambda **asked: [one["name"] for one in ask("POST", "/filter", asked).json()]


def without_ids(trigger):
    """Return a trigger as it was before the server named it."""
    bare = {name: value for name, value in trigger.items() if name != "id"}
    if "triggers" in bare:
        bare["triggers"] = [without_ids(one) for one in bare["triggers"]]
    return bare


def ids_in(trigger):
    return [trigger["id"], *(id for one in trigger.get("triggers", []) for id in ids_in(one))]


def test_what_is_sent_is_answered(ask):
    answer = ask("POST", "/", SAID)
    assert answer.status_code == 201
    told = answer.json()
    assert ask("GET", f"/{told['id']}").json() == told
    assert UUID(told.pop("id"))
    assert told.pop("created").endswith("Z")
    assert told.pop("updated").endswith("Z")
    assert told.pop("owner_resource") is None
    told["trigger"] = without_ids(told["trigger"])
    assert told == SAID


def test_each_trigger_has_a_new_id(ask):
    sent = deepcopy(SAID)
    sent["trigger"]["id"] = sent["trigger"]["triggers"][0]["id"] = str(uuid4())
    ids = ids_in(ask("POST", "/", sent).json()["trigger"])
    assert len({*map(UUID, ids)}) == 5
    assert sent["trigger"]["id"] not in ids


def test_both_paths_make_one(ask):
    assert ask("POST", "/", SIMPLE).status_code == 201
    assert ask("POST", "", SIMPLE).status_code == 201


@pytest.mark.parametrize(
    ("said", "type"),
    [
        ({"posture": "Reactive", "expect": ["acme.opened"]}, "event"),
        ({"triggers": [EVENT], "require": "any", "within": 60}, "compound"),
        ({"triggers": [EVENT], "within": 60}, "sequence"),
    ],
)
def test_a_trigger_without_a_type_is_what_prefect_takes_it_for(make, said, type):
    assert make(trigger=said)["trigger"]["type"] == type


def test_what_is_left_out_is_as_prefect_has_it(make):
    told = make()
    assert told["enabled"] is True
    assert told["description"] == ""
    assert told["tags"] == told["actions_on_trigger"] == told["actions_on_resolve"] == []


def test_an_update_replaces_what_it_says(ask, make):
    told = make(description="kept", tags=["kept"], enabled=False, owner_resource="acme.one")
    other = {**EVENT, "expect": ["acme.closed"]}
    answer = ask("PUT", f"/{told['id']}", SIMPLE | {"name": "renamed", "trigger": other})
    assert (answer.status_code, answer.content) == (204, b"")
    changed = ask("GET", f"/{told['id']}").json()
    assert changed["name"] == "renamed"
    assert changed["trigger"]["expect"] == ["acme.closed"]
    assert changed["trigger"]["id"] != told["trigger"]["id"]
    same = ("description", "tags", "enabled", "owner_resource", "created")
    assert [changed[name] for name in same] == [told[name] for name in same]


def test_one_is_switched_off_and_on(ask, make):
    id = make()["id"]
    for on in (False, True):
        answer = ask("PATCH", f"/{id}", {"enabled": on})
        assert (answer.status_code, answer.content) == (204, b"")
        assert ask("GET", f"/{id}").json()["enabled"] is on
    assert ask("PATCH", f"/{id}", {}).status_code == 204
    assert ask("PATCH", f"/{id}", {"name": "x"}).status_code == 422


def test_one_is_deleted_once(ask, make, names):
    id = make()["id"]
    answer = ask("DELETE", f"/{id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert names() == []
    assert ask("DELETE", f"/{id}").status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("id", ["not-an-id", str(uuid4())])
def test_what_is_not_there_is_not_found(ask, method, id):
    answer = ask(method, f"/{id}", SIMPLE)
    assert answer.status_code == 404
    assert answer.json()["exception_message"] == "Automation not found"


# A mistake, and where it is said to be.
MISTAKES: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("no name", {"name": None}, ["name"]),
    ("an unknown field", {"nme": "x"}, ["nme"]),
    ("a long name", {"name": "x" * 201}, ["name"]),
    ("tags that are none", {"tags": [1]}, ["tags", 0]),
    ("no trigger", {"trigger": None}, ["trigger"]),
    ("an unknown trigger", {"trigger": {"type": "psychic"}}, ["trigger", "type"]),
    (
        "half a number of events",
        {"trigger": EVENT | {"threshold": 1.5}},
        ["trigger", "threshold"],
    ),
    ("a negative time", {"trigger": EVENT | {"within": -1}}, ["trigger", "within"]),
    (
        "a short absence",
        {"trigger": EVENT | {"posture": "Proactive", "within": 9}},
        ["trigger", "within"],
    ),
    (
        "a mistake deep inside",
        {"trigger": {"type": "sequence", "within": 1, "triggers": [EVENT | {"posture": "Sad"}]}},
        ["trigger", "triggers", 0, "posture"],
    ),
    (
        "more required than there are",
        {"trigger": {"type": "compound", "within": 1, "require": 2, "triggers": [EVENT]}},
        ["trigger", "require"],
    ),
    ("an unknown action", {"actions": [{"type": "dance"}]}, ["actions", 0, "type"]),
    (
        "an action of ours",
        {"actions": [{"type": "webhook", "url": "https://example.com/"}]},
        ["actions", 0, "type"],
    ),
    (
        "a word of ours in an action of Prefect's",
        {"actions": [{"type": "do-nothing", "destination": "x"}]},
        ["actions", 0, "destination"],
    ),
    (
        "a notification without a text",
        {"actions": [{"type": "send-notification", "block_document_id": DEPLOYMENT}]},
        ["actions", 0, "body"],
    ),
    (
        "a deployment that is not named",
        {"actions": [{"type": "run-deployment"}]},
        ["actions", 0, "deployment_id"],
    ),
    (
        "a mistake on resolving",
        {"actions_on_resolve": [{"type": "do-nothing"}, {"type": "pause-automation"}]},
        ["actions_on_resolve", 1, "automation_id"],
    ),
]


@pytest.mark.parametrize(("word", "wrong", "loc"), MISTAKES, ids=[one[0] for one in MISTAKES])
def test_a_mistake_is_told_where_it_is(ask, names, word, wrong, loc):
    said = SIMPLE | wrong
    answer = ask("POST", "/", said)
    assert answer.status_code == 422, word
    told = answer.json()
    assert told["exception_message"] == "Invalid request received."
    [detail] = told["exception_detail"]
    assert detail["loc"] == ["body", *loc]
    assert detail["msg"]
    assert told["request_body"]["actions"] == said["actions"]
    assert names() == []


def test_what_prefect_cannot_do_without_its_server_is_refused(ask):
    """The actions of Prefect's own are done by a Prefect server, blocks are read from it."""
    blocks = [{"type": "call-webhook", "block_document_id": DEPLOYMENT, "payload": "{}"}]
    refused = ask("POST", "/", SIMPLE | {"actions": blocks})
    assert refused.status_code == 422
    [detail] = refused.json()["exception_detail"]
    assert detail["loc"] == ["body", "actions", 0]
    assert "Prefect server" in detail["msg"]
    server()
    away = ask("POST", "/", SIMPLE | {"actions": blocks})
    assert away.status_code == 422
    [detail] = away.json()["exception_detail"]
    assert detail["loc"] == ["body", "actions", 0, "block_document_id"]
    assert "cannot be taken from the Prefect server “prefect”" in detail["msg"]


def server():
    return destinations.save(
        Destination(name="prefect", kind="prefect"), {"url": "http://127.0.0.1:4242/api"}
    )


RUN = {"type": "run-deployment", "deployment_id": DEPLOYMENT}
RUN_AGAIN = {"type": "run-deployment", "source": "inferred"}
RUNNING = EVENT | {"expect": ["prefect.flow-run.Running"]}
EVERY_RUN = {"prefect.resource.id": "prefect.flow-run.*"}
ONE_FLOW = {"prefect.resource.role": "flow", "prefect.resource.id": "prefect.flow.1"}
LOOPS = [
    ("the same again", RUNNING | {"match_related": ONE_FLOW}, RUN_AGAIN, "inferred"),
    ("any run runs one", RUNNING, RUN, "selected"),
    ("any run, by its kind", RUNNING | {"match": EVERY_RUN}, RUN, "selected"),
    ("some runs run one", RUNNING | {"match_related": ONE_FLOW}, RUN, None),
    ("a run that ended", RUNNING | {"expect": ["prefect.flow-run.Failed"]}, RUN_AGAIN, None),
    ("no run for long", RUNNING | {"posture": "Proactive", "within": 60}, RUN_AGAIN, None),
]


@pytest.mark.parametrize(("word", "trigger", "action", "why"), LOOPS, ids=[o[0] for o in LOOPS])
def test_what_would_run_for_ever_is_refused(ask, word, trigger, action, why):
    server()
    said = SIMPLE | {"trigger": trigger, "actions": [action]}
    answer = ask("POST", "/", said)
    assert answer.status_code == (422 if why else 201), word
    off = ask("POST", "/", said | {"enabled": False})
    assert off.status_code == 201
    on = ask("PATCH", f"/{off.json()['id']}", {"enabled": True})
    assert on.status_code == (422 if why else 204)
    if why:
        [detail] = answer.json()["exception_detail"]
        assert detail["loc"] == ["body"]
        assert f"{why} deployment" in detail["msg"]


def test_an_automation_of_ours_is_not_told(ask, make, names):
    make(name="theirs")
    ours = Automation(
        name="ours",
        trigger={"type": "presence", "query": "event:acme.opened"},
        actions=[{"type": "do-nothing"}],
    )
    mixed = Automation(
        name="mixed",
        trigger={"type": "prefect", "trigger": EVENT},
        actions=[{"type": "webhook", "url": "https://example.com/"}],
    )
    for automation in (ours, mixed):
        keeping.save(automation)
        assert ask("GET", f"/{automation.id}").status_code == 404
        assert ask("DELETE", f"/{automation.id}").status_code == 404
    assert names() == ["theirs"]
    assert ask("POST", "/count").json() == 1


@pytest.fixture
def several(make):
    """Three automations, each made a day after the one before."""
    made = [
        make(name="beta", tags=["a"]),
        make(name="Alpha", tags=["a", "b"]),
        make(name="gamma"),
    ]
    for day, one in enumerate(made):
        automation = Automation.objects.get(id=one["id"])
        Automation.objects.filter(id=automation.id).update(
            created=automation.created.replace(year=2025) + timedelta(days=day),
        )
    return made


FILTERS = [
    ("nothing", {}, {"Alpha", "beta", "gamma"}),
    ("every part null", dict.fromkeys(("id", "name", "created", "tags")), None),
    ("every part empty", {"id": {}, "name": {}, "created": {}, "tags": {}}, None),
    ("a name", {"name": {"any_": ["beta"]}}, {"beta"}),
    ("no name at all", {"name": {"any_": []}}, set()),
    ("any of the tags", {"tags": {"any_": ["b", "z"]}}, {"Alpha"}),
    ("all of the tags", {"tags": {"all_": ["a", "b"]}}, {"Alpha"}),
    ("no tags", {"tags": {"is_null_": True}}, {"gamma"}),
    ("some tags", {"tags": {"is_null_": False}}, {"Alpha", "beta"}),
    ("made before", {"created": {"before_": "2025-01-01T00:00:00Z"}}, set()),
    ("made before, without a zone", {"created": {"before_": "2026-01-01T00:00:00"}}, None),
    ("both", {"name": {"any_": ["beta"]}, "tags": {"all_": ["b"]}}, set()),
    (
        "either",
        {"operator": "or_", "name": {"any_": ["beta"]}, "tags": {"all_": ["b"]}},
        {"Alpha", "beta"},
    ),
    ("either of nothing", {"operator": "or_", "name": {"any_": ["beta"]}, "tags": {}}, None),
    (
        "either of the tags",
        {"tags": {"operator": "or_", "all_": ["b"], "is_null_": True}},
        {"Alpha", "gamma"},
    ),
]


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(("word", "asked", "found"), FILTERS, ids=[one[0] for one in FILTERS])
def test_a_filter_finds_what_prefects_finds(ask, names, word, asked, found):
    expected = FILTERS[0][2] if found is None else found
    assert {*names(automations=asked)} == expected, word
    assert ask("POST", "/count", {"automations": asked}).json() == len(expected)


def test_an_id_finds_one(names, several):
    assert names(automations={"id": {"any_": [several[0]["id"]]}}) == ["beta"]


@pytest.mark.usefixtures("several")
def test_they_are_listed_in_any_of_the_orders(names):
    assert names(sort="CREATED_DESC") == ["gamma", "Alpha", "beta"]
    assert names(sort="UPDATED_DESC") == ["gamma", "Alpha", "beta"]
    assert names(sort="NAME_ASC") == names(sort=None) == names() == names(sort="NAME_DESC")[::-1]
    assert names(sort="CREATED_DESC", limit=1, offset=1) == ["Alpha"]
    assert names(limit=0) == []


@pytest.mark.parametrize(
    ("asked", "say"),
    [
        ({"limit": 201}, "Invalid limit: must be less than or equal to 200."),
        ({"limit": -1}, "Invalid limit: must be greater than or equal to 0."),
        ({"offset": -1}, "Invalid request received."),
        ({"offset": 2**63 - 1}, "Invalid request received."),
        ({"sort": "BY_MOOD"}, "Invalid request received."),
        ({"automations": {"mood": {}}}, "Invalid request received."),
    ],
)
def test_a_page_that_cannot_be_is_refused(ask, asked, say):
    answer = ask("POST", "/filter", asked)
    assert answer.status_code == 422
    told = answer.json()
    assert say in (told.get("detail"), told.get("exception_message"))


def test_a_resource_has_what_it_owns_and_what_runs_it(ask, make):
    server()
    resource = f"prefect.deployment.{DEPLOYMENT}"
    make(name="owned", owner_resource=resource)
    make(name="runs", actions=[{"type": "run-deployment", "deployment_id": DEPLOYMENT}])
    make(name="other")
    related = ask("GET", f"/related-to/{resource}").json()
    assert [one["name"] for one in related] == ["owned", "runs"]
    answer = ask("DELETE", f"/owned-by/{resource}")
    assert (answer.status_code, answer.json()) == (202, None)
    related = ask("GET", f"/related-to/{resource}").json()
    assert [one["name"] for one in related] == ["runs"]


@pytest.mark.parametrize("method", ["GET /related-to", "DELETE /owned-by"])
def test_no_resource_has_a_name_that_the_database_refuses(ask, method):
    method, path = method.split()
    assert ask(method, f"{path}/a%00b").status_code == 404


@pytest.mark.parametrize("deep", [4, 300, 600, 950, 50_000])
def test_triggers_that_stand_too_deep_are_refused(client, deep):
    inside = b'{"type": "sequence", "within": 1, "triggers": [' * deep
    trigger = inside + json.dumps(EVENT).encode() + b"]}" * deep
    sent = b'{"name": "deep", "actions": [], "trigger": ' + trigger + b"}"
    answer = client.generic("POST", f"{PATH}/", sent, "application/json", headers=HOST)
    assert answer.status_code == 422


CHANGES = [
    ("POST", "/", SIMPLE),
    ("PUT", "/{id}", SIMPLE),
    ("PATCH", "/{id}", {"enabled": True}),
    ("DELETE", "/{id}", None),
    ("DELETE", "/owned-by/acme.one", None),
]
READINGS = [("GET", "/{id}"), ("POST", "/filter"), ("POST", "/count"), ("GET", "/related-to/x")]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_only_who_may_do_everything_changes_them(ask, make, settings, method, path, body):
    path = path.format(id=make()["id"])
    settings.LOCAL_MODE = False
    assert ask(method, path, body).status_code == 401
    for scope, status in ((Scope.INGEST, 403), (Scope.READ, 403), (Scope.ADMIN, None)):
        _, secret = Token.make(scope, scopes=[scope])
        answer = ask(method, path, body, authorization=f"Bearer {secret}")
        assert answer.status_code == (status or answer.status_code)
    assert answer.status_code < 300


@pytest.mark.parametrize(("method", "path"), READINGS)
def test_who_may_read_reads_them(ask, make, settings, method, path):
    path = path.format(id=make()["id"])
    settings.LOCAL_MODE = False
    assert ask(method, path).status_code == 401
    _, secret = Token.make("reader", scopes=[Scope.READ])
    assert ask(method, path, authorization=f"Bearer {secret}").status_code == 200


@pytest.mark.parametrize("staff", [False, True])
def test_of_the_signed_in_the_staff_changes_them(ask, client, settings, staff):
    settings.LOCAL_MODE = False
    person = User.objects.create_user("ada", is_staff=staff)
    person.user_permissions.add(Permission.objects.get(codename="view_event"))
    client.force_login(person)
    assert ask("POST", "/", SIMPLE).status_code == (201 if staff else 403)


def validate(client, sent):
    path = "/api/templates/validate"
    return client.generic("POST", path, sent, "application/json", headers=HOST)


def test_a_template_is_validated(client):
    for right in (b"", b'""', json.dumps("Hello {{ event.resource.name }}").encode()):
        answer = validate(client, right)
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    "wrong", ["{{ 2 ** x }}", "{% include '/etc/passwd' %}", "{{ range(101)|list }}"]
)
def test_a_template_that_could_only_fail_is_told_with_its_line(wrong, client):
    answer = validate(client, json.dumps(f"one\n{wrong}").encode())
    assert answer.status_code == 422
    assert answer.json()["error"]["line"] == 2


def test_what_is_wrong_with_a_template_is_told_with_its_line(client):
    template = "one\n{% for x in y %}\n"
    answer = validate(client, json.dumps(template).encode())
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["source"] == template
    assert isinstance(error["line"], int)
    assert error["message"]
