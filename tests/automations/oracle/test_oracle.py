"""What Prefect's own evaluator fires, ours fires, but for differences that are meant and named."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import ceil
from typing import Any

import pytest

from apps.automations.decision import micros
from apps.automations.machine import Machine
from apps.automations.reading import read
from apps.query.terms import terms_of
from tests.automations.feeding import AUTOMATION, NOON, at, seconds
from tests.automations.oracle.asking import ANSWERS, ask
from tests.environments import environment_with
from tests.query.told import Told

CASES = json.loads(ANSWERS.read_text())
LOOK = 5


OLD_WINDOW = (
    "A window that is over, and not swept away yet, keeps Prefect from opening the next one after"
    " another event. Its documentation knows no such pause."
)
MET = (
    "Prefect takes away what was met when it looks next, and until then opens no other window."
    " Ours is over with the event that meets it."
)
AT_ALL = (
    "Without `after`, Prefect takes away a window that was met, and begins the next one a whole"
    " window later, or with the next event. Ours follow one another, each judged by itself."
)
UNASKED = (
    "An absence after another event that is for each of nothing begins in Prefect by itself, too."
    " Its documentation says that the other must have been seen."
)
NEGATED = "In Prefect a “!” in `expect` never matches, though it does in `match`."
BY_THE_WALL = "Prefect judges composites by when their parts fired, ours by what occurred when."
DIFFERENT = {
    "absence at all": AT_ALL,
    "absence after another that never came": UNASKED,
    "any name but one": NEGATED,
    "sequence that arrives in another order": BY_THE_WALL,
    "presence after 0": OLD_WINDOW,
    "presence after 1": OLD_WINDOW,
    "presence after 3": OLD_WINDOW,
    "presence after 5": OLD_WINDOW,
    "absence after 0": MET,
    "absence after 6": MET,
    "absence after 11": MET,
}


class Seen:
    """An event that came at a place of the log."""

    def __init__(self, told: Told, place: int) -> None:
        self.told, self.tx, self.seq, self.depth = told, place, 0, 0
        self.id, self.event, self.outcome = told.id, told.event, told.outcome
        self.resource, self.related, self.is_imported = told.resource, told.related, False
        self.received = micros(told.received)
        self.at = min(micros(told.occurred), self.received)


def fired(case: dict[str, Any]) -> list[float]:
    """Return when ours fires, looked at as often as Prefect's is and as promptly."""
    trigger = read({"type": "prefect", "trigger": case["trigger"]})
    machine, found, place = Machine(trigger, AUTOMATION, 1, NOON, late=900, grace=0), [], 0
    events = [*case["events"]]
    for look in range(0, case["until"] + 1, LOOK):
        while events and events[0][0] < look:
            place += 1
            second, name, team, occurred = events.pop(0)
            seen = Seen(told_of(name, team, occurred, second), place)
            terms = terms_of(seen.told)
            fits = {
                number
                for number, query in enumerate(machine.queries)
                if query.matches(seen.told, terms)
            }
            found += machine.take(seen, at(second), fits)
        found += machine.tick(at(look), (place, 0))
    return [seconds(decision.fired) for decision in found]


def looked_at(case: dict[str, Any], fires: Iterable[float]) -> list[float]:
    """Round what time decides to the next look: an event may make Prefect look earlier."""
    if case["trigger"].get("posture") != "Proactive":
        return sorted(fires)
    return sorted(ceil(fire / LOOK) * LOOK for fire in fires)


def told_of(name: str, team: str, occurred: float, received: float) -> Told:
    resource = {"prefect.resource.id": f"r.{team}", "team": team}
    return Told(name, resource, occurred=at(occurred), received=at(received))


@pytest.mark.parametrize("name", CASES)
def test_ours_fires_as_prefects_does(name: str):
    case = CASES[name]
    same = looked_at(case, fired(case)) == looked_at(case, case["fires"])
    assert same != (name in DIFFERENT)


def test_oracle_still_says_so():
    """Asked again, in an environment that has it."""
    python = environment_with("latest") / "bin" / "python"
    few = {name: CASES[name] for name in ("presence 0", "absence after 1", "sequence 2")}
    answers = ask(python, few)
    assert answers == {name: case["fires"] for name, case in few.items()}
