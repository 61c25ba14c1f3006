"""The same firings live, by a fold of the log, after crashes, and with the batches cut anyhow.

Random automations follow random events that are late, out of order, and received out of order. The
follower is stopped between any two steps, with or without having written; now() carries the clock
between the events. What has fired must be what a machine decides that is handed the events that fit
it, in the order of the log, with the ticks.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection

from apps.automations import taking_down, taking_up
from apps.automations import watching as follower
from apps.automations.backtest import Backtest
from apps.automations.decision import EPOCH
from apps.automations.keeping import machine_of, save
from apps.automations.memory import READS, Seen
from apps.automations.models import Automation, Clock, Firing, Tick
from apps.automations.watching import Watching
from apps.events.log import read_on
from apps.events.models import Event, Source
from apps.events.record import record
from apps.query.terms import ReadTerms
from tests.events.telling import told
from tests.events.waiting import until_final

NAMES, TEAMS = "abc", "xy"
RANGE = 240
# Ahead of the real clock, which our own events are received by: that never moves the clock here.
BASE = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)


class Crash(Exception):
    pass


def leaf(chance: Random) -> dict[str, Any]:
    kind = chance.choice(["presence", "absence", "absence", "metric"])
    query = f"event:{chance.choice(NAMES)}"
    split = {"for_each": chance.choice([[], ["label.team"], ["resource"]])}
    if kind == "metric":
        return {
            **{"type": kind, "query": "", "metric": chance.choice(["success", "duration"])},
            **{"operator": chance.choice("<>"), "threshold": chance.choice([0.5, 20])},
            **{"over": 60, "breached_for": chance.choice([0, 20]), **split},
        }
    within = chance.choice([10, 15, 40]) if kind == "absence" else chance.choice([0, 10, 40])
    said = {"type": kind, "query": query, "within": within, "times": chance.choice([1, 1, 2, 3])}
    if chance.random() < 0.5:
        said["after"] = f"event:{chance.choice(NAMES)}"
    return said | split


def trigger(chance: Random, depth: int = 0) -> dict[str, Any]:
    if depth == 2 or chance.random() < 0.7:
        return leaf(chance)
    parts = [trigger(chance, depth + 1) for _ in range(chance.choice([2, 2, 3]))]
    said = {"within": chance.choice([None, 20, 60]), "triggers": parts}
    if chance.random() < 0.5:
        return said | {"type": "sequence"}
    return said | {"type": "compound", "require": chance.choice(["any", "all", 2])}


def happen(chance: Random, source: Source, start: float, end: float) -> None:
    """Record events that were received in this time, more or less, and say when."""
    for _ in range(chance.randrange(1, 4)):
        drafts, received = [], {}
        for _ in range(chance.randrange(1, 9)):
            second = chance.uniform(start, end)
            delay = chance.choice([0, 0, 0, 1, 5, 30, 200, 1000])
            draft = told(
                chance.choice(NAMES),
                resource=f"r.{chance.randrange(4)}",
                labels={"team": chance.choice(TEAMS)},
                occurred=BASE + timedelta(seconds=second - delay),
                outcome=chance.choice([1, 2, 2, 3]),
            )
            received[draft.id] = BASE + timedelta(seconds=second + chance.choice([0, 0, 2]))
            drafts.append(draft)
        record(drafts, source_id=source.pk)
        with connection.cursor() as cursor:
            for id, moment in received.items():
                cursor.execute("UPDATE event SET received = %s WHERE id = %s", [moment, id])
    until_final()


def live(chance: Random, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let things happen in turns with the follower, which crashes now and then."""
    watching, second = Watching(), 0.0
    watching.step()
    while second < RANGE:
        length = chance.uniform(1, 40)
        happen(chance, source, second, second + length)
        second += length + chance.choice([0, 0, 5, 20])
        now = BASE + timedelta(seconds=second - chance.choice([0, 0, 3, 10]))
        monkeypatch.setattr(follower, "NOW", f"SELECT '{now.isoformat()}'::timestamptz")
        part = chance.choice([1, 3, 10, 250])
        monkeypatch.setattr(follower, "PART", part)
        monkeypatch.setattr(taking_up, "PART", part)
        monkeypatch.setattr(follower, "MOST_EVENTS", chance.choice([1, 10, 1000]))
        # Between writings memory is ahead of the database, so a crash loses something.
        monkeypatch.setattr(follower, "WRITE_EVERY", chance.choice([0.0, 0.0, 3600.0]))
        monkeypatch.setattr(follower, "KEEP_EVERY", chance.choice([0.0, 3600.0, 3600.0]))
        crashes = Crashes(chance, monkeypatch)
        while crashes.step(watching):
            pass
    monkeypatch.setattr(follower, "WRITE_EVERY", 0.0)
    monkeypatch.setattr(follower, "KEEP_EVERY", 0.0)
    monkeypatch.setattr(follower, "LONGEST_UNKEPT", 0.0)
    watching.forget()
    while watching.step():
        until_final()


