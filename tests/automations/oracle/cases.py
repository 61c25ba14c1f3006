"""Triggers and streams for the oracle: random, and the same ones each time."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

KINDS = ("presence", "presence after", "absence after", "sequence", "compound")
EACH = 12
LAST = 180

A = {"type": "event", "posture": "Reactive", "expect": ["a"]}
B = {"type": "event", "posture": "Reactive", "expect": ["b"]}
ABSENCE = {"type": "event", "posture": "Proactive", "expect": ["a"], "within": 10}
# Where ours is meant to be another.
MEANT: dict[str, dict[str, Any]] = {
    "absence at all": {"trigger": ABSENCE, "events": [[2.5, "a", "x", 2.5]], "until": 60},
    "absence after another that never came": {
        "trigger": ABSENCE | {"after": ["b"]},
        "events": [[61.5, "c", "x", 61.5]],
        "until": 60,
    },
    "any name but one": {
        "trigger": A | {"expect": ["!b"]},
        "events": [[1.5, "a", "x", 1.5], [2.5, "b", "x", 2.5], [3.5, "c", "x", 3.5]],
        "until": 20,
    },
    "sequence that arrives in another order": {
        "trigger": {"type": "sequence", "within": 10, "triggers": [A, B]},
        "events": [[10.5, "b", "x", 10.5], [11.5, "a", "x", 9.5]],
        "until": 20,
    },
}


def cases() -> dict[str, dict[str, Any]]:
    names = [f"{kind} {at}" for kind in KINDS for at in range(EACH)]
    return {name: case(name.rpartition(" ")[0], Random(name)) for name in names} | MEANT


def case(kind: str, chance: Random) -> dict[str, Any]:
    # Others are judged by when Prefect hears of events; ours never are.
    delays = (0, 0, 0, 0, 3, 8) if kind == "presence" else (0,)
    told = {"trigger": trigger(kind, chance), "events": events(chance, delays)}
    return told | {"until": LAST + 120}


def trigger(kind: str, chance: Random) -> dict[str, Any]:
    within = chance.choice([10, 20, 35])
    if kind in ("sequence", "compound"):
        names = chance.sample("abc", 2 if kind == "sequence" else 3)
        told = {
            "type": kind,
            "within": within,
            "triggers": [{**presence(0, chance), "expect": [name]} for name in names],
        }
        return told | ({"require": chance.choice(["any", "all", 2])} if kind == "compound" else {})
    if kind.startswith("presence"):
        told = presence(chance.choice([0, within, within]), chance)
        return told | ({"after": ["b"], "within": within} if "after" in kind else {})
    return {
        "type": "event",
        "posture": "Proactive",
        "expect": ["a"],
        "within": within,
        "threshold": chance.choice([1, 1, 2]),
        "for_each": ["team"],
        "after": [chance.choice("ab")],
    }


def presence(within: int, chance: Random) -> dict[str, Any]:
    return {
        "type": "event",
        "posture": "Reactive",
        "expect": ["a"],
        "threshold": 1 if not within else chance.choice([1, 2, 3]),
        "within": within,
        "for_each": chance.choice([[], ["team"]]),
    }


def events(chance: Random, delays: Sequence[int]) -> list[list[Any]]:
    """Return `[received, name, team, occurred]`."""
    told = []
    for at in sorted(chance.sample(range(1, LAST), 25)):
        second = at + 0.5  # never when it looks
        late = chance.choice(delays)
        told.append([second, chance.choice("aabc"), chance.choice("xy"), max(second - late, 0.25)])
    return told
