"""Whatever is taken as an automation, Prefect's own clients can read: one that they cannot would
break their whole list."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from apps.automations.doing.actions import BadAction, read_all
from apps.automations.models import Automation
from apps.automations.reading import BadTrigger, read
from apps.feed.prefect.automations_said import can_be_said, made, told
from apps.feed.prefect.bodies import Invalid
from tests.environments import environment_with

ID = "7f0b1f9c-36d6-4c5a-b1f0-3f1c2d9b8a77"
EVENT = {
    "type": "event",
    "match": {"a": "b", "c": ["d", "!e"]},
    "match_related": [{"x": "y"}, {"z": ["w"]}],
    "after": ["p"],
    "expect": ["q"],
    "for_each": ["r", "related:flow:s"],
    "posture": "Reactive",
    "threshold": 2,
    "within": 30.0,
}
ABSENCE = EVENT | {"posture": "Proactive"}
METRIC = {
    "type": "metric",
    "posture": "Metric",
    "metric": {
        **{"name": "successes", "threshold": 0.5, "operator": "<"},
        **{"range": 300.0, "firing_for": 300.0},
    },
}
BOTH = {"type": "compound", "require": 1, "within": 60.0, "triggers": [EVENT, ABSENCE]}
TRIGGERS = [
    *(EVENT, ABSENCE, METRIC, BOTH),
    {"type": "sequence", "within": None, "triggers": [EVENT, BOTH]},
]
ACTIONS: list[dict[str, Any]] = [
    {"type": "do-nothing"},
    {
        **{"type": "run-deployment", "source": "selected", "deployment_id": ID},
        **{"parameters": {"a": 1}, "job_variables": {"b": 2}, "schedule_after": 5.0},
    },
    {"type": "pause-deployment", "source": "inferred", "deployment_id": None},
    {"type": "resume-deployment", "deployment_id": ID},
    {"type": "cancel-flow-run"},
    {"type": "suspend-flow-run"},
    {"type": "resume-flow-run"},
    {"type": "delete-flow-run"},
    {**{"type": "change-flow-run-state", "state": "FAILED"}, **{"name": "x", "force": True}},
    {"type": "pause-work-pool", "source": "selected", "work_pool_id": ID},
    {"type": "resume-work-queue", "source": "inferred"},
    {"type": "pause-automation", "automation_id": ID},
    {"type": "call-webhook", "block_document_id": ID, "payload": "x"},
    {"type": "send-notification", "block_document_id": ID, "subject": "s", "body": "b"},
]
ODD = [
    *(None, True, False, 0, 1, -1, 1.5, 2.0, 1e300, 10**25, "", "x", "5", "PT5M", "00:05:00"),
    *([], ["x"], [1], [[]], {}, {"a": 1}, {"a": "b"}, [{"a": "b"}], "any", "ALL", "reactive"),
    *("Metric", "failed", "FAILED", ID.upper(), ID.replace("-", ""), f"urn:uuid:{ID}", "é\ud7ff"),
]
MANY = 6_000

VALIDATE = """
import json, sys
from prefect.events.schemas.automations import Automation

for said in json.load(sys.stdin):
    try:
        Automation.model_validate(said)
    except Exception as error:
        print(json.dumps(said), error)
"""


def test_what_is_taken_can_be_read(tmp_path: Path) -> None:
    taken = [told(automation) for automation in taken_of(Random(5))]
    assert len(taken) > MANY / 10
    done = subprocess.run(
        [environment_with("latest") / "bin" / "python", "-c", VALIDATE],
        input=msgspec.json.encode(taken).decode(),
        env={"PATH": os.environ["PATH"], "PREFECT_HOME": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def taken_of(random: Random) -> Iterator[Automation]:
    """Yield what is taken of automations with something odd in them."""
    for _ in range(MANY):
        try:
            automation = made(odd_one(random))
            read(automation.trigger)
            read_all(automation.actions)
        except (Invalid, BadTrigger, BadAction):
            continue
        assert can_be_said(automation)
        yield automation


def odd_one(random: Random) -> dict[str, Any]:
    said = {
        **{"name": "n", "description": "d", "enabled": True, "tags": ["t"]},
        **{"trigger": random.choice(TRIGGERS), "actions": random.sample(ACTIONS, 2)},
    }
    # As JSON it shares nothing with the others.
    said = json.loads(json.dumps(said))
    for _ in range(random.choice([1, 1, 2])):
        inside, at = random.choice([*places(said)])
        odd = deepcopy(random.choice(ODD))
        if isinstance(inside, dict) and random.random() < 0.2:
            inside.pop(at)
        else:
            inside[at] = odd
    return said


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield where anything stands: what holds it, and by which name or number."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for at, one in inside:
        yield value, at
        if isinstance(one, dict | list):
            yield from places(one)
