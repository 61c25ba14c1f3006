"""Prefect's run events, 1,600 bytes on average, encoded once and patched for each sending.

Encoding in the generator would cost as much as decoding in the server it measures.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID, uuid4

EVENT_ID = "eeeeeeee-0000-7000-8000-000000000001"
FLOW_RUN = "ffffffff-0000-7000-8000-000000000002"
TASK_RUN = "cccccccc-0000-7000-8000-000000000003"
DYNAMIC_KEY = "dddddddd-0000-4000-8000-000000000004"
FOLLOWS = "bbbbbbbb-0000-7000-8000-000000000005"
FLOW_RUN_NAME = "flowrun-name"
TASK_RUN_NAME = "taskrun-name"
OCCURRED = "2001-02-03T04:05:06.000007"
EVENTS_A_RUN = 10


class State(NamedTuple):
    before: str
    type: str
    name: str
    message: str = ""


STATES = [
    State("PENDING", "RUNNING", "Running"),
    State("RUNNING", "COMPLETED", "Completed"),
    State("SCHEDULED", "PENDING", "Pending"),
    State("RUNNING", "SCHEDULED", "AwaitingRetry", "Retry 2 of 3 in 40 seconds"),
]
FAILED = State("RUNNING", "FAILED", "Failed", "TimeoutError: the warehouse did not answer in time")
FAILURES = 0.02
ADJECTIVES = ["amber", "brisk", "eager", "fuzzy", "jolly", "lucky", "proud", "quiet"]
ANIMALS = ["badger", "cougar", "donkey", "falcon", "gibbon", "jackal", "lizard", "marmot"]
FLOWS = ["ingest-orders", "load-warehouse", "train-ranking", "sync-crm", "export-ledger"]
TEAMS = ["payments", "growth", "platform", "research"]

_steady = random.Random(20261121)  # noqa: S311 (the same events in every run)


class Told(NamedTuple):
    """What differs each time; each field's text in a template is its placeholder."""

    event_id: bytes
    follows: bytes
    flow_run: bytes
    task_run: bytes
    dynamic_key: bytes
    flow_run_name: bytes
    task_run_name: bytes
    occurred: bytes


PLACEHOLDERS = Told(
    EVENT_ID.encode(),
    FOLLOWS.encode(),
    FLOW_RUN.encode(),
    TASK_RUN.encode(),
    DYNAMIC_KEY.encode(),
    FLOW_RUN_NAME.encode(),
    TASK_RUN_NAME.encode(),
    OCCURRED.encode(),
)


@dataclass(frozen=True)
class Template:
    """One encoded event and where in it each part of `Told` lies."""

    body: bytes
    places: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, event: dict[str, Any]) -> "Template":
        body = json.dumps(event, separators=(",", ":")).encode()
        places = (
            tuple(found.start() for found in re.finditer(part, body)) for part in PLACEHOLDERS
        )
        return cls(body, tuple(places))


class Fresh:
    """Tells of runs nobody knew before, ten events of each, one following the other."""

    def __init__(self, *, run_prefix: str = "") -> None:
        self._prefix = f"{str(uuid4())[:23]}-"
        self._run_prefix = run_prefix
        self._given = 0
        self._run: tuple[bytes, bytes, bytes, bytes, bytes]

    def told(self, occurred: bytes) -> Told:
        if self._given % EVENTS_A_RUN == 0:
            ids = (self._run_id(), self._run_id(), self._run_id())
            number = self._given // EVENTS_A_RUN
            self._run = (*ids, _run_name(number), _run_name(number + 29))
        self._given += 1
        return Told(self._id(self._given), self._id(self._given - 1), *self._run, occurred)

    def owns(self) -> tuple[UUID, UUID]:
        """The first and the last event id that this may give."""
        return UUID(f"{self._prefix}{0:012x}"), UUID(f"{self._prefix}{'f' * 12}")

    def _id(self, number: int) -> bytes:
        return f"{self._prefix}{number:012x}".encode()

    def _run_id(self) -> bytes:
        return (self._run_prefix + str(uuid4())[len(self._run_prefix) :]).encode()


class Body:
    """Many templates joined, patched in place: `fresh` makes it new events of now."""

    def __init__(self, templates: Sequence[Template], *, start: bytes, between: bytes, end: bytes):
        self._bytes = bytearray(start)
        self._events: list[tuple[int, Template]] = []
        for number, template in enumerate(templates):
            self._bytes += between if number else b""
            self._events.append((len(self._bytes), template))
            self._bytes += template.body
        self._bytes += end

    def fresh(self, ids: Fresh) -> bytes:
        now, body = wire_time(), self._bytes
        for start, template in self._events:
            for places, value in zip(template.places, ids.told(now), strict=True):
                for place in places:
                    body[start + place : start + place + len(value)] = value
        return bytes(body)


