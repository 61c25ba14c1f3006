"""Metrics are looked at each ten seconds: breached for a time they fire, and then resolve."""

from typing import Any

import pytest

from apps.query import Outcome
from tests.automations.feeding import Feeding, seconds

RUNNING, COMPLETED, FAILED = Outcome.RUNNING, Outcome.COMPLETED, Outcome.FAILED


def metric(**more: Any) -> Feeding:
    told = {"metric": "success", "operator": "<", "threshold": 0.5, "over": 60, "breached_for": 20}
    return Feeding({"type": "metric", "query": "", **told, **more})


def happen(feeding: Feeding, outcome: Outcome, second: float, run: str, event: str = "e") -> Any:
    return feeding.take(event, second, team=run, outcome=outcome)


def told(decisions: Any) -> list[Any]:
    return [(one.kind, seconds(one.fired), one.value) for one in decisions]


def test_share_of_completed_fires_when_breached_for_a_time_and_resolves():
    feeding = metric()
    happen(feeding, FAILED, 1, "a")
    assert feeding.tick(29) == []
    assert told(feeding.tick(30)) == [("triggered", 30, 0)]
    assert feeding.tick(40) == []
    happen(feeding, COMPLETED, 45, "b")
    assert told(feeding.tick(50)) == [("resolved", 50, 0.5)]


def test_breach_that_ends_in_time_fires_nothing():
    feeding = metric()
    happen(feeding, FAILED, 1, "a")
    happen(feeding, COMPLETED, 25, "a")
    assert feeding.tick(500) == []


def test_latest_outcome_of_a_resource_counts_in_any_order():
    feeding = metric()
    happen(feeding, COMPLETED, 5, "a")
    feeding.take("e", 2, received=6, team="a", outcome=FAILED)
    assert feeding.tick(500) == []


def test_it_resolves_when_nothing_is_left_to_measure():
    feeding = metric()
    happen(feeding, FAILED, 1, "a")
    decisions = feeding.tick(500)
    assert told(decisions) == [("triggered", 30, 0), ("resolved", 70, None)]
    assert feeding.machine.due() is None
    assert feeding.machine.dirty()["[0]"] is None


def test_mean_duration():
    feeding = metric(metric="duration", operator=">", threshold=5, breached_for=0)
    happen(feeding, RUNNING, 0, "a")
    happen(feeding, RUNNING, 1, "a")
    happen(feeding, COMPLETED, 4, "a")
    assert feeding.tick(10) == []
    happen(feeding, RUNNING, 10, "b")
    happen(feeding, FAILED, 18, "b")
    assert told(feeding.tick(20)) == [("triggered", 20, 6)]


def test_mean_lateness():
    feeding = metric(metric="lateness", operator=">=", threshold=15, breached_for=0)
    happen(feeding, Outcome.WAITING, 0, "a", "prefect.flow-run.Late")
    assert feeding.tick(10) == []
    happen(feeding, RUNNING, 15, "a")
    [fired] = feeding.tick(20)
    assert (fired.value, fired.why) == (
        15,
        "Mean lateness was 15 seconds over 1 minute, at least 15 seconds.",
    )


@pytest.mark.parametrize("at", [5, 15, 25, 35, 45])
def test_what_is_remembered_goes_on_in_another_process(at: float):
    feeding, kept = metric(for_each=["label.team"]), {}
    happen(feeding, FAILED, 1, "a")
    decisions = feeding.tick(at)
    kept = {key: state.state for key, state in feeding.machine.dirty().items()}
    other = metric(for_each=["label.team"])
    other.machine.load(kept)
    decisions += other.tick(500)
    assert told(decisions) == [("triggered", 30, 0), ("resolved", 70, None)]
