"""Triggers are read, said in words and written again; what is wrong is named with its place."""

from typing import Any

import pytest

from apps.automations.reading import BadTrigger, read, written

A = {"type": "presence", "query": "event:a"}
B = {"type": "presence", "query": "event:b"}
TRIGGERS: dict[str, dict[str, Any]] = {
    "3 events with outcome failed within 10 minutes, for each team and flow": {
        "type": "presence",
        "query": "outcome:failed",
        "times": 3,
        "within": 600,
        "for_each": ["label.team", "related.flow"],
    },
    "Any event named a after an event named b": A | {"after": "event:b"},
    "No more events sent by etl for 1 hour": {
        "type": "absence",
        "query": "source:etl",
        "after": "source:etl",
        "within": 3600,
    },
    "Fewer than 2 events within 90 seconds": {
        "type": "absence",
        "query": "",
        "times": 2,
        "within": 90,
    },
    "In this order within 1 minute: (any event named a), then (any event named b)": {
        "type": "sequence",
        "within": 60,
        "triggers": [A, B],
    },
    "Any of these within 1 minute: (any event named a), (any event named b)": {
        "type": "compound",
        "within": 60,
        "require": "any",
        "triggers": [A, B],
    },
    "Share of completed of events named a over 1 hour is under 90 % for 5 minutes": {
        "type": "metric",
        "query": "event:a",
        "metric": "success",
        "operator": "<",
        "threshold": 0.9,
        "over": 3600,
        "breached_for": 300,
    },
    "Mean duration of events named a over 1 hour is over 1 minute": {
        "type": "metric",
        "query": "event:a",
        "metric": "duration",
        "operator": ">",
        "threshold": 60,
        "over": 3600,
        "breached_for": 0,
    },
}


@pytest.mark.parametrize(("sentence", "said"), TRIGGERS.items(), ids=TRIGGERS)
def test_trigger_says_itself_and_is_read_as_written(sentence: str, said: dict[str, Any]):
    trigger = read(said)
    assert trigger.sentence() == sentence
    assert read(written(trigger)) == trigger


WRONG: dict[str, tuple[Any, str]] = {
    "no object": (["presence"], ""),
    "no type": ({}, "type"),
    "an unknown type": ({"type": "metrics"}, "type"),
    "an unknown name": (A | {"withim": 3}, "withim"),
    "a query with a mistake": ({"type": "presence", "query": "event:"}, "query"),
    "a query for a time": ({"type": "presence", "query": "-(a occurred:today)"}, "query"),
    "a number that is none": (A | {"times": True}, "times"),
    "a part of an event": (A | {"times": 1.5}, "times"),
    "an absence without time": ({"type": "absence", "query": ""}, "within"),
    "an absence too short": ({"type": "absence", "query": "", "within": 9}, "within"),
    "a part of it": (
        {"type": "sequence", "within": 1, "triggers": [A, A | {"within": "soon"}]},
        "triggers[1].within",
    ),
    "a label it is not split by": (
        {"type": "sequence", "triggers": [A, B], "for_each": ["resource"]},
        "for_each",
    ),
    "nothing to split by": (A | {"for_each": ["team"]}, "for_each[0]"),
    "more than all": ({"type": "compound", "triggers": [A], "require": 2}, "require"),
    "Prefect's, within": (
        {"type": "prefect", "trigger": {"posture": "Proactive", "within": 5}},
        "trigger.within",
    ),
}


@pytest.mark.parametrize(("said", "path"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_its_place(said: Any, path: str):
    with pytest.raises(BadTrigger) as caught:
        read(said)
    assert caught.value.path == path


def test_composite_is_split_by_what_all_its_triggers_share():
    split = {"for_each": ["resource", "label.team"]}
    trigger = read({"type": "sequence", "triggers": [A | split, B | {"for_each": ["label.team"]}]})
    assert [one.name for one in trigger.for_each] == ["label.team"]


def test_prefects_json_is_kept_as_it_was_sent():
    said = {
        "type": "event",
        "id": "5d8fa2b0-0000-0000-0000-000000000000",
        "match": {"prefect.resource.id": ["prefect.flow-run.*", "!prefect.flow-run.x"]},
        "match_related": [{"prefect.resource.role": "flow", "prefect.resource.name": "et?"}],
        "expect": ["prefect.flow-run.Failed"],
        "for_each": ["related:flow:prefect.resource.id"],
        "posture": "Reactive",
        "threshold": 2,
        "within": 60.0,
    }
    trigger = read({"type": "prefect", "trigger": said})
    assert written(trigger) == {"type": "prefect", "trigger": said}
    assert trigger.sentence() == (
        "2 events named prefect.flow-run.Failed, whose resource is prefect.flow-run.* or not"
        " prefect.flow-run.x, with a related role flow and name et? within 1 minute, for each flow"
    )
