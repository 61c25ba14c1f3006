"""The worker's loop: the followers in turn, woken by commits; housekeeping beside it."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from django.db import InterfaceError, OperationalError, connection

from apps.events.absence import Absence, one_line
from apps.events.counters import Teller
from apps.events.follower import MOST_EVENTS, Follower, Paced, step
from apps.events.housekeeping import keep_house
from apps.events.log import ABOVE, CHANNEL, CHECK, SOON, TICK, later
from apps.events.steps import took
from eventfeed.database import dsn

logger = logging.getLogger(__name__)

AWAY = 1.0
# Seconds between the beginnings of steps: many small steps cost more than a few.
PACE = 0.2
# A follower that fails is tried again after this, doubled each time up to a minute.
REST = 1.0
LONGEST_REST = 60.0
# Another process may end and leave its followers to us.
CLAIM_EVERY = 10.0
# Commits are told of, so without one it is enough to look at every so many ticks.
LOOK_EVERY = 5
CLAIM = "SELECT pg_try_advisory_lock(hashtext('eventfeed.worker'), hashtext(%s))"
HOUSEKEEPING = "housekeeping"


def run_worker(followers: Sequence[Follower | Paced], stop: threading.Event) -> None:
    """Run the followers and the housekeeping until stopped, through any loss of the database."""
    ours, written = threading.Event(), threading.Event()
    house = threading.Thread(target=keep_house, args=[stop, ours, written], name="housekeeping")
    house.start()
    teller = Teller("worker")
    teller.start()
    absence = Absence("The worker", logger)
    while not stop.is_set():
        try:
            with psycopg.connect(dsn(), autocommit=True, connect_timeout=3) as conn:
                absence.end()
                Shift(conn, followers, stop, ours, written).run()
        except (psycopg.Error, OSError) as error:
            absence.begin(error)
            # The followers' connection is as dead, and would be found so only when all is well.
            connection.close()
            ours.clear()
            stop.wait(AWAY)
    house.join()
    teller.stop()


@dataclass
class Resting:
    """When a follower that failed is tried again."""

    until: float = 0.0
    pause: float = field(default_factory=lambda: REST)

    def longer(self) -> None:
        self.until = time.monotonic() + self.pause
        self.pause = min(self.pause * 2, LONGEST_REST)


@dataclass
class Shift:
    """The worker's life on one connection, which holds its locks and hears of commits."""

    conn: psycopg.Connection
    followers: Sequence[Follower | Paced]
    stop: threading.Event
    ours: threading.Event
    written: threading.Event
    claimed: set[str] = field(default_factory=set)
    claim_at: float = 0.0
    resting: dict[str, Resting] = field(default_factory=dict)
    soon: float = SOON
    idle: int = 0
    """Ticks since something was handled or told of."""

    def run(self) -> None:
        self.conn.execute(CHECK)
        self.conn.execute(f"LISTEN {CHANNEL}")
        while not self.stop.is_set():
            self._claim()
            began = time.monotonic()
            handled = max((self._step(follower) for follower in self._awake()), default=0)
            if not handled:
                self._wait()
                continue
            self.idle = 0
            if handled < MOST_EVENTS:
                self.stop.wait(max(0.0, began + PACE - time.monotonic()))

    def _awake(self) -> Sequence[Follower | Paced]:
        """Return who looks now: those with a pace of their own always, as time passes for them.

        The first tick is for all: what lay above the horizon may have come below it meanwhile.
        """
        if self.idle < 2 or self.idle % LOOK_EVERY == 0 or self.resting:
            return self.followers
        return [follower for follower in self.followers if isinstance(follower, Paced)]

    def _claim(self) -> None:
        """Take what no other process holds: a follower runs in one at a time."""
        names = {HOUSEKEEPING, *(follower.name for follower in self.followers)} - self.claimed
        if not names or time.monotonic() < self.claim_at:
            return
        self.claim_at = time.monotonic() + CLAIM_EVERY
        for name in names:
            row = self.conn.execute(CLAIM, [name]).fetchone()
            if row == (True,):
                self.claimed.add(name)
                self.idle = 0
        if HOUSEKEEPING in self.claimed:
            self.ours.set()

    def _step(self, follower: Follower | Paced) -> int:
        """Let a follower take a step when it is ours and rested."""
        resting = self.resting.get(follower.name)
        if follower.name not in self.claimed or (resting and resting.until > time.monotonic()):
            return 0
        try:
            handled = step(follower)
        except Exception as error:
            self._rest(follower, error)
            return 0
        took(follower.name)
        if self.resting.pop(follower.name, None):
            logger.warning("The follower %s goes on.", follower.name)
        return handled

    def _rest(self, follower: Follower | Paced, error: Exception) -> None:
        connection.close_if_unusable_or_obsolete()
        if isinstance(error, OperationalError | InterfaceError):
            if follower.name not in self.resting:
                said = one_line(error)
                logger.warning("The follower %s waits for the database: %s", follower.name, said)
            self.resting[follower.name] = Resting(time.monotonic() + REST)
        else:
            logger.error("%s failed; the same events come again.", follower.name, exc_info=error)
            self.resting.setdefault(follower.name, Resting()).longer()

    def _wait(self) -> None:
        """Wait for a commit, for what lies above the horizon, or for a second."""
        if self.soon and self.conn.execute(ABOVE).fetchone() == (True,):
            self.stop.wait(self.soon)
            self.soon = later(self.soon)
            return
        self.soon, self.idle = 0.0, self.idle + 1
        for _ in self.conn.notifies(timeout=TICK, stop_after=1):
            self.soon, self.idle = SOON, 0
            self.written.set()
