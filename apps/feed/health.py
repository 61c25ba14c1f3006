"""How Eventfeed is: what its processes, its database and its followers say of themselves."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from apps.automations.doing.backlog import Backlog, backlog
from apps.events import follower, log
from apps.events.counters import ALIVE
from apps.events.follower import MOST_COUNTED
from apps.events.looking import Look
from apps.events.models import FollowerPosition, Process
from apps.events.partitions import DEFAULT, partitions, sizes
from apps.events.steps import ages_among

LONGEST = 3.0
"""Seconds after which a database that says nothing does not answer."""
LATELY = timedelta(minutes=5)
DAY = timedelta(days=1)
MOST_WRITERS = 5
LONGEST_QUERY = 120

FLOWS = """
    SELECT source.id, source.name, source.system, seen.events, seen.last, seen.lag,
        coalesce(minutes.lately, 0), coalesce(minutes.today, 0)
    FROM source
    LEFT JOIN source_seen AS seen ON seen.source_id = source.id
    LEFT JOIN (
        SELECT source_id, sum(events) FILTER (WHERE minute >= %s) AS lately, sum(events) AS today
        FROM source_minute WHERE minute >= %s GROUP BY source_id
    ) AS minutes ON minutes.source_id = source.id
    ORDER BY minutes.lately DESC NULLS LAST, seen.last DESC NULLS LAST, source.name
"""
REJECTED = """
    SELECT reason, source_id, source.name, count(*), max(received),
        count(*) FILTER (WHERE received >= %s)
    FROM rejection JOIN source ON source.id = source_id
    WHERE received >= %s AND NOT stored
    GROUP BY reason, source_id, source.name ORDER BY count(*) DESC, max(received) DESC
"""
ABOVE = """
    SELECT count(*), min(received) FROM (
        SELECT received FROM event WHERE tx >= %s ORDER BY tx, seq LIMIT %s
    ) AS above
"""
# Transactions that have written: any in the cluster holds the horizon, in other databases too.
WRITERS = """
    SELECT pid::text, coalesce(nullif(application_name, ''), usename::text, ''),
        coalesce(datname::text, ''), state, clock_timestamp() - xact_start, query_start,
        left(query, 500)
    FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL
    SELECT gid, owner::text, database::text, 'prepared', clock_timestamp() - prepared, NULL, ''
    FROM pg_prepared_xacts
    ORDER BY 5 DESC NULLS LAST LIMIT %s
