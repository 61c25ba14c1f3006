"""How the follower takes up what people have changed, and what new automations have missed."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from apps.automations import taking_down
from apps.automations.decision import EPOCH
from apps.automations.following import apart, decide, note_due, take
from apps.automations.index import Index
from apps.automations.keeping import machine_of
from apps.automations.manners import Manners
from apps.automations.memory import READS, Memory, Watched
from apps.automations.models import Automation
from apps.automations.reading import BadTrigger
from apps.events.follower import PART
from apps.events.imported import tell_imported
from apps.events.log import read_on
from apps.query import Query

logger = logging.getLogger(__name__)

# Seconds between two looks at which automations there are.
LOOK_EVERY = 1.0
KNOWN = "SELECT id, version, updated FROM automation WHERE enabled AND gone IS NULL"


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
