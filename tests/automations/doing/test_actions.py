"""An action is read from JSON, or refused with the place and the reason."""

from urllib.parse import urlsplit

import pytest

from apps.automations.doing import destinations
from apps.automations.doing.actions import PREFECT, BadAction, check, read
from apps.automations.models import Destination

ID = "4c1b945e-5b03-4864-b2ed-9a461fb8a792"
RESOURCE = {"prefect.resource.id": "a"}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"type": "webhook", "url": "https://a.example/b"}, "call https://a.example/…"),
        ({"type": "webhook", "url": "https://a.example/{{ event.id }}"}, None),
        ({"type": "webhook", "destination": "Chat"}, "call Chat"),
        ({"type": "notify", "destination": "Chat", "body": "a"}, "notify Chat"),
        ({"type": "record", "event": "a.b", "resource": RESOURCE}, "record a.b"),
        ({"type": "switch", "automation": ID, "on": False}, "switch another automation off"),
        ({"type": "switch", "automation": "inferred", "on": True}, None),
        ({"type": "do-nothing"}, "do nothing"),
        ({"type": "run-deployment", "deployment_id": ID}, "run a deployment"),
        ({"type": "run-deployment", "source": "inferred", "parameters": {"a": 1}}, None),
        ({"type": "cancel-flow-run"}, "cancel the flow run"),
        ({"type": "change-flow-run-state", "state": "FAILED"}, None),
        ({"type": "pause-automation", "automation_id": ID}, "switch another automation off"),
        ({"type": "pause-automation", "automation_id": ID, "destination": "P"}, None),
        ({"type": "send-notification", "block_document_id": ID, "subject": "a", "body": "b"}, None),
        ({"type": "call-webhook", "block_document_id": ID, "payload": {"message": "a"}}, None),
    ],
)
def test_an_action_says_itself(said, sentence):
    told = read(said).sentence()
    assert told == sentence if sentence else told


@pytest.mark.parametrize("kind", PREFECT)
def test_each_of_prefect_s_has_words(kind):
    said = {
        "type": kind,
        "source": "inferred",
        "state": "FAILED",
        "block_document_id": ID,
        "destination": "P",
    }
    assert read(said).sentence()


