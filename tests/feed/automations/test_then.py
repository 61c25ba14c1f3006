"""The form of an action says its JSON, and shows every JSON."""

import json
from typing import Any

import pytest
from django.http import QueryDict

from apps.automations.models import Automation, Destination
from apps.feed.automations.editor import AboutForm
from apps.feed.automations.then import BEGUN, ActionForm, fields_of

pytestmark = pytest.mark.django_db


def form(**said: object) -> ActionForm:
    told = dict(BEGUN) | said
    return ActionForm({f"then-0-{name}": value for name, value in told.items()}, at=0)


@pytest.fixture
def places():
    for kind, name in (("webhook", "ops"), ("notification", "#alerts")):
        Destination.objects.create(name=name, kind=kind, sealed="", shown="")


ACTIONS: list[dict[str, Any]] = [
    {"type": "webhook", "method": "POST", "url": "https://example.com/hook"},
    {
        "type": "webhook",
        "method": "PUT",
        "destination": "ops",
        "headers": {"X-Team": "data", "X-Why": "{{ firing.why }}"},
        "body": "{{ event|tojson }}",
    },
    {"type": "notify", "destination": "#alerts", "subject": "s", "body": "{{ firing.why }}"},
    {
        "type": "record",
        "event": "acme.incident",
        "resource": {"prefect.resource.id": "acme.incident.1", "prefect.resource.name": "One"},
        "payload": {"why": ["{{ firing.why }}"]},
    },
    {"type": "switch", "automation": "inferred", "on": False},
    {"type": "do-nothing"},
    {
        "type": "record",
        "event": "acme.incident",
        "resource": {"prefect.resource.id": "acme.1", "team": "data"},
    },
]


@pytest.mark.parametrize("action", ACTIONS, ids=[f"{a['type']} {n}" for n, a in enumerate(ACTIONS)])
def test_a_form_says_an_action_as_it_was(action, places):
    told = form(**fields_of(action))
    assert told.is_valid(), told.errors
    assert {name: value for name, value in told.said.items() if value} == {
        name: value for name, value in action.items() if value
    }


def test_an_action_that_has_no_fields_is_shown_as_json():
    shown = fields_of({"type": "do-nothing"})
    assert shown["kind"] == "other"
    assert json.loads(shown["other"]) == {"type": "do-nothing"}


def test_a_switch_offers_other_automations():
    own, other = (Automation.objects.create(name=name, trigger={}) for name in ("own", "other"))
    offered = str(ActionForm(at=0, of=own.id)["automation"])
    assert str(other.id) in offered
    assert str(own.id) not in offered


@pytest.mark.parametrize(
    ("said", "field", "word"),
    [
        ({"kind": "webhook", "url": "ftp://x"}, "url", "http"),
        ({"kind": "webhook", "url": ""}, "url", "address"),
        ({"kind": "webhook", "url": "https://x.org", "body": "{{ a"}, "body", "Line 1"),
        ({"kind": "webhook", "url": "https://x.org", "body": "\n{{ 2 ** a }}"}, "body", "Line 2"),
        ({"kind": "webhook", "url": "http://127.0.0.1:8662/a"}, "url", "make a destination"),
        ({"kind": "webhook", "url": "https://x.org", "headers": "no colon"}, "headers", "Name:"),
        ({"kind": "webhook", "webhook": "gone"}, "webhook", "gone"),
        ({"kind": "notify", "channel": "#alerts", "text": ""}, "text", "text"),
        ({"kind": "record", "event": "prefect.mine", "resource": "a"}, "event", "belong"),
        ({"kind": "record", "event": "a.b", "resource": ""}, "resource", "resource"),
        ({"kind": "record", "event": "a.b", "resource": "c", "payload": "{"}, "payload", "line 1"),
        ({"kind": "record", "event": "a.b", "resource": "c", "payload": "[]"}, "payload", "object"),
        ({"kind": "other", "other": '{"type": "run"}'}, "other", "type:"),
    ],
)
def test_a_mistake_stands_beside_its_field(said, field, word, places):
    told = form(**said)
    assert not told.is_valid()
    assert list(told.errors) == [field or "__all__"]
    assert word in told.errors[field or "__all__"][0]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"kind": "webhook", "url": "https://x.org", "body": "a\r\nb\rc\n"}, "body"),
        ({"kind": "notify", "channel": "#alerts", "text": "a\r\nb\rc\n"}, "body"),
    ],
)
def test_lines_end_as_they_were_typed_and_not_as_a_browser_sends_them(said, name, places):
    told = form(**said)
    assert told.is_valid(), told.errors
    assert told.said[name] == "a\nb\nc\n"


def test_a_description_has_plain_lines():
    told = AboutForm(QueryDict("description=a%0D%0Ab"), instance=Automation())
    told.is_valid()
    assert told.cleaned_data["description"] == "a\nb"


def test_no_kind_is_no_action():
    told = form(kind="", url="nonsense", headers="nonsense")
    assert told.is_valid()
    assert told.is_empty
