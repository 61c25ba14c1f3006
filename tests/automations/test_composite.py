"""Sequence and compound: judged by what their parts are about, not by when that arrived."""

from typing import Any

import pytest

from tests.automations.feeding import Feeding


def presence(event: str, **more: Any) -> dict[str, Any]:
    return {"type": "presence", "query": f"event:{event}", **more}


ABC = [presence("a"), presence("b"), presence("c")]
CASES: dict[str, tuple[dict[str, Any], str, list[float]]] = {
    "a sequence in its order": ({"type": "sequence", "within": 10}, "a@0 b@1 c@2", [2]),
    "not in another": ({"type": "sequence", "within": 10}, "b@0 a@1 c@2", []),
    "but when the rest comes again": (
        {"type": "sequence", "within": 10},
        "b@0 a@1 b@2 c@3",
        [3],
    ),
    "not beyond its time": ({"type": "sequence", "within": 10}, "a@0 b@1 c@11", []),
    "without end": ({"type": "sequence"}, "a@0 b@1 c@100000", [100000]),
    "all in any order": (
        {"type": "compound", "within": 10, "require": "all"},
        "c@0 a@1 b@2 a@3",
        [2],
    ),
    "any at once": ({"type": "compound", "within": 10, "require": "any"}, "c@0 a@1", [0, 1]),
    "two of three": (
        {"type": "compound", "within": 10, "require": 2},
        "c@0 c@1 a@2 b@3 c@4",
        [2, 4],
    ),
}


@pytest.mark.parametrize(("said", "told", "fires"), CASES.values(), ids=CASES)
def test_composite_fires(said: dict[str, Any], told: str, fires: list[float]):
    assert Feeding(said | {"triggers": ABC}).fires(told) == fires


def test_order_is_that_of_occurring_and_not_of_arriving():
    feeding = Feeding({"type": "sequence", "within": 10, "triggers": ABC[:2]})
    feeding.take("b", 3)
    [fired] = feeding.take("a", 1, received=4)
    assert [child.count for child in fired.children] == [1, 1]


def test_composite_is_split_by_what_its_triggers_share():
    split = [presence(event, for_each=["label.team"]) for event in "ab"]
    feeding = Feeding({"type": "sequence", "within": 10, "triggers": split})
    assert feeding.fires("a:x@0 b:y@1 b:x@2") == [2]


def test_absence_in_a_sequence_is_at_the_end_of_its_time():
    absence = {"type": "absence", "query": "event:b", "after": "event:a", "within": 10}
    feeding = Feeding({"type": "sequence", "within": 60, "triggers": [absence, presence("c")]})
    assert feeding.fires("a@0 c@12 @19 @20") == [20]


def test_composites_stand_in_one_another():
    inner = {"type": "compound", "within": 10, "require": "all", "triggers": ABC[:2]}
    said = {"type": "sequence", "within": 10, "triggers": [inner, presence("c")]}
    assert Feeding(said).fires("c@0 b@1 a@2 c@3") == [3]


def test_what_waits_goes_on_in_another_process():
    said = {"type": "sequence", "within": 10, "triggers": ABC}
    whole, first, second = Feeding(said), Feeding(said), Feeding(said)
    expected = [whole.take(name, at) for at, name in enumerate("abc")][-1]
    [first.take(name, at) for at, name in enumerate("ab")]
    second.machine.load({key: kept.state for key, kept in first.machine.dirty().items()})
    second.place, second.clock = first.place, first.clock
    assert second.take("c", 2) == expected
