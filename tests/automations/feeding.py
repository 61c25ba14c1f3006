"""Machines in tests: fed with events at seconds of a clock, asked at which they fired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from apps.automations.decision import SECOND, Decision, micros
from apps.automations.machine import Machine
from apps.automations.reading import read

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
AUTOMATION = UUID(int=7)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def seconds(moment: datetime) -> float:
    return (moment - NOON).total_seconds()


@dataclass
class Told:
    """An event of a test; `fits` are the names of the queries it is for."""

    event: str
    at: int
    received: int
    tx: int
    seq: int = 0
    resource: Mapping[str, str] = field(default_factory=dict)
    related: Sequence[Mapping[str, str]] = ()
    outcome: int = 5
    depth: int = 0
    is_imported: bool = False

    @property
    def id(self) -> UUID:
        return uuid5(AUTOMATION, str(self.tx))


@dataclass
class Feeding:
    """A machine whose queries are event names."""

    said: Mapping[str, Any]
    late: float = 900
    place: int = 0
    clock: datetime = NOON

    def __post_init__(self) -> None:
        self.machine = Machine(read(self.said), AUTOMATION, 1, NOON, self.late)

    def take(
        self,
        event: str,
        occurred: float,
        *,
        received: float | None = None,
        team: str = "",
        **more: Any,
    ) -> list[Decision]:
        """Hand over an event that occurred at this second, and was received then or later."""
        self.place += 1
        told = at(occurred if received is None else received)
        self.clock = max(self.clock, told)
        seen = Told(
            event, micros(min(at(occurred), told)), micros(told), self.place,
            resource={"prefect.resource.id": f"r.{team}", "team": team}, **more,
        )  # fmt: skip
        fits = {
            number
            for number, query in enumerate(self.machine.queries)
            if query.text in ("", f"event:{event}")
        }
        return self.machine.take(seen, self.clock, fits)

    def tick(self, second: float) -> list[Decision]:
        self.clock = max(self.clock, at(second))
        return self.machine.tick(self.clock, (self.place, 0))

    def fires(self, told: str) -> list[float]:
        """Take `a@0 b@3 a:ml@5`, and `@20` for the clock alone; return when it fired."""
        fired = []
        for one in told.split():
            event, _, second = one.partition("@")
            name, _, team = event.partition(":")
            when = float(second)
            decisions = self.take(name, when, team=team) if name else self.tick(when)
            fired += [seconds(decision.fired) for decision in decisions]
        return fired


__all__ = ["NOON", "SECOND", "Feeding", "at", "seconds"]
