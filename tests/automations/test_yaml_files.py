"""Automations are kept in git as YAML: exported, looked at, changed by hand, imported."""

from __future__ import annotations

from uuid import UUID

import pytest

from apps.automations import keeping
from apps.automations.doing import destinations
from apps.automations.models import Automation, Destination
from apps.automations.yaml_files import exported, imported
from apps.automations.yaml_text import BadFile

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

ID = UUID("0d7b2f6e-7b52-4a53-9f7e-2b8a1c1f0a01")
OTHER = UUID("f1c9d0de-6a5e-4c0e-8f29-5a86e3a5c902")
PRESENCE = {"type": "presence", "query": "event:acme.order.failed", "times": 3, "within": 600}
PREFECT = {
    "type": "prefect",
    "trigger": {
        "id": str(OTHER),
        "type": "event",
        "match": {"prefect.resource.id": "acme.*", "team": ["blue", "!red"]},
        "expect": ["acme.order.failed"],
        "posture": "Reactive",
        "within": 0.0,
    },
}
CALL = {
    "type": "webhook",
    "url": "https://example.com/",
    "headers": {"X-Team": "blue"},
    "body": "{{ event.id }}\nfailed\n",
}

WHOLE = """\
automations:
- id: 0d7b2f6e-7b52-4a53-9f7e-2b8a1c1f0a01
  name: Orders fail
  description: Three of them.
  tags:
  - prod
  enabled: false
  dry_run: true
  trigger:
    type: presence
    query: event:acme.order.failed
    times: 3
    within: 600
  actions:
  - type: webhook
    body: |
      {{ event.id }}
      failed
    headers:
      X-Team: blue
    url: https://example.com/
  - type: switch
    automation: f1c9d0de-6a5e-4c0e-8f29-5a86e3a5c902
    'on': false
  actions_on_resolve:
  - type: do-nothing
  cooldown: 60
  most_a_minute: 2
  late: 30
  owner_resource: acme.orders
"""

LEAST = """\
- name: Least
  trigger: {type: presence, query: "event:acme.order.failed"}
"""


def whole() -> Automation:
    return kept(
        id=ID,
        name="Orders fail",
        description="Three of them.",
        tags=["prod"],
        enabled=False,
        dry_run=True,
        actions=[CALL, {"type": "switch", "automation": str(OTHER), "on": False}],
        actions_on_resolve=[{"type": "do-nothing"}],
        cooldown=60,
        most_a_minute=2,
        late=30,
        owner_resource="acme.orders",
    )


def kept(**fields) -> Automation:
    automation = Automation(**{"name": "one", "trigger": PRESENCE} | fields)
    keeping.save(automation)
    automation.refresh_from_db()
    return automation


def done_by(text: str) -> list[str]:
    return [one.done for one in imported(text)]


def text_of_all() -> str:
    return exported(keeping.live())


def test_an_automation_is_told_whole():
    assert exported([whole()]) == WHOLE


def test_what_has_its_default_is_left_out():
    told = exported([kept(name="Least", trigger={"type": "presence", "query": "event:x"})])
    assert {line.split(":")[0].strip(" -") for line in told.splitlines()[1:]} == {
        *("id", "name", "trigger", "type", "query")
    }


def test_they_are_told_by_name_whatever_their_order():
    several = [kept(name="b"), kept(name="a"), kept(name="c")]
    assert exported(several) == exported(several[::-1])
    assert [one.automation.name for one in imported(exported(several))] == ["a", "b", "c"]


def test_what_was_exported_changes_nothing():
    whole()
    kept(id=OTHER, name="Prefect's", trigger=PREFECT)
    text = text_of_all()
    assert done_by(text) == ["unchanged", "unchanged"]
    assert text_of_all() == text


def test_it_is_made_again_where_it_has_been_removed():
    automation = kept(id=ID)
    text = exported([automation])
    keeping.delete(automation)
    assert done_by(text) == ["made"]
    assert text_of_all() == text
    automation.refresh_from_db()
    assert automation.enabled


def test_it_is_made_where_it_was_never():
    kept(id=OTHER, trigger=PREFECT, tags=["a"])
    text = text_of_all()
    Automation.objects.all().delete()
    assert done_by(text) == ["made"]
    assert text_of_all() == text
    assert Automation.objects.get().trigger == PREFECT