@pytest.mark.parametrize(
    ("said", "path", "say"),
    [
        ("a", "action", "object"),
        ({}, "action.type", "none of"),
        ({"type": "declare-incident"}, "action.type", "none of"),
        ({"type": ["webhook"]}, "action.type", "none of"),
        ({"type": "webhook"}, "action", "either"),
        ({"type": "webhook", "url": "https://a", "destination": "b"}, "action", "either"),
        ({"type": "webhook", "url": "ftp://a"}, "action.url", "http"),
        ({"type": "webhook", "url": "https://[::1"}, "action.url", "no address"),
        ({"type": "webhook", "url": 5}, "action.url", "text"),
        ({"type": "webhook", "url": "https://a", "method": "EAT"}, "action.method", "POST"),
        ({"type": "webhook", "url": "https://a", "headers": {"a b": "c"}}, "action.headers", "no"),
        ({"type": "webhook", "url": "https://a", "headers": {"Host": "c"}}, "action.headers", ""),
        ({"type": "webhook", "url": "https://a", "body": "\n{{ a"}, "action.body", "Line 2"),
        ({"type": "webhook", "url": "https://a", "secret": "b"}, "action.secret", "no such"),
        ({"type": "notify", "body": "a"}, "action.destination", "names"),
        ({"type": "notify", "destination": "a", "body": " "}, "action.body", "text"),
        ({"type": "record", "event": "", "resource": RESOURCE}, "action.event", "name"),
        ({"type": "record", "event": "a"}, "action.resource", "prefect.resource.id"),
        ({"type": "record", "event": "prefect.a", "resource": RESOURCE}, "action.event", "others"),
        (
            {"type": "record", "event": "a", "resource": RESOURCE, "payload": {"b": ["{{ c"]}},
            "action.payload.b[0]",
            "template",
        ),
        ({"type": "switch", "automation": "a", "on": True}, "action.automation", "UUID"),
        ({"type": "switch", "automation": ID}, "action.on", "true or false"),
        ({"type": "run-deployment"}, "action.deployment_id", "UUID"),
        (
            {"type": "run-deployment", "source": "inferred", "deployment_id": ID},
            "action.deployment_id",
            "not named",
        ),
        (
            {"type": "run-deployment", "deployment_id": ID, "parameters": {"a": "{{"}},
            "action.parameters.a",
            "template",
        ),
        ({"type": "change-flow-run-state", "state": "HAPPY"}, "action.state", "FAILED"),
        ({"type": "call-webhook"}, "action.block_document_id", "UUID"),
        (
            {"type": "send-notification", "block_document_id": ID, "body": "{{ a|b }}"},
            "action.body",
            "template",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(said, path, say):
    with pytest.raises(BadAction) as bad:
        read(said)
    assert bad.value.path == path
    assert say in bad.value.say


def test_a_list_names_the_action_in_it():
    with pytest.raises(BadAction) as bad:
        check([{"type": "do-nothing"}, {"type": "x"}], "actions_on_resolve")
    assert bad.value.path == "actions_on_resolve[1].type"


@pytest.mark.django_db
def test_where_an_action_goes_is_known_when_it_is_saved():
    with pytest.raises(BadAction, match="called “Chat”"):
        check([{"type": "webhook", "destination": "Chat"}])
    destinations.save(
        Destination(name="Chat", kind="notification"), {"url": "ntfy://ntfy.example/a"}
    )
    with pytest.raises(BadAction, match="webhook called “Chat”"):
        check([{"type": "webhook", "destination": "Chat"}])
    assert check([{"type": "notify", "destination": "Chat", "body": "a"}])


@pytest.mark.django_db
def test_prefect_s_own_need_a_server_and_find_the_only_one():
    said = [{"type": "cancel-flow-run"}]
    with pytest.raises(BadAction, match="needs a Prefect server"):
        check(said)
    for name in ("one", "two"):
        server = Destination(name=name, kind="prefect")
        destinations.save(server, {"url": "http://127.0.0.1:4200/api"})
        if name == "one":
            assert check(said)
    with pytest.raises(BadAction, match="several"):
        check(said)
    assert check([said[0] | {"destination": "two"}])


HELD = [
    ("a header by its name", {"headers": {"Authorization": "Bearer abc"}}, "headers.Authorization"),
    ("a key", {"headers": {"X-Api-Key": "abc"}}, "headers.X-Api-Key"),
    ("behind a template", {"headers": {"X-Token": "{{ event.id }}abc"}}, "headers.X-Token"),
    ("a password", {"url": "https://me:abc@a.example/"}, "url"),
    ("a token", {"url": "https://a.example/?x=1&access_token=abc"}, "url"),
    ("a signature", {"url": "https://a.example/{{ event.id }}?sig=abc"}, "url"),
]
OPEN = [
    ("a word", {"headers": {"X-Team": "blue", "X-Author": "me", "Idempotency-Key": "a-1"}}),
    ("what an event says", {"headers": {"Authorization": "Bearer {{ event.payload.token }}"}}),
    ("an address", {"url": "https://a.example/me@b?keyword=x&design=y"}),
    ("an address of an event", {"url": "https://a.example/?token={{ event.payload.token }}"}),
]


@pytest.mark.parametrize(("word", "fields", "where"), HELD, ids=[word for word, *_ in HELD])
def test_a_secret_belongs_to_a_destination(word, fields, where):
    said = {"type": "webhook", "url": "https://a.example/"} | fields
    with pytest.raises(BadAction, match="make a destination") as bad:
        check([said])
    assert bad.value.path == f"actions[0].{where}"
    assert "abc" not in bad.value.say
    assert read(said), "one that stands in the outbox is done all the same"


@pytest.mark.parametrize(("word", "fields"), OPEN, ids=[word for word, _ in OPEN])
def test_what_is_no_secret_may_be_written(word, fields):
    assert check([{"type": "webhook", "url": "https://a.example/"} | fields])


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8662", "localhost", "a.localhost", "10.0.0.7", "[::1]", "2130706433"]
)
def test_an_address_that_is_surely_private_is_refused_when_it_is_saved(host, settings):
    said = {"type": "webhook", "url": f"http://{host}/hook/{{{{ event.id }}}}"}
    with pytest.raises(BadAction, match="make a destination of it") as bad:
        check([said])
    assert bad.value.path == "actions[0].url"
    assert read(said), "one that stands in the outbox is told by who sends"
    settings.EVENTFEED_ALLOWED_DESTINATIONS = [urlsplit(f"//{host}").hostname]
    assert check([said])


@pytest.mark.parametrize(
    "url", ["https://a.example/127.0.0.1", "https://93.184.215.14/", "https://{{ event.id }}/"]
)
def test_an_address_that_may_be_open_is_not(url):
    assert check([{"type": "webhook", "url": url}])