"""
# A string as it is written, with a backslash or between dollars too; the last one may be cut.
LITERAL = re.compile(r"'(?:[^'\\]|''|\\.)*'?|\$(\w*)\$.*?(?:\$\1\$|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Flow:
    """What a source sends, and what viewers are told of it."""

    source_id: int
    name: str
    system: str
    events: int
    last: datetime | None
    lag: float | None
    lately: int
    """Events of the last five minutes."""
    today: int
    told: int = 0
    """Rows handed to viewers within about a minute."""
    refused: int = 0
    """Requests of about a minute that found no room in the queue."""


@dataclass(frozen=True)
class Rejections:
    """What was refused for one reason, of one source, within a day."""

    reason: str
    source_id: int
    source: str
    count: int
    newest: datetime
    within_hour: int


@dataclass(frozen=True)
class Place:
    """A follower of the log, and how far behind it is."""

    name: str
    tx: int
    seq: int
    moved: datetime
    events: int
    age: timedelta

    @property
    def is_more(self) -> bool:
        """Whether so many lie ahead that they were not counted to the end."""
        return self.events >= MOST_COUNTED


@dataclass(frozen=True)
class Part:
    """A partition and its size; without a time, the one for what lies outside the others."""

    name: str
    start: datetime | None
    end: datetime | None
    events: int
    bytes: int


@dataclass(frozen=True)
class Disk:
    """What all tables take, and how much room is left where PostgreSQL is ours."""

    used: int
    left: int | None = None
    of: int | None = None


@dataclass(frozen=True)
class Writer:
    """A transaction that has written and has not ended."""

    pid: str
    who: str
    database: str
    state: str
    age: timedelta
    query_start: datetime | None
    query: str


@dataclass(frozen=True)
class Held:
    """What is stored and may not be shown yet, and the transactions that hold it back."""

    events: int
    age: timedelta
    writers: Sequence[Writer]


@dataclass(frozen=True)
class Found:
    """How things stood at one moment."""

    at: datetime
    processes: Sequence[Process] = ()
    flows: Sequence[Flow] = ()
    rejections: Sequence[Rejections] = ()
    followers: Sequence[Place] = ()
    parts: Sequence[Part] = ()
    disk: Disk = field(default_factory=lambda: Disk(0))
    held: Held = field(default_factory=lambda: Held(0, timedelta(), ()))
    outbox: Backlog = field(default_factory=Backlog)

    @property
    def steps(self) -> dict[str, float]:
        """How many seconds ago each part of the worker took its last step."""
        return ages_among(self.processes, self.at)

    @property
    def alive(self) -> list[Process]:
        return [one for one in self.processes if self.at - one.seen <= ALIVE]


class Away(Exception):
    """The database says nothing, or that it cannot be reached."""


def look_around() -> Found:
    """Return how things stand, within three seconds; raises Away."""
    try:
        return _look.begin().result(LONGEST)
    except TooLate:
        raise Away("PostgreSQL does not answer.") from None
    except Error as error:
        raise Away(f"PostgreSQL cannot be reached: {' '.join(str(error).split())[:300]}") from error


def find() -> Found:
    """Ask everything, each by one short query."""
    now = timezone.now()
    processes = list(Process.objects.order_by("name", "started"))
    parts = _parts()
    return Found(
        at=now,
        processes=processes,
        flows=_flows(now, processes),
        rejections=_rejections(now),
        followers=_followers(),
        parts=parts,
        disk=_disk(),
        held=_held(now),
        outbox=backlog(now),
    )


_look = Look(find, name="health")


def _flows(now: datetime, processes: Iterable[Process]) -> list[Flow]:
    alive = [one for one in processes if now - one.seen <= ALIVE]
    told, refused = lately("told", alive), lately("refused", alive)
    rows = _asked(FLOWS, now - LATELY, now - DAY)
    return [Flow(*[*row, told[row[1]], refused[str(row[0])]]) for row in rows]


def lately(name: str, processes: Iterable[Process]) -> Counter[str]:
    """Add up what all processes have counted within about a minute."""
    total: Counter[str] = Counter()
    for process in processes:
        total.update(process.counters.get("lately", {}).get(name, {}))
    return total


def _rejections(now: datetime) -> list[Rejections]:
    hour = now - timedelta(hours=1)
    return [Rejections(*row) for row in _asked(REJECTED, hour, now - DAY)]


def _followers() -> list[Place]:
    return [
        Place(one.name, one.tx, one.seq, one.moved, *follower.behind(one.name))
        for one in FollowerPosition.objects.order_by("name")
    ]


def _parts() -> list[Part]:
    known = sizes()
    spans: Mapping[str, tuple[datetime | None, datetime | None]] = {
        DEFAULT: (None, None),
        **{one.name: (one.start, one.end) for one in partitions()},
    }
    return [
        Part(name, start, end, known[name].events, known[name].bytes)
        for name, (start, end) in spans.items()
        if name in known
    ]


def _disk() -> Disk:
    ((used,),) = _asked("SELECT pg_database_size(current_database())")
    if not settings.EMBEDDED:
        return Disk(used)
    disk = shutil.disk_usage(settings.EVENTFEED_DATA)
    return Disk(used, disk.free, disk.total)


def _held(now: datetime) -> Held:
    horizon = log.state_sync().horizon
    ((events, oldest),) = _asked(ABOVE, horizon, MOST_COUNTED)
    writers = [
        Writer(pid, who, database, state or "", age or timedelta(), start, shown(query))
        for pid, who, database, state, age, start, query in _asked(WRITERS, MOST_WRITERS)
    ]
    return Held(events, max(timedelta(), now - oldest) if oldest else timedelta(), writers)


def shown(query: str | None) -> str:
    """Return the beginning of a statement without the values in it, which are nobody's business."""
    return " ".join(LITERAL.sub("'…'", query or "").split())[:LONGEST_QUERY]


def _asked(sql: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def totals(processes: Iterable[Process], name: str) -> float:
    """Add up one number over processes."""
    return sum(process.counters.get(name, 0) for process in processes)
