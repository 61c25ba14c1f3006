"""Followers: whatever happens because of events, exactly once and in the order of the log."""

import time
from datetime import timedelta
from typing import NamedTuple, Protocol, runtime_checkable

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from apps.events.log import read_on
from apps.events.models import Event

# A follower's transaction holds every other reader's horizon back, so it is a short one.
MOST_EVENTS = 1_000
MOST_SECONDS = 0.2
PART = 250
# Counting how far behind it is ends here.
MOST_COUNTED = 10_000

START = (
    "INSERT INTO follower (name, tx, seq, moved) VALUES (%s, 0, 0, now()) ON CONFLICT DO NOTHING"
)
PLACE = "SELECT tx, seq FROM follower WHERE name = %s"
MOVE = """
    UPDATE follower SET tx = %s, seq = %s, moved = now()
    WHERE name = %s AND (tx, seq) = (%s, %s)
"""
BEHIND = """
    SELECT count(*), min(received) FROM (
        SELECT received FROM event WHERE (tx, seq) > (%s, %s) ORDER BY tx, seq LIMIT %s
    ) AS ahead
"""


class Follower(Protocol):
    """What follows the log. `handle` runs in the transaction that moves the position."""

    @property
    def name(self) -> str: ...
    @property
    def reads(self) -> frozenset[str]:
        """The columns it looks at: reading JSON that nobody needs is half the work."""
        ...

    def handle(self, events: list[Event], cursor: CursorWrapper) -> None: ...


@runtime_checkable
class Paced(Protocol):
    """What follows the log at a pace of its own: it reads, and moves its position, by itself."""

    @property
    def name(self) -> str: ...
    def step(self) -> int:
        """Take the next events and return how many; raises Moved."""
        ...


class Moved(Exception):
    """Another process has moved this follower: what was done here is rolled back."""


class Behind(NamedTuple):
    """How many events lie ahead of a follower, counted to a bound, and how old the oldest is."""

    events: int
    age: timedelta


def step(follower: Follower | Paced) -> int:
    """Handle the next events and move the position, in one transaction; return how many."""
    if isinstance(follower, Paced):
        return follower.step()
    handled = 0
    end = time.monotonic() + MOST_SECONDS
    with transaction.atomic(), connection.cursor() as cursor:
        start = place = _place(follower.name, cursor)
        while handled < MOST_EVENTS and time.monotonic() < end:
            events = read_on(place, PART, reads=follower.reads)
            if not events:
                break
            follower.handle(events, cursor)
            place = events[-1].position[1:]
            handled += len(events)
            if len(events) < PART:
                break
        if handled:
            _move(follower.name, start, place, cursor)
    return handled


def behind(name: str) -> Behind:
    """Tell how far behind the log a follower is."""
    with connection.cursor() as cursor:
        cursor.execute(BEHIND, [*_place(name, cursor), MOST_COUNTED])
        events, oldest = cursor.fetchone()
    return Behind(events, timezone.now() - oldest if oldest else timedelta())


def _place(name: str, cursor: CursorWrapper) -> tuple[int, int]:
    """Where the follower stands; a new one stands before the first event."""
    cursor.execute(PLACE, [name])
    place = cursor.fetchone()
    return place or (0, 0)


def _move(name: str, start: tuple[int, int], to: tuple[int, int], cursor: CursorWrapper) -> None:
    if start == (0, 0):
        cursor.execute(START, [name])
    cursor.execute(MOVE, [*to, name, *start])
    if cursor.rowcount != 1:
        raise Moved(f"{name} was moved by another process; this one steps back.")
