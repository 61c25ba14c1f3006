"""Presence and absence: when they fire, by Prefect's semantics and in any order of arrival."""

from typing import Any

import pytest

from tests.automations.feeding import Feeding, at, seconds


def presence(**more: Any) -> Feeding:
    return Feeding({"type": "presence", "query": "event:a", **more})


def absence(**more: Any) -> Feeding:
    return Feeding({"type": "absence", "query": "event:b", **more})


PRESENCES = {
    "at once, each time": ({}, "a@0 b@1 a@2", [0, 2]),
    "eagerly, with the one that is enough": ({"times": 3, "within": 10}, "a@0 a@1 a@2", [2]),
    "then it rests until the window ends": (
        {"times": 2, "within": 10},
        "a@0 a@1 a@2 a@3 a@10 a@11",
        [1, 11],
    ),
    "an event behind the window opens another": (
        {"times": 2, "within": 10},
        "a@0 a@10 a@19",
        [19],
    ),
    "once in a window": ({"within": 10}, "a@0 a@5 a@9 a@10 a@19 a@31", [0, 10, 31]),
    "for each team": (
        {"times": 2, "within": 10, "for_each": ["label.team"]},
        "a:x@0 a:y@1 a:x@2 a:y@3",
        [2, 3],
    ),
    "after another": (
        {"within": 10, "after": "event:b"},
        "a@0 b@1 a@2 a@3 b@20 a@31 b@40 a@41",
        [2, 41],
    ),
    "the same before and after": ({"within": 10, "after": "event:a"}, "a@0 a@5 a@6 a@7", [5, 7]),
    "several at once within no time": ({"times": 3}, "a@0 a@1 a@2 a@3", [2]),
}


@pytest.mark.parametrize(("more", "told", "fires"), PRESENCES.values(), ids=PRESENCES)
def test_presence_fires(more: dict[str, Any], told: str, fires: list[float]):
    assert presence(**more).fires(told) == fires


# A decision by time is taken ten seconds after the end.
ABSENCES = {
    "each window without it": ({"within": 10}, "@19 @20 @30 b@35 @40 @50 @60", [20, 30, 40, 60]),
    "a window with fewer than expected": ({"within": 10, "times": 2}, "b@1 b@2 b@11 @30", [30]),
    "after another that nothing followed": (
        {"within": 10, "after": "event:a"},
        "a@0 @19 @20 @99",
        [20],
    ),
    "not when it followed": ({"within": 10, "after": "event:a"}, "a@0 b@9 @99", []),
    "when it followed too late": ({"within": 10, "after": "event:a"}, "a@0 b@10 @99", [20]),
    "each time from the first that began it": (
        {"within": 10, "after": "event:a"},
        "a@0 b@1 a@2 @12 a@13 b@14 @99",
        [22],
    ),
    "a silence, once": ({"within": 10, "after": "event:b"}, "b@0 b@9 b@18 @27 @38 @99", [38]),
    "for each team from its first": (
        {"within": 10, "for_each": ["label.team"]},
        "b:x@5 @25 @35",
        [35],
    ),
    "for each team after another": (
        {"within": 10, "after": "event:a", "for_each": ["label.team"]},
        "a:x@0 a:y@1 b:x@5 @99",
        [21],
    ),
}


@pytest.mark.parametrize(("more", "told", "fires"), ABSENCES.values(), ids=ABSENCES)
def test_absence_fires(more: dict[str, Any], told: str, fires: list[float]):
    assert absence(**more).fires(told) == fires


def test_absence_is_decided_by_the_events_in_front_of_that_point_of_the_log():
    backlog = absence(within=10, after="event:a")
    backlog.take("a", 0, received=100)
    assert backlog.take("b", 5, received=100) == []
    assert backlog.tick(200) == []


def test_event_that_arrives_in_the_grace_counts():
    feeding = absence(within=10, after="event:a")
    feeding.take("a", 0)
    feeding.take("b", 9, received=19)
    assert feeding.tick(99) == []


def test_event_that_the_clock_has_passed_changes_nothing():
    feeding = absence(within=10, after="event:a")
    feeding.take("a", 0)
    [fired] = feeding.take("b", 9, received=20)
    assert (seconds(fired.start), seconds(fired.end), seconds(fired.fired)) == (0, 10, 20)


def test_expected_event_may_come_before_what_it_follows():
    feeding = absence(within=10, after="event:a")
    feeding.take("b", 3)
    feeding.take("a", 1, received=4)
    assert feeding.tick(99) == []
    waiting = presence(within=10, after="event:b")
    waiting.take("a", 3)
    assert len(waiting.take("b", 1, received=4)) == 1


def test_event_too_late_is_counted_and_fires_nothing():
    feeding = presence()
    assert feeding.take("a", 0, received=901) == []
    assert feeding.machine.too_late == 1
    assert len(feeding.take("a", 2, received=902)) == 1


def test_order_of_arrival_within_the_late_bound_does_not_matter():
    feeding = presence(times=3, within=10)
    feeding.take("a", 9)
    feeding.take("a", 1, received=9)
    [fired] = feeding.take("a", 5, received=10)
    assert (seconds(fired.moment), seconds(fired.fired)) == (9, 10)


def test_firing_is_the_same_again_and_another_one_another():
    first, again = presence(within=10).take("a", 0), presence(within=10).take("a", 0)
    assert first == again
    feeding = presence()
    assert feeding.take("a", 0)[0].id != feeding.take("a", 0)[0].id


def test_firing_says_what_was_seen():
    feeding = presence(times=2, within=60, for_each=["label.team"])
    feeding.take("a", 0, team="ml")
    [fired] = feeding.take("a", 1, team="ml", depth=2)
    assert fired.key == {"label.team": "ml"}
    assert fired.why == "2 events named a were seen within 1 minute, where 2 are enough."
    assert [mark.tx for mark in fired.events] == [1, 2]
    assert (fired.count, fired.depth, fired.start) == (2, 2, at(0))


def test_what_cannot_matter_any_more_is_forgotten():
    feeding = presence(times=2, within=10, for_each=["label.team"])
    feeding.take("a", 0, team="x")
    assert [*feeding.machine.dirty()] == ['[0, "x"]']
    feeding.tick(909)
    assert feeding.machine.dirty() == {}
    feeding.tick(910)
    assert feeding.machine.dirty() == {'[0, "x"]': None}


def test_due_is_the_next_deadline():
    feeding = absence(within=10, after="event:a")
    assert feeding.machine.due() is None
    feeding.take("a", 0)
    assert feeding.machine.due() == at(20)
    feeding.take("b", 1)
    assert feeding.machine.due() is None