def wire_time() -> bytes:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").encode()


def arrays(size: int, *, names: Sequence[str] = ()) -> Iterator[Body]:
    """Bodies of `POST /api/events`, each `size` events, for ever."""
    pool = templates(tuple(names))
    choose = random.Random(size)  # noqa: S311
    bodies = [
        Body(choose.choices(pool, k=size), start=b"[", between=b",", end=b"]") for _ in range(40)
    ]
    while True:
        yield from bodies


@cache
def templates(names: tuple[str, ...] = (), *, count: int = 400) -> list[Template]:
    """Flow and task runs as Prefect tells of them; `names` replace the event's own, evenly."""
    told = [_task_run() if number % 4 else _flow_run() for number in range(count)]
    for number, event in enumerate(told if names else ()):
        event["event"] = names[number % len(names)]
    return [Template.of(event) for event in told]


def _run_name(number: int) -> bytes:
    """A name of two words, as long as its placeholder."""
    animal = ANIMALS[number // len(ADJECTIVES) % len(ANIMALS)]
    return f"{ADJECTIVES[number % len(ADJECTIVES)]}-{animal}".encode()


def average_size() -> float:
    pool = templates()
    return sum(len(template.body) for template in pool) / len(pool)


def _state() -> State:
    return FAILED if _steady.random() < FAILURES else _steady.choice(STATES)


def _labels(kind: str, run: str, name: str, state: State) -> dict[str, str]:
    return {
        "prefect.resource.id": f"prefect.{kind}.{run}",
        "prefect.resource.name": name,
        "prefect.run-count": "1",
        "prefect.state-message": state.message,
        "prefect.state-name": state.name,
        "prefect.state-timestamp": f"{OCCURRED}+00:00",
        "prefect.state-type": state.type,
    }


def _related(*roles: str) -> list[dict[str, str]]:
    tags = (f"team-{_steady.choice(TEAMS)}", "production")
    return [_one_of_a_few(role) for role in roles] + [
        {"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}
        for tag in tags
    ]


def _one_of_a_few(role: str) -> dict[str, str]:
    number = _steady.randrange(24)
    return {
        "prefect.resource.id": f"prefect.{role}.{UUID(int=number + 7)}",
        "prefect.resource.role": role,
        "prefect.resource.name": FLOWS[number % len(FLOWS)],
    }


def _change(state: State, **more: object) -> dict[str, Any]:
    before = {"type": state.before, "name": state.before.title(), "message": ""}
    after = {"type": state.type, "name": state.name, "message": state.message}
    return {
        "intended": {"from": state.before, "to": state.type},
        "initial_state": before | more,
        "validated_state": after | more,
    }


def _flow_run() -> dict[str, Any]:
    state = _state()
    return {
        "occurred": f"{OCCURRED}Z",
        "event": f"prefect.flow-run.{state.name}",
        "resource": _labels("flow-run", FLOW_RUN, FLOW_RUN_NAME, state),
        "related": _related("flow", "deployment", "work-queue", "work-pool"),
        "payload": _change(state),
        "id": EVENT_ID,
        "follows": FOLLOWS,
    }


def _task_run() -> dict[str, Any]:
    state = _state()
    flow_run = {
        "prefect.resource.id": f"prefect.flow-run.{FLOW_RUN}",
        "prefect.resource.role": "flow-run",
        "prefect.resource.name": FLOW_RUN_NAME,
    }
    return {
        "occurred": f"{OCCURRED}Z",
        "event": f"prefect.task-run.{state.name}",
        "resource": _labels("task-run", TASK_RUN, TASK_RUN_NAME, state)
        | {"prefect.orchestration": "client"},
        "related": [flow_run, *_related("flow")],
        "payload": _change(state, state_details={"retriable": False}) | {"task_run": _task()},
        "id": EVENT_ID,
        "follows": FOLLOWS,
    }


def _task() -> dict[str, Any]:
    return {
        "name": TASK_RUN_NAME,
        "task_key": f"{_steady.choice(FLOWS)}-57eea33d",
        "dynamic_key": DYNAMIC_KEY,
        "empirical_policy": {"retries": 3, "retry_delay": 40},
        "tags": [_steady.choice(TEAMS)],
        "task_inputs": {},
        "run_count": 1,
        "flow_run_run_count": 1,
        "expected_start_time": f"{OCCURRED}Z",
        "start_time": f"{OCCURRED}Z",
        "end_time": None,
        "total_run_time": 0.024918,
    }
