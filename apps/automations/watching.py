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

import time
from collections import deque

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from apps.automations import taking_down
from apps.automations.decision import EPOCH
from apps.automations.following import pass_time, take, tick, tick_again
from apps.automations.keeping import switch
from apps.automations.memory import Memory
from apps.automations.models import Clock
from apps.automations.taking_up import look
from apps.events.follower import MOST_EVENTS, MOST_SECONDS, PART, PLACE
from apps.events.imported import tell_imported
from apps.events.log import ABOVE, head_sync, read_on

NAME = "automations"
# Who is said to have switched an automation off that failed.
FAILED = "Eventfeed, because it failed"
# Seconds between two writings of the position when nothing fires, and between two of what is
# remembered, which may take a tenth of the time, but not wait longer than this.
WRITE_EVERY = 1.0
KEEP_EVERY = 1.0
KEEPING_SHARE = 0.1
LONGEST_UNKEPT = 15.0
PRUNE_EVERY = 600.0

NOW = "SELECT clock_timestamp()"


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
        memory = self.memory = self.memory or begun()
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


def begun() -> Memory:
    memory, now = remembered(), time.monotonic()
    memory.write_at, memory.keep_at = now + WRITE_EVERY, now + KEEP_EVERY
    return memory


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


def skip(memory: Memory) -> int:
    """Go to the head of the log, because nobody looks at what lies before.

    Stay where nothing has come since: what we write ourselves moves the head, too.
    """
    if memory.written is None or read_on(memory.place, 1, reads=frozenset()):
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
