"""What a state machine of triggers sees and says.

Times are whole microseconds since 1970 within it, and datetimes in what it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment_of(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)


class Place(NamedTuple):
    tx: int
    seq: int


class Mark(NamedTuple):
    """Where an event stands: enough to find it again."""

    tx: int
    seq: int
    id: str


class Seen(Protocol):
    """What a machine sees of an event; `resource` and `related` only when it is split by them."""

    @property
    def tx(self) -> int: ...
    @property
    def seq(self) -> int: ...
    @property
    def id(self) -> UUID: ...
    @property
    def at(self) -> int:
        """When it occurred; ahead of `received` it counts as received."""
        ...

    @property
    def received(self) -> int: ...
    @property
    def resource(self) -> Mapping[str, str]: ...
    @property
    def related(self) -> Sequence[Mapping[str, str]]: ...
    @property
    def outcome(self) -> int: ...
    @property
    def event(self) -> str: ...
    @property
    def is_imported(self) -> bool:
        """Whether it was taken over, and is no news."""
        ...

    @property
    def depth(self) -> int:
        """How many automations fired one after another up to it."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """That a trigger fired, or that a metric is well again."""

    id: UUID
    kind: str
    """triggered or resolved."""
    key: Mapping[str, str]
    """The values of `for_each`, by their names."""
    start: datetime
    end: datetime
    """The window it looked at."""
    moment: datetime
    """What it is about: when its last event occurred, or when the time of an absence was over."""
    fired: datetime
    """The clock when it was decided; by time, the first moment at which it could be."""
    place: Place
    """The place of the log that decided it."""
    why: str
    count: int = 0
    value: float | None = None
    events: tuple[Mark, ...] = ()
    """Its last events, the newest last."""
    children: tuple[Decision, ...] = ()
    depth: int = 0
    event: UUID | None = None
    """The event that decided it, or the last that was seen."""

    def as_json(self) -> dict[str, Any]:
        """Write what a firing keeps of its children, and a machine of those it waits with."""
        return {
            "id": str(self.id),
            "kind": self.kind,
            "key": dict(self.key),
            "start": micros(self.start),
            "end": micros(self.end),
            "moment": micros(self.moment),
            "fired": micros(self.fired),
            "place": [*self.place],
            "why": self.why,
            "count": self.count,
            "value": self.value,
            "events": [[*mark] for mark in self.events],
            "children": [child.as_json() for child in self.children],
            "depth": self.depth,
            "event": self.event and str(self.event),
        }

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Decision:
        times = {name: moment_of(told[name]) for name in ("start", "end", "moment", "fired")}
        read = {
            "id": UUID(told["id"]),
            "place": Place(*told["place"]),
            "events": tuple([Mark(*mark) for mark in told["events"]]),
            "children": tuple([cls.of_json(child) for child in told["children"]]),
            "event": told["event"] and UUID(told["event"]),
        }
        return cls(**{**told, **times, **read})


class Kept(NamedTuple):
    """What is remembered of one key: JSON, and when the clock next decides something there."""

    state: dict[str, Any]
    due: datetime | None
