"""How events and the clock move the automations that are watched, and what they decide."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from heapq import heappop, heappush
from uuid import UUID

from apps.automations.decision import Decision, Place
from apps.automations.memory import Decided, Memory, Seen, Watched
from apps.automations.models import Tick
from apps.events.models import Event, Source
from apps.query.terms import ReadTerms

logger = logging.getLogger(__name__)


def take(memory: Memory, event: Event) -> None:
    place = event.tx, event.seq
    tick_again(memory, place)
    memory.again = place <= memory.until
    received: datetime = event.received
    if received >= memory.clock:
        memory.clock, memory.carried = received, False
    elif memory.carried:
        # Without it the log alone would let this event come before what now() has decided.
        tick(memory)
    pass_time(memory, Place(*place))
    event.source_name = source_name(memory, event.source_id)
    seen: Seen | None = None
    for id, fits in fitting(memory, event).items():
        watched = memory.watched.get(id)
        if watched is None or place <= watched.start:
            continue
        seen = seen or Seen(event)
        with apart(memory, watched):
            decisions = watched.machine.take(seen, memory.clock, fits)
            decide(memory, watched, decisions, memory.clock)
            note_due(memory, watched)
    memory.place = place


def fitting(memory: Memory, event: Event) -> dict[UUID, set[int]]:
    """Return for whom an event is, and which of their queries it fits."""
    found: dict[UUID, set[int]] = {}
    for number in memory.index.fitting(event, ReadTerms(event.terms)):
        for id, own in memory.asked[number]:
            found.setdefault(id, set()).add(own)
    return found


def pass_time(memory: Memory, place: tuple[int, int]) -> bool:
    """Let automations decide what is due by the clock; return whether any had something due."""
    passed = False
    while memory.due and memory.due[0][0] <= memory.clock:
        due, version, id = heappop(memory.due)
        watched = memory.watched.get(id)
        if watched is None or watched.automation.version != version:
            continue
        if watched.machine.due() == due:
            with apart(memory, watched):
                decisions = watched.machine.tick(memory.clock, place)
                decide(memory, watched, decisions, memory.clock)
                note_due(memory, watched)
            passed = True
    return passed


def note_due(memory: Memory, watched: Watched) -> None:
    due = watched.machine.due()
    if due is not None:
        heappush(memory.due, (due, watched.automation.version, watched.automation.id))


def decide(memory: Memory, watched: Watched, decisions: list[Decision], clock: datetime) -> None:
    again = memory.again
    memory.decided += [Decided(watched, decision, clock, again) for decision in decisions]


@contextmanager
def apart(memory: Memory, watched: Watched) -> Iterator[None]:
    """Let an automation that fails stop by itself, and not the others with it."""
    try:
        yield
    except Exception:
        logger.exception("The automation %s failed and is switched off.", watched.automation.id)
        memory.failed.append(watched.automation)
        memory.watched.pop(watched.automation.id, None)


def source_name(memory: Memory, id: int) -> str:
    if id not in memory.sources:
        memory.sources = dict(Source.objects.values_list("id", "name"))
    return memory.sources.setdefault(id, "")


def tick(memory: Memory) -> None:
    """Note that the clock had come so far at this place."""
    memory.ticks.append(Tick(tx=memory.place[0], seq=memory.place[1], at=memory.clock))
    memory.carried = False


def tick_again(memory: Memory, before: tuple[int, int] | None = None) -> None:
    """Move the clock as now() moved it before a crash: before this event, or after all of them."""
    while memory.ticked and (before is None or memory.ticked[0].place < before):
        told = memory.ticked.popleft()
        memory.clock, memory.carried = max(memory.clock, told.at), False
        memory.again = memory.changed = True
        pass_time(memory, told.place)
