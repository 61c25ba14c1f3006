"""The follower that lets automations fire: exactly once, across crashes and restarts.

It reads the log once for all of them. What fires is written at once, with the position. What they
remember is in memory, and is written with its own place as often as it is a small part of the work.
After a crash, or when writing fails, memory is read again: the events behind its place come again,
with the ticks, and lead to the same decisions, of which those that stand already are left out.

The clock is the running maximum of `received` in the order of the log. now() carries it on only
where nothing is left to read; where that decides something that the log alone would decide
otherwise, a tick says so.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from heapq import heappop, heappush
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from apps.automations import taking_down
from apps.automations.decision import EPOCH, Decision, Place, micros
from apps.automations.firing import depth_of
from apps.automations.index import Index
from apps.automations.keeping import machine_of, switch
from apps.automations.machine import Machine
from apps.automations.manners import Manners
from apps.automations.models import Automation, Clock, Tick
from apps.automations.reading import BadTrigger
from apps.events.audit import SOURCE
from apps.events.follower import MOST_EVENTS, MOST_SECONDS, PART, PLACE
from apps.events.imported import tell_imported
from apps.events.log import ABOVE, head_sync, read_on
from apps.events.models import Event, Source
from apps.query import Query
from apps.query.terms import ReadTerms

logger = logging.getLogger(__name__)

NAME = "automations"
# Who is said to have switched an automation off that failed.
FAILED = "Eventfeed, because it failed"
# Seconds between two looks at which automations there are, between two writings of the position
# when nothing fires, and between two of what is remembered, which may take a tenth of the time.
LOOK_EVERY = 1.0
WRITE_EVERY = 1.0
KEEP_EVERY = 1.0
KEEPING_SHARE = 0.1
LONGEST_UNKEPT = 15.0
PRUNE_EVERY = 600.0

# What predicates and machines look at; the payload only when a query asks for it.
READS = frozenset(
    {"occurred", "received", "event", "resource", "related", "follows", "outcome", "system"}
    | {"source_id", "warnings", "terms"}
)
NOW = "SELECT clock_timestamp()"
KNOWN = "SELECT id, version, updated FROM automation WHERE enabled AND gone IS NULL"


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
    write_at: float = field(default_factory=lambda: time.monotonic() + WRITE_EVERY)
    keep_at: float = field(default_factory=lambda: time.monotonic() + KEEP_EVERY)


class Watching:
    """The follower `automations`, which has a pace of its own."""

    name = NAME

    def __init__(self) -> None:
        self.memory: Memory | None = None
        self.prune_at = time.monotonic() + PRUNE_EVERY

    def step(self) -> int:
        """Take the next events, write what is to be written, and return how many there were."""
        try:
            return self._step()
        except BaseException:
            self.memory = None
            raise

    def forget(self) -> None:
        """Throw away what is in memory: all that matters is written down."""
        self.memory = None

    def _step(self) -> int:
        memory = self.memory = self.memory or remembered()
        look(memory)
        handled = read_some(memory) if memory.watched else skip(memory)
        if not handled:
            stand(memory)
        is_time = time.monotonic() >= memory.write_at and has_changed(memory)
        if memory.decided or memory.failed or is_time:
            write(memory)
        self._prune()
        return handled

    def _prune(self) -> None:
        if time.monotonic() >= self.prune_at:
            self.prune_at = time.monotonic() + PRUNE_EVERY
            taking_down.prune()


# Beginning


def remembered() -> Memory:
    """Read where the follower stands; a new one stands at the head of the log."""
    with connection.cursor() as cursor:
        cursor.execute(PLACE, [NAME])
        place = cursor.fetchone()
    clock = Clock.objects.filter(id=1).first()
    if place is None or clock is None:
        return Memory(place=place or head_sync()[1:], written=place, clock=EPOCH)
    kept = clock.place or place
    return Memory(
        place=kept,
        written=place,
        clock=clock.at,
        carried=clock.carried,
        kept=kept,
        ticked=deque(taking_down.ticks_from(kept, clock.at)),
        until=place,
    )


def look(memory: Memory) -> None:
    """Take up, once a second, what people have changed."""
    if time.monotonic() - memory.looked < LOOK_EVERY and memory.looked:
        return
    memory.looked = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(KNOWN)
        known = {id: (version, updated) for id, version, updated in cursor.fetchall()}
    held = {
        id: (one.automation.version, one.automation.updated) for id, one in memory.watched.items()
    }
    if known == held:
        return
    changed = [id for id in known if held.get(id) != known[id]]
    for id in held.keys() - known.keys():
        del memory.watched[id]
    taking_down.forget_others()
    take_up(memory, list(Automation.objects.filter(id__in=changed, enabled=True, gone=None)))
    draw_up_index(memory)


def take_up(memory: Memory, automations: Sequence[Automation]) -> None:
    fired = taking_down.fired_lately(automations, memory.clock)
    states = taking_down.states_of(automations)
    new: list[Watched] = []
    for automation in automations:
        held = memory.watched.get(automation.id)
        if held is not None and held.automation.version == automation.version:
            held.automation = automation
            held.manners.reread(automation)
            continue
        try:
            machine = machine_of(automation)
        except BadTrigger as bad:
            logger.error("The automation %s is unreadable, not followed: %s", automation.id, bad)
            memory.watched.pop(automation.id, None)
            continue
        watched = Watched(automation, machine, Manners.of(automation, fired[automation.id]))
        memory.watched[automation.id] = watched
        if automation.id in states:
            machine.load(states[automation.id])
            note_due(memory, watched)
        else:
            watched.is_new = memory.changed = True
            new.append(watched)
    if new:
        catch_up(memory, new)


def catch_up(memory: Memory, new: Sequence[Watched]) -> None:
    """Show automations what has come since they were switched on, and the others have seen."""
    before = Memory(place=min(one.start for one in new), written=None, clock=EPOCH)
    before.watched = {one.automation.id: one for one in new}
    draw_up_index(before)
    while events := [
        event
        for event in read_on(before.place, PART, reads=before.reads)
        if (event.tx, event.seq) <= memory.place
    ]:
        tell_imported(events)
        for event in events:
            take(before, event)
    for watched in list(before.watched.values()):
        with apart(before, watched):
            decisions = watched.machine.tick(memory.clock, memory.place)
            decide(before, watched, decisions, memory.clock)
            note_due(memory, watched)
    memory.decided += before.decided
    memory.failed += before.failed
    for automation in before.failed:
        memory.watched.pop(automation.id, None)


def draw_up_index(memory: Memory) -> None:
    """Ask each distinct query once, whoever asks it."""
    asked: dict[str, tuple[Query, list[tuple[UUID, int]]]] = {}
    for id, watched in memory.watched.items():
        for number, query in enumerate(watched.machine.queries):
            _, who = asked.setdefault(query.text or repr(query.clauses), (query, []))
            who.append((id, number))
    queries = [query for query, _ in asked.values()]
    memory.index = Index(queries)
    memory.asked = [who for _, who in asked.values()]
    memory.reads = reads_of(queries)


def reads_of(queries: list[Query]) -> frozenset[str]:
    return READS | {"payload"} if any(query.reads_payload for query in queries) else READS


# Following


def read_some(memory: Memory) -> int:
    """Take the next events, not for long; return how many."""
    handled, end = 0, time.monotonic() + MOST_SECONDS
    while handled < MOST_EVENTS and time.monotonic() < end:
        events = read_on(memory.place, PART, reads=memory.reads)
        tell_imported(events)
        for event in events:
            take(memory, event)
        handled += len(events)
        if len(events) < PART:
            break
    return handled


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


def skip(memory: Memory) -> int:
    """Go to the head of the log, because nobody looks at what lies before."""
    memory.place = max(memory.place, head_sync()[1:])
    memory.ticked.clear()
    return 0


def stand(memory: Memory) -> None:
    """Let now() carry the clock on, where something is due and nothing is left to read."""
    tick_again(memory)
    memory.again = False
    if not memory.due:
        return
    with connection.cursor() as cursor:
        cursor.execute(NOW)
        [now] = cursor.fetchone()
        if memory.due[0][0] > now:
            return
        cursor.execute(ABOVE)
        [is_above] = cursor.fetchone()
    # What was committed before `now` is to be seen first.
    if is_above or read_on(memory.place, 1, reads=frozenset()):
        return
    before = len(memory.decided)
    if now > memory.clock:
        memory.clock, memory.carried = now, True
    if pass_time(memory, memory.place):
        memory.carried = memory.changed = True
    if len(memory.decided) > before:
        tick(memory)


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


# Writing


def has_changed(memory: Memory) -> bool:
    return memory.changed or not memory.place == memory.written == memory.kept


def write(memory: Memory) -> None:
    """Write what has fired and the position, in one transaction; what is remembered, in its time.

    Without what has fired it may be only the position.
    """
    is_kept = memory.kept is None or time.monotonic() >= memory.keep_at
    with transaction.atomic(), connection.cursor() as cursor:
        taking_down.firings(memory.decided)
        taking_down.ticks(memory.ticks)
        taking_down.position(memory.written, memory.place, cursor)
        for automation in memory.failed:
            switch(automation, on=False, by=FAILED)
        if is_kept:
            keep(memory, cursor)
    memory.decided, memory.failed, memory.ticks = [], [], []
    memory.written, memory.write_at = memory.place, time.monotonic() + WRITE_EVERY


def keep(memory: Memory, cursor: CursorWrapper) -> None:
    """Write what is remembered, and at which place of the log."""
    began = time.monotonic()
    taking_down.states(memory.watched.values(), cursor)
    taking_down.late(memory.watched.values(), memory.clock, cursor)
    taking_down.clock(memory.clock, memory.carried, memory.place)
    memory.kept, memory.changed, now = memory.place, False, time.monotonic()
    memory.keep_at = now + max(KEEP_EVERY, min((now - began) / KEEPING_SHARE, LONGEST_UNKEPT))


watching = Watching()
