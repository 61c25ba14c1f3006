"""What the follower of automations knows between two writings."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID

from apps.automations.decision import Decision, micros
from apps.automations.firing import depth_of
from apps.automations.index import Index
from apps.automations.machine import Machine
from apps.automations.manners import Manners
from apps.automations.models import Automation, Tick
from apps.events.audit import SOURCE
from apps.events.models import Event

# What predicates and machines look at; the payload only when a query asks for it.
READS = frozenset(
    {"occurred", "received", "event", "resource", "related", "follows", "outcome", "system"}
    | {"source_id", "warnings", "terms"}
)


class Seen:
    """An event as a machine sees it."""

    def __init__(self, event: Event) -> None:
        self.event_read = event
        self.tx: int = event.tx
        self.seq: int = event.seq
        self.id: UUID = event.id
        self.received = micros(event.received)
        self.at = min(micros(event.occurred), self.received)
        self.resource: Mapping[str, str] = event.resource
        self.related: list[Mapping[str, str]] = event.related
        self.outcome: int = event.outcome
        self.event: str = event.event
        self.is_imported = event.is_imported

    @cached_property
    def depth(self) -> int:
        # Anybody may write the label; only ours is believed.
        return depth_of(self) if self.event_read.source_name == SOURCE else 0


@dataclass
class Watched:
    """An automation that is switched on, at work."""

    automation: Automation
    machine: Machine
    manners: Manners
    is_new: bool = False
    """Whether the database has not heard yet that it is followed."""

    @property
    def start(self) -> tuple[int, int]:
        return self.automation.start_tx, self.automation.start_seq


@dataclass
class Decided:
    """A decision that is to be written, and the clock when it was taken."""

    watched: Watched
    decision: Decision
    clock: datetime
    again: bool
    """Whether it may have been taken before a crash."""


@dataclass
class Memory:
    """All that is known between two writings."""

    place: tuple[int, int]
    written: tuple[int, int] | None
    """The position in the database; None before it has one."""
    clock: datetime
    carried: bool = False
    """Whether now() has moved the clock since the last event, and no tick tells so yet."""
    kept: tuple[int, int] | None = None
    """The place of what is remembered in the database."""
    ticked: deque[Tick] = field(default_factory=deque)
    """The ticks behind that place, which are to come again."""
    until: tuple[int, int] = (0, 0)
    """What comes up to this place may have come before."""
    again: bool = False
    """Whether the present one may have."""
    watched: dict[UUID, Watched] = field(default_factory=dict)
    decided: list[Decided] = field(default_factory=list)
    failed: list[Automation] = field(default_factory=list)
    """What is to be switched off, because it failed."""
    ticks: list[Tick] = field(default_factory=list)
    due: list[tuple[datetime, int, UUID]] = field(default_factory=list)
    sources: dict[int, str] = field(default_factory=dict)
    index: Index = field(default_factory=lambda: Index(()))
    asked: list[list[tuple[UUID, int]]] = field(default_factory=list)
    """Who asks each query of the index, and under which number."""
    reads: frozenset[str] = READS
    changed: bool = False
    """Whether anything but the position is to be written."""
    looked: float = 0.0
    write_at: float = 0.0
    keep_at: float = 0.0
    """When the next writing is due, by time.monotonic()."""