def test_a_change_by_hand_is_taken_over():
    before = kept(id=ID, tags=["a"])
    text = exported([before])
    assert done_by(text.replace("times: 3", "times: 4").replace("name: one", "name: two")) == [
        "changed"
    ]
    after = Automation.objects.get(id=ID)
    assert (after.name, after.trigger["times"]) == ("two", 4)
    assert after.version == before.version + 1
    assert done_by(text) == ["changed"]
    assert Automation.objects.get(id=ID).name == "one"


def test_what_is_left_out_becomes_its_default():
    kept(id=ID, name="Least", description="x", tags=["a"], cooldown=60)
    assert done_by(LEAST.replace("- name", f"- id: {ID}\n  name")) == ["changed"]
    after = Automation.objects.get(id=ID)
    assert (after.description, after.tags, after.cooldown) == ("", [], 0)


@pytest.mark.parametrize(
    "text",
    [
        LEAST,
        f"automations:\n{LEAST}",
        LEAST.replace("- name", "name").replace("  trigger", "trigger"),
    ],
)
def test_a_file_by_hand_needs_no_id(text):
    assert done_by(text) == ["made"]
    assert done_by(text) == ["unchanged"]
    assert Automation.objects.get().name == "Least"


# Secrets


def test_a_secret_is_neither_stored_nor_exported():
    with pytest.raises(BadFile, match=r"actions\[0\].headers.Authorization"):
        imported(WHOLE.replace("X-Team: blue", "Authorization: Bearer abc"))
    assert not Automation.objects.exists()


def test_a_destination_is_told_by_its_name():
    told = {"url": "https://example.com/hidden", "secret": "whsec_aGlkZGVu"}
    destinations.save(Destination(name="ops", kind="webhook"), told)
    kept(actions=[{"type": "webhook", "destination": "ops"}])
    text = text_of_all()
    assert "destination: ops" in text
    assert "hidden" not in text
    assert "aGlkZGVu" not in text


# Mistakes

CALLED = "{type: webhook, url: 'https://example.com/', headers: {token: 1, 1: x}}"
POWER = "{type: webhook, url: 'https://example.com/', body: '{{ 2 ** event.payload.n }}'}"
INSIDE = "{type: webhook, url: 'http://127.0.0.1:8662/hook'}"
MISTAKES = [
    ("no YAML", "a: [", "line 1"),
    ("no automation", "- 1", "[0]"),
    ("no name", "- trigger: {}", "[0]"),
    ("an unknown field", f"{LEAST}  colour: red", "colour"),
    ("a mistake in a trigger", LEAST.replace("presence", "presents"), "[0].trigger.type"),
    ("a mistake in an action", f"{LEAST}  actions: [{{type: dance}}]", "[0].actions[0].type"),
    ("a mistake of maintenance", f"{LEAST}  maintenance: [{{weekdays: 9}}]", "[0].maintenance"),
    ("a header that is none", f"{LEAST}  actions: [{CALLED}]", "[0].actions[0].headers"),
    ("a template that only fails", f"{LEAST}  actions: [{POWER}]", "[0].actions[0].body"),
    ("an address inside", f"{LEAST}  actions: [{INSIDE}]", "[0].actions[0].url"),
    ("a negative time", f"{LEAST}  cooldown: -1", "[0].cooldown"),
    ("an id that is none", f"{LEAST}  id: x", "[0].id"),
    ("the same twice", f"{LEAST}{LEAST}", "[0].id"),
    (
        "a destination that is not there",
        f"{LEAST}  actions: [{{type: webhook, destination: ops}}]",
        "[0].actions[0].destination",
    ),
]


@pytest.mark.parametrize(("word", "text", "where"), MISTAKES, ids=[one[0] for one in MISTAKES])
def test_a_mistake_is_told_where_it_is_and_nothing_is_done(word, text, where):
    right = LEAST.replace("Least", "Another")
    text = text if text.startswith("a:") else text + "\n" + right
    with pytest.raises(BadFile) as wrong:
        imported(text)
    assert where in str(wrong.value), word
    assert not Automation.objects.exists()
