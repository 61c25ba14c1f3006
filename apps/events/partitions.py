"""The partitions of `event`: made ahead of time, dropped whole when they have expired."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from apps.events.audit import tell
from apps.events.retention import kept_since
from apps.events.rollups import forget

logger = logging.getLogger(__name__)

DEFAULT = "event_default"
AHEAD = timedelta(days=7)

# An idle reader blocks DDL, and everybody queues behind DDL that waits: so it waits briefly.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '500ms'"
TRIES = 20
PAUSE = 0.25
LOCK_NOT_AVAILABLE = "55P03"

# TOAST would compress rows over 2 kB: 4080 took 20 % less time and 15 % less room.
TOAST_TUPLE_TARGET = 4080

# LIKE leaves this out; the migration says why.
WITHOUT_STATISTICS = ("resource", "related", "payload", "terms")

SIZES = """
    SELECT relname, n_live_tup, pg_total_relation_size(relid)
    FROM pg_inherits JOIN pg_stat_user_tables ON relid = inhrelid
    WHERE inhparent = 'event'::regclass
"""
LEAVES = """
    SELECT relname, pg_get_expr(relpartbound, pg_class.oid)
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'event'::regclass
"""
BOUNDS = re.compile(r"FOR VALUES FROM \('(.+)'\) TO \('(.+)'\)")


class Partition(NamedTuple):
    """One leaf of `event`: it holds `start <= occurred < end`."""

    name: str
    start: datetime
    end: datetime


def partitions() -> list[Partition]:
    """List the partitions there are, oldest first, without the default one."""
    with connection.cursor() as cursor:
        cursor.execute(LEAVES)
        found = [(name, BOUNDS.fullmatch(bounds)) for name, bounds in cursor.fetchall()]
    return sorted(
        (Partition(name, *map(_utc, bounds.groups())) for name, bounds in found if bounds),
        key=lambda partition: partition.start,
    )


class Size(NamedTuple):
    """How large a partition is; PostgreSQL estimates the events."""

    events: int
    bytes: int


def sizes() -> dict[str, Size]:
    """Give the size of each partition by its name, the default one included."""
    with connection.cursor() as cursor:
        cursor.execute(SIZES)
        return {name: Size(events, bytes) for name, events, bytes in cursor.fetchall()}


def ensure() -> list[Partition]:
    """Make what is missing from the oldest kept day to seven days ahead; return what was made."""
    there = partitions()
    missing = [part for period in wanted() for part in _missing(period, there)]
    return [partition for partition in missing if _made(partition)]


def expire() -> list[Partition]:
    """Drop the partitions whose every event is older than the retention; return them."""
    expired = [partition for partition in partitions() if partition.end <= kept_since()]
    dropped = [partition for partition in expired if _dropped(partition)]
    for partition in dropped:
        until = f"Everything that occurred before {partition.end:%Y-%m-%d %H:%M} UTC"
        tell("partition.dropped", kind="partition", name=partition.name, message=until)
    return dropped


def wanted() -> Iterator[tuple[datetime, datetime]]:
    """Give the periods that the window of kept and coming events needs."""
    last = datetime.now(UTC) + AHEAD
    start = _start_of_period(kept_since())
    while start <= last:
        end = _end_of_period(start)
        yield start, end
        start = end


def _start_of_period(moment: datetime) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match settings.EVENTFEED_PARTITION:
        case "month":
            return day.replace(day=1)
        case "week":
            return day - timedelta(days=day.weekday())
        case _:
            return day


def _end_of_period(start: datetime) -> datetime:
    match settings.EVENTFEED_PARTITION:
        case "month":
            return _start_of_period(start + timedelta(days=31))
        case "week":
            return start + timedelta(days=7)
        case _:
            return start + timedelta(days=1)


def _missing(period: tuple[datetime, datetime], there: Iterable[Partition]) -> Iterator[Partition]:
    """Give the parts of a period that no partition covers: the width may have been another."""
    start, end = period
    for partition in there:
        if partition.end <= start or partition.start >= end:
            continue
        if start < partition.start:
            yield _named(start, partition.start)
        start = partition.end
    if start < end:
        yield _named(start, end)


def _named(start: datetime, end: datetime) -> Partition:
    return Partition(f"event_{start:%Y%m%d}", start, end)


def _made(partition: Partition) -> bool:
    return _patiently(lambda: _make(partition))


def _make(partition: Partition) -> None:
    name = sql.Identifier(partition.name)
    span = [partition.start, partition.end]
    with _ddl() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [partition.name])
        if cursor.fetchone() != (None,):
            return
        # Writers stand still while rows that came too early move in; readers do not.
        cursor.execute("LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(
            sql.SQL(
                "CREATE TABLE {} (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
                " INCLUDING STORAGE INCLUDING COMPRESSION) WITH (toast_tuple_target = {})"
            ).format(name, sql.Literal(TOAST_TUPLE_TARGET))
        )
        for column in WITHOUT_STATISTICS:
            cursor.execute(
                sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS 0").format(
                    name, sql.Identifier(column)
                )
            )
        cursor.execute(
            sql.SQL(
                "WITH early AS (DELETE FROM event_default"
                " WHERE occurred >= %s AND occurred < %s RETURNING *)"
                " INSERT INTO {} SELECT * FROM early"
            ).format(name),
            span,
        )
        cursor.execute(
            sql.SQL("ALTER TABLE event ATTACH PARTITION {} FOR VALUES FROM (%s) TO (%s)").format(
                name
            ),
            span,
        )


def _dropped(partition: Partition) -> bool:
    return _patiently(lambda: _drop(partition))


def _drop(partition: Partition) -> None:
    name = sql.Identifier(partition.name)
    with _ddl() as cursor:
        # Most of it before anybody has to wait for the table, the rest when nobody counts in it.
        forget(partition.start, partition.end, cursor)
        cursor.execute(
            sql.SQL(
                "UPDATE log SET gone_tx = gone.tx, gone_seq = gone.seq FROM ("
                " SELECT tx, seq FROM {} WHERE received < %s ORDER BY tx DESC, seq DESC LIMIT 1"
                ") AS gone WHERE (gone.tx, gone.seq) > (gone_tx, gone_seq)"
            ).format(name),
            [kept_since()],
        )
        cursor.execute(sql.SQL("DROP TABLE {}").format(name))
        forget(partition.start, partition.end, cursor)


@contextmanager
def _ddl() -> Iterator[CursorWrapper]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK_TIMEOUT)
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('eventfeed.partitions'))")
        yield cursor


def _patiently(change: Callable[[], None]) -> bool:
    """Try until the lock is had; false when somebody held it all the time."""
    for _ in range(TRIES):
        try:
            change()
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            time.sleep(PAUSE)
        else:
            return True
    logger.warning("A partition could not be changed: a reader held it all the time.")
    return False


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
