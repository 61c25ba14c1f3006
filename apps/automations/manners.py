"""When a firing does nothing, and why: muted, in maintenance, cooling, a loop, a dry run."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.automations.decision import Decision
from apps.automations.models import Automation, Firing
from apps.automations.reading import BadTrigger, Place

MINUTE = timedelta(minutes=1)
# So many automations may fire one after another.
MOST_DEPTH = 8
MOST_WINDOWS = 50
# Which keys have fired lately is remembered of so many.
MOST_FIRED = 10_000


class BadMaintenance(BadTrigger):
    """What is wrong with the windows of maintenance, and where: `maintenance[0].zone`."""


@dataclass(frozen=True)
class Maintenance:
    """A time of the day, on some weekdays, that begins where it ends on the next day if earlier."""

    weekdays: frozenset[int]
    """Monday is 0; on which it begins."""
    start: time
    end: time
    zone: ZoneInfo

    def holds(self, moment: datetime) -> bool:
        local = moment.astimezone(self.zone)
        told, today = local.time(), local.weekday()
        if self.start < self.end:
            return today in self.weekdays and self.start <= told < self.end
        if told >= self.start:
            return today in self.weekdays
        return told < self.end and (today - 1) % 7 in self.weekdays


def read_maintenance(said: Any) -> list[Maintenance]:
    """Read `[{"weekdays": [5, 6], "from": "22:00", "until": "06:00", "zone": "UTC"}]`.

    Without weekdays it is each day, without a zone UTC; raises BadMaintenance.
    """
    try:
        places = Place(said, "maintenance").each()
        if len(places) > MOST_WINDOWS:
            Place(said, "maintenance").fail(f"There are {MOST_WINDOWS} windows at most.")
        return [_maintenance(place) for place in places]
    except BadTrigger as bad:
        raise BadMaintenance(bad.path, bad.say) from None


def _maintenance(place: Place) -> Maintenance:
    place.object("weekdays", "from", "until", "zone")
    days, zone = place.at("weekdays"), place.at("zone")
    weekdays = range(7) if days.is_absent else [one.whole(least=0, most=6) for one in days.each()]
    return Maintenance(
        weekdays=frozenset(weekdays),
        start=_time(place.at("from")),
        end=_time(place.at("until")),
        zone=_zone(zone) if zone.value else ZoneInfo("UTC"),
    )


def _time(place: Place) -> time:
    try:
        told = time.fromisoformat(place.text())
    except ValueError:
        place.fail("Write a time of the day: 22:00.")
    if told.tzinfo is not None:
        place.fail("Write the time alone; its zone has a place of its own.")
    return told


def _zone(place: Place) -> ZoneInfo:
    name = place.text()
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        place.fail(f"“{name}” is no time zone: write one like Europe/Berlin.")


@dataclass
class Speaker:
    """The firing that says how many more there were in the minute that begins with it."""

    id: UUID
    until: datetime
    more: int = 0


class Judged(NamedTuple):
    """What becomes of a decision."""

    silent: str
    """Why nothing is done, "" when something is."""
    speaker: Speaker | None = None
    """Who stands for it, because it is one too many: the firing itself, or one before."""
    only_counted: bool = False
    """Whether it is one before."""


@dataclass
class Manners:
    """What an automation remembers of its firings, so that it fires in good measure."""

    maintenance: list[Maintenance] = field(default_factory=list)
    lately: dict[bool, deque[datetime]] = field(
        default_factory=lambda: {False: deque(), True: deque()}
    )
    """The clock at the firings of the last minute, of the silent ones apart."""
    speaker: dict[bool, Speaker] = field(default_factory=dict)
    """Who spoke last for those beyond the most of a minute, of both."""
    fired: dict[str, datetime] = field(default_factory=dict)
    """When each key fired last and something was done."""

    @classmethod
    def of(cls, automation: Automation, firings: Iterable[Firing] = ()) -> Manners:
        """Begin with the firings there are, the oldest first."""
        manners = cls()
        manners.reread(automation)
        for firing in firings:
            if firing.kind != Firing.Kind.TRIGGERED:
                continue
            is_silent = bool(firing.silent)
            if firing.speaks_until is None:
                manners.lately[is_silent].append(firing.fired)
            else:
                speaker = Speaker(firing.id, firing.speaks_until, firing.more)
                manners.speaker[is_silent] = speaker
            if not is_silent:
                manners.fired[_key(firing.key)] = firing.fired
        return manners

    def reread(self, automation: Automation) -> None:
        """Take up what a person has changed."""
        try:
            self.maintenance = read_maintenance(automation.maintenance)
        except BadMaintenance:
            self.maintenance = []

    def judge(self, automation: Automation, decision: Decision, clock: datetime) -> Judged:
        """Say whether something is done, at this clock and not when it was due; remember that."""
        said = self._why(automation, decision, clock)
        if decision.kind != Firing.Kind.TRIGGERED:
            return Judged(said)
        is_silent = bool(said)
        speaker = self.speaker.get(is_silent)
        if self._is_too_many(automation, clock, is_silent=is_silent):
            if speaker is not None and clock < speaker.until:
                return Judged(said, speaker, only_counted=True)
            speaker = self.speaker[is_silent] = Speaker(decision.id, clock + MINUTE)
        else:
            self.lately[is_silent].append(clock)
            speaker = None
        if not said and automation.cooldown:
            if len(self.fired) >= MOST_FIRED:
                self.fired.pop(next(iter(self.fired)))
            self.fired[_key(decision.key)] = decision.fired
        return Judged(said, speaker)

    def _is_too_many(self, automation: Automation, clock: datetime, *, is_silent: bool) -> bool:
        lately = self.lately[is_silent]
        while lately and lately[0] <= clock - MINUTE:
            lately.popleft()
        most = automation.most_a_minute
        return bool(most) and len(lately) >= most

    def _why(self, automation: Automation, decision: Decision, clock: datetime) -> str:
        if decision.depth >= MOST_DEPTH:
            return f"A loop: {decision.depth} automations fired one after another up to this."
        if automation.dry_run:
            return "A dry run."
        if automation.muted_until is not None and automation.muted_until > clock:
            return f"Muted until {automation.muted_until:%Y-%m-%d %H:%M} UTC."
        if any(one.holds(clock) for one in self.maintenance):
            return "Maintenance."
        if decision.kind == "triggered" and self._is_cooling(automation, decision):
            return f"It fired less than {automation.cooldown:,} seconds before."
        return ""

    def _is_cooling(self, automation: Automation, decision: Decision) -> bool:
        last = self.fired.get(_key(decision.key))
        return last is not None and decision.fired < last + timedelta(seconds=automation.cooldown)


def _key(key: Mapping[str, str]) -> str:
    return json.dumps(key, sort_keys=True)
