"""What a process counts of its own work, and tells of itself in a row every few seconds.

Counting is adding to a number. Pages and metrics read the rows of all processes, so that any web
process can tell of all of them.
"""

import logging
import os
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from django.utils import timezone

from apps.events.models import Process

logger = logging.getLogger(__name__)

EVERY = 5.0
"""Seconds between two rows of a process."""
LATELY = 60.0
"""Seconds that the sums called `lately` look back."""
ALIVE = timedelta(seconds=20)
"""A process that has said nothing for so long is not there any more, or stands still."""
FORGOTTEN = timedelta(minutes=10)
MOST_SOURCES = 1_000
"""Of which a process tells each by itself."""


@dataclass
class Counters:
    """What only grows while a process lives."""

    stored: int = 0
    known: int = 0
    """Events that came again and were stored already."""
    batches: int = 0
    largest: int = 0
    """Events in the largest batch."""
    away: int = 0
    """Requests that were given up because the database was away."""
    refused: Counter[int] = field(default_factory=Counter)
    """Requests that found no room in the queue, by source."""
    told: Counter[str] = field(default_factory=Counter)
    """Rows handed to viewers, by the name of their source."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Messages and events refused for good, by what was wrong with them."""

    def batch(self, stored: int, of: int) -> None:
        self.batches += 1
        self.stored += stored
        self.known += of - stored
        self.largest = max(self.largest, of)

    def overloaded(self, source_id: int) -> None:
        self.refused[source_id] += 1

    def tell(self, sources: Iterable[str]) -> None:
        self.told.update(sources)

    def reject(self, why: str) -> None:
        self.rejected[why] += 1


counters = Counters()
# What is so just now, asked when a row is written: each part of Eventfeed adds its own, a number or
# numbers by names.
gauges: dict[str, Callable[[], Any]] = {}


def sums(counted: Counters) -> dict[str, Any]:
    """Return counters and gauges as a row holds them."""
    # Copied at once: the loop goes on counting while a thread writes them down.
    return {
        "stored": counted.stored,
        "known": counted.known,
        "batches": counted.batches,
        "largest": counted.largest,
        "away": counted.away,
        "refused": by_name(counted.refused),
        "told": by_name(counted.told),
        "rejected": by_name(counted.rejected),
        **{name: gauge() for name, gauge in gauges.items()},
    }


def by_name(counted: Counter[Any]) -> dict[str, int]:
    return {str(name): count for name, count in counted.copy().most_common(MOST_SOURCES)}


@dataclass
class Told:
    """What this process told of itself at one moment."""

    at: float
    stored: int
    refused: dict[str, int]
    told: dict[str, int]


@dataclass
class Life:
    """This process, as its row knows it."""

    name: str
    id: UUID = field(default_factory=uuid4)
    started: datetime = field(default_factory=timezone.now)
    lately: deque[Told] = field(default_factory=deque)

    def row(self) -> Process:
        """Say how things stand, and what has come of them within a minute."""
        now = time.monotonic()
        told = sums(counters)
        while len(self.lately) > 1 and self.lately[1].at <= now - LATELY:
            self.lately.popleft()
        before = self.lately[0] if self.lately else Told(now, 0, {}, {})
        self.lately.append(Told(now, told["stored"], told["refused"], told["told"]))
        told["lately"] = {
            "seconds": round(now - before.at, 3),
            "stored": told["stored"] - before.stored,
            "refused": since(before.refused, told["refused"]),
            "told": since(before.told, told["told"]),
        }
        return Process(
            id=self.id,
            name=self.name,
            pid=os.getpid(),
            host=socket.gethostname(),
            started=self.started,
            seen=timezone.now(),
            counters=told,
        )

    def tell(self) -> None:
        """Write the row, and forget processes that have long been silent."""
        row = self.row()
        row.save()
        Process.objects.filter(seen__lt=row.seen - FORGOTTEN).delete()

    def end(self) -> None:
        Process.objects.filter(id=self.id).delete()


def since(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    grown = {name: count - before.get(name, 0) for name, count in now.items()}
    return {name: count for name, count in grown.items() if count}


class Teller:
    """Tells of this process until it ends, from a thread of its own.

    A daemon, because a database that stands still must not keep a process from ending.
    """

    LEAVE = 1.0
    """Seconds that the last word may take."""

    def __init__(self, name: str) -> None:
        self.life = Life(name)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="counters", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(self.LEAVE)

    def _tell(self) -> None:
        _try(self.life.tell)
        while not self._stop.wait(EVERY):
            _try(self.life.tell)
        _try(self.life.end)


def _try(say: Callable[[], None]) -> None:
    try:
        say()
    except Exception as error:
        logger.info("This process could not tell of itself: %s", error)
    finally:
        connection.close()
