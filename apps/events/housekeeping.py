"""What the worker does beside following: partitions, retention and the care of indexes."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import connection

from apps.events import partitions, retention

logger = logging.getLogger(__name__)

ROUND = 2.0
MINUTE = 60.0
HOUR = 60 * MINUTE

# What was written lately lies in a list that every search reads through: 9.6 ms at 10,000 rows.
FLUSH = """
    SELECT gin_clean_pending_list(leaf.inhrelid::regclass)
    FROM pg_inherits AS leaf WHERE leaf.inhparent = 'event_terms'::regclass
"""

# Autovacuum analyzes the partitions, never their parent.
ANALYZE_DUE = """
    SELECT written >= 10000
        AND (last_analyze IS NULL OR last_analyze < now() - interval '1 day'
            OR written > 10 * reltuples)
    FROM pg_class JOIN pg_stat_user_tables AS known ON known.relid = pg_class.oid,
        LATERAL (
            SELECT sum(n_live_tup) AS written
            FROM pg_inherits JOIN pg_stat_user_tables ON relid = inhrelid
            WHERE inhparent = pg_class.oid
        ) AS leaves
    WHERE pg_class.oid = 'event'::regclass
"""


def keep_house(stop: threading.Event, ours: threading.Event, written: threading.Event) -> None:
    """Do each chore when it is due, until stopped.

    `ours` says whether the chores are this process's; `written`, that events have arrived.
    """
    due = dict.fromkeys(CHORES, 0.0)
    while not stop.wait(ROUND):
        if not ours.is_set():
            continue
        now = time.monotonic()
        for chore in [chore for chore, at in due.items() if at <= now]:
            due[chore] = now + CHORES[chore]
            _do(chore)
        if written.is_set():
            written.clear()
            _do(flush)


def flush() -> None:
    """Move what waits in the pending lists into the indexes of terms."""
    with connection.cursor() as cursor:
        cursor.execute(FLUSH)


def analyze() -> None:
    """Refresh the planner's picture of the whole log, daily and while it grows fast."""
    with connection.cursor() as cursor:
        cursor.execute(ANALYZE_DUE)
        if cursor.fetchone() == (True,):
            cursor.execute("ANALYZE event")


def _do(chore: Callable[[], object]) -> None:
    try:
        chore()
    except Exception:
        logger.exception("The worker could not %s.", chore.__name__)
    finally:
        # Back to the pool, which also finds out what has become of it.
        connection.close_if_unusable_or_obsolete()


CHORES: dict[Callable[[], object], float] = {
    partitions.ensure: HOUR,
    partitions.expire: HOUR,
    retention.prune: HOUR,
    analyze: MINUTE,
}