@dataclass
class Crashes:
    """Steps of the follower, some of which end in a crash."""

    chance: Random
    monkeypatch: pytest.MonkeyPatch
    left: int = 6
    """Not more, because what is not kept is lost with each."""

    def step(self, watching: Watching) -> bool:
        """Take a step, and tell whether another is to come."""
        if self.chance.random() < 0.2:
            return self._step_that_crashes(watching)
        handled = watching.step()
        if self.chance.random() < 0.3 and self._may_crash():
            watching.forget()
            return True
        return handled > 0

    def _step_that_crashes(self, watching: Watching) -> bool:
        if not self._may_crash():
            return watching.step() > 0
        with self.monkeypatch.context() as patch:
            name = self.chance.choice(["late", "clock", "ticks", "position"])
            patch.setattr(taking_down, name, crash)
            with suppress(Crash):
                watching.step()
        return True

    def _may_crash(self) -> bool:
        self.left -= 1
        return self.left >= 0


def crash(*_: Any) -> None:
    raise Crash


def folded(automation: Automation, ticks: Sequence[Tick]) -> dict[Any, Any]:
    """Hand over the events that fit, and the ticks, in the order of the log."""
    machine, clock, found = machine_of(automation), EPOCH, []
    left = sorted(ticks, key=lambda tick: (tick.tx, tick.seq, tick.at))
    for event in read_on((automation.start_tx, automation.start_seq), 10_000, reads=READS):
        while left and (left[0].tx, left[0].seq) < (event.tx, event.seq):
            tick = left.pop(0)
            clock = max(clock, tick.at)
            found += machine.tick(clock, (tick.tx, tick.seq))
        clock = max(clock, event.received)
        fits = {
            number
            for number, query in enumerate(machine.queries)
            if query.matches(event, ReadTerms(event.terms))
        }
        if fits:
            found += machine.take(Seen(event), clock, fits)
    last = Event.objects.order_by("tx", "seq").last()
    for tick in left:
        found += machine.tick(clock := max(clock, tick.at), (tick.tx, tick.seq))
    found += machine.tick(clock, (last.tx, last.seq))
    return {one.id: (one.kind, one.fired, one.why, one.key, one.count) for one in found}


@pytest.mark.parametrize("seed", range(6))
def test_same_firings_however_the_follower_runs(
    seed: int, source: Source, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(taking_up, "LOOK_EVERY", 0.0)
    chance = Random(seed)
    automations = []
    for number in range(6):
        automations.append(
            Automation(name=str(number), trigger=trigger(chance), most_a_minute=0, late=300)
        )
        save(automations[-1])
    # They began where the simulated time does.
    Automation.objects.update(started=BASE)
    live(chance, source, monkeypatch)
    ticks, fired = list(Tick.objects.all()), 0
    for automation in Automation.objects.all():
        told_of = {
            firing.id: (firing.kind, firing.fired, firing.why, firing.key, firing.count)
            for firing in Firing.objects.filter(automation=automation)
        }
        assert told_of == folded(automation, ticks), automation.trigger
        tried = Backtest.from_its_start(automation, until=Clock.objects.get().at).run()
        assert tried.fired + tried.resolved == len(told_of), automation.trigger
        assert {firing.id for firing in tried.firings} <= told_of.keys()
        fired += len(told_of)
    assert fired
