"""The form of a trigger says its JSON, and shows every JSON that it can say."""

import pytest

from apps.automations.reading import read
from apps.feed.automations.when import BEGUN, WhenForm, fields_of

FAILED = "outcome:failed"


def form(**said: object) -> WhenForm:
    return WhenForm(dict(BEGUN) | {"query": FAILED} | said)


SAID = [
    ("each time", {"kind": "each"}, {"type": "presence", "times": 1, "within": 0}),
    (
        "often",
        {"kind": "often", "times": 5, "within": "1 h", "for_each": "label.team, related.flow"},
        {
            "type": "presence",
            "times": 5,
            "within": 3600,
            "for_each": ["label.team", "related.flow"],
        },
    ),
    (
        "when they stop",
        {"kind": "absent", "silence": "1 d"},
        {"type": "absence", "within": 86_400, "after": FAILED},
    ),
    (
        "again and again",
        {"kind": "absent", "silence": "10 min", "since": "always"},
        {"type": "absence", "within": 600},
    ),
    (
        "after another",
        {"kind": "absent", "silence": "10 min", "since": "after", "after": "event:begun"},
        {"type": "absence", "within": 600, "after": "event:begun"},
    ),
    (
        "a share",
        {"kind": "metric", "share": 95},
        {
            "type": "metric",
            "metric": "success",
            "operator": "<",
            "threshold": 0.95,
            "over": 3600,
            "breached_for": 300,
        },
    ),
    (
        "a duration",
        {"kind": "metric", "metric": "duration", "operator": ">", "limit": "2 min"},
        {
            "type": "metric",
            "metric": "duration",
            "operator": ">",
            "threshold": 120,
            "over": 3600,
            "breached_for": 300,
        },
    ),
]


@pytest.mark.parametrize(("said", "trigger"), [s[1:] for s in SAID], ids=[s[0] for s in SAID])
def test_a_form_says_a_trigger_and_shows_it_again(said, trigger):
    told = form(**said)
    assert told.is_valid(), told.errors
    assert told.said == trigger | {"query": FAILED}
    again = WhenForm(fields_of(told.said))
    assert again.is_valid()
    assert again.said == told.said


@pytest.mark.parametrize(
    ("require", "type_", "count"),
    [("in order", "sequence", None), ("all", "compound", "all"), ("2", "compound", 2)],
)
def test_several_things_are_a_sequence_or_a_compound(require, type_, count):
    told = form(kind="several", second="event:b", third="event:c", require=require, span="5 min")
    assert told.is_valid(), told.errors
    assert told.said["type"] == type_
    assert told.said.get("require") == count
    assert [one["query"] for one in told.said["triggers"]] == [FAILED, "event:b", "event:c"]
    again = WhenForm(fields_of(told.said))
    assert again.is_valid()
    assert read(again.said) == read(told.said)


@pytest.mark.parametrize(
    "trigger",
    [
        {"type": "absence", "query": FAILED, "times": 3, "within": 60},
        {"type": "prefect", "trigger": {"type": "event", "posture": "Reactive"}},
        {
            "type": "sequence",
            "within": 60,
            "triggers": [
                {"type": "presence", "query": "a", "times": 2, "within": 60},
                {"type": "presence", "query": "b", "times": 1, "within": 60},
            ],
        },
        {"type": "nonsense"},
    ],
    ids=["an absence of several", "Prefect's", "parts that count", "no trigger"],
)
def test_what_no_form_can_say_is_left_to_json(trigger):
    assert fields_of(trigger) is None


@pytest.mark.parametrize(
    ("said", "field", "word"),
    [
        ({"query": "evnt:x"}, "query", "evnt"),
        ({"query": ""}, "query", "which events"),
        ({"query": "occurred:>now-1h"}, "query", "occurred"),
        ({"kind": "often", "times": ""}, "times", "how much"),
        ({"kind": "often", "within": "soon"}, "within", "no span"),
        ({"kind": "often", "for_each": "team"}, "for_each", "label.KEY"),
        ({"kind": "absent", "silence": "5 s"}, "silence", "at least 10 s"),
        ({"kind": "absent", "since": "after", "after": ""}, "after", "after which"),
        ({"kind": "several", "second": ""}, "second", "what else"),
        ({"kind": "several", "second": "event:[b"}, "second", ""),
        ({"kind": "several", "second": "received:today"}, "second", "received"),
        ({"kind": "metric", "share": 120}, "share", "100"),
        ({"kind": "metric", "over": "10 s"}, "over", "at least 1 min"),
    ],
)
def test_a_mistake_stands_beside_its_field(said, field, word):
    told = form(**said)
    assert not told.is_valid()
    assert list(told.errors) == [field]
    assert word in told.errors[field][0]


def test_what_another_kind_holds_is_nobodys_mistake():
    assert form(kind="each", within="soon", times="", second="evnt:x", share="much").is_valid()
