"""What the nodes of a state machine have in common: a state for each key, and who hears of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID, uuid5

from apps.automations.decision import Decision, Kept, Mark, Place, Seen, moment_of
from apps.automations.trigger import Trigger

# An automation remembers so many keys of each of its triggers, and takes no notice of more.
MOST_KEYS = 10_000
# The last events that a firing shows.
MOST_MARKS = 5
LONGEST_KEY = 1_000
FIRINGS = UUID("5e2f6f0a-6d35-4c5b-9f07-6a6a1f0f3c11")

Key = tuple[str, ...]


class State(Protocol):
    """What a node remembers of one key."""

    @property
    def due(self) -> int | None:
        """When the clock next decides something."""
        ...

    @property
    def forget(self) -> int | None:
        """When the clock makes it worthless; None for never."""
        ...

    def told(self) -> dict[str, Any]: ...


Of = TypeVar("Of", bound=Trigger)
Remembered = TypeVar("Remembered", bound=State)


@dataclass
class Core:
    """What all nodes of a machine share."""

    automation: UUID
    version: int
    start: int
    late: int
    grace: int
    touched: set[tuple[int, Key]] = field(default_factory=set)
    """Which states have changed: the number of a node, and a key."""
    waiting: set[tuple[int, Key]] = field(default_factory=set)
    """Which are due at another time than before, and have changed in nothing else."""
    overlooked: int = 0
    """How many events were of keys beyond the most."""


class Node(Generic[Of, Remembered]):
    """One trigger of the tree at work."""

    def __init__(self, trigger: Of, core: Core, number: int) -> None:
        self.trigger = trigger
        self.core = core
        self.number = number
        self.states: dict[Key, Remembered] = {}

    def take(self, seen: Seen, clock: int, *, expects: bool, starts: bool) -> Sequence[Decision]:
        """Take an event that fits its query, or the one it comes after."""
        raise NotImplementedError

    def hear(self, part: int, decision: Decision) -> Sequence[Decision]:
        """Hear of a decision of one of its parts."""
        raise NotImplementedError

    def decide(self, key: Key, due: int, clock: int, place: Place) -> Sequence[Decision]:
        """Decide what was due then, and no more: others may come in between."""
        raise NotImplementedError

    def read(self, told: Mapping[str, Any]) -> Remembered:
        """Read a state that was told."""
        raise NotImplementedError

    def begin(self) -> None:
        """Do what is to be done before the first event."""

    # What the nodes are made with

    def key_of(self, seen: Seen) -> Key:
        if not self.trigger.for_each:
            return ()
        resource, related = seen.resource, seen.related
        return tuple([one.value(resource, related) for one in self.trigger.for_each])

    def remember(self, key: Key, state: Remembered | None) -> None:
        """Keep the state of a key as it has become, or forget it."""
        if state is None:
            if self.states.pop(key, None) is None:
                return
        elif key in self.states or len(self.states) < MOST_KEYS:
            self.states[key] = state
        else:
            self.core.overlooked += 1
            return
        self.core.touched.add((self.number, key))

    def kept(self, key: Key) -> Kept | None:
        state = self.states.get(key)
        if state is None:
            return None
        due = None if state.due is None else moment_of(state.due)
        return Kept({"node": self.number, "key": [*key], **state.told()}, due)

    def decision(
        self,
        key: Key,
        *,
        start: int,
        end: int,
        moment: int,
        fired: int,
        place: Place,
        why: str,
        by: str = "",
        kind: str = "triggered",
        **more: Any,
    ) -> Decision:
        core = self.core
        named = [str(core.automation), core.version, self.number, key, start, end, by, kind]
        return Decision(
            id=uuid5(FIRINGS, json.dumps(named)),
            kind=kind,
            key={one.name: value for one, value in zip(self.trigger.for_each, key, strict=True)},
            start=moment_of(start),
            end=moment_of(end),
            moment=moment_of(moment),
            fired=moment_of(fired),
            place=place,
            why=why,
            **more,
        )


def written_key(number: int, key: Key) -> str:
    """Name a state: the number of its node and its key, or their hash, which is short enough."""
    text = json.dumps([number, *key], ensure_ascii=False)
    if len(text) <= LONGEST_KEY // 4:
        return text
    return f"{number}#{blake2b(text.encode(), digest_size=20).hexdigest()}"


def last_marks(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """Return the last of them, each once, in the order of the log."""
    return tuple(sorted(set(marks))[-MOST_MARKS:])
