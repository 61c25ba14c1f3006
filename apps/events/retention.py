"""How long things are kept, and the end of what is kept no longer."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection

from apps.events.rollups import GONE, PRUNE, UNCOUNT

# In small batches, so that no reader's horizon waits for a long transaction.
BATCH = 2_000

# By place in the log, because that is how `received` runs, and it has no index of its own.
DEFAULT_ROWS = f"""
    WITH oldest AS (
        SELECT ctid, tx, seq, received FROM event_default ORDER BY tx, seq LIMIT %(batch)s
    ), gone AS (
        DELETE FROM event_default
        WHERE ctid = ANY (ARRAY (SELECT ctid FROM oldest WHERE received < %(kept_since)s))
        RETURNING {GONE}
    ), {UNCOUNT}, floor AS (
        SELECT tx, seq FROM gone ORDER BY tx DESC, seq DESC LIMIT 1
    ), moved AS (
        UPDATE log SET gone_tx = floor.tx, gone_seq = floor.seq
        FROM floor WHERE (floor.tx, floor.seq) > (gone_tx, gone_seq)
    )
    SELECT count(*) FROM gone
"""  # noqa: S608 - of constants
ONCE_IDS = """
    WITH gone AS (
        DELETE FROM once WHERE id = ANY (ARRAY (
            SELECT id FROM once WHERE received < %(kept_since)s LIMIT %(batch)s
        )) RETURNING id
    )
    SELECT count(*) FROM gone
"""
REJECTIONS = """
    WITH gone AS (
        DELETE FROM rejection WHERE id = ANY (ARRAY (
            SELECT id FROM rejection WHERE received < %(kept_since)s LIMIT %(batch)s
        )) RETURNING id
    )
    SELECT count(*) FROM gone
"""


def kept_since() -> datetime:
    """Return the time before which nothing is kept."""
    return datetime.now(UTC) - timedelta(days=settings.EVENTFEED_RETENTION_DAYS)


def prune() -> int:
    """Delete what has expired outside the partitions; return how many rows."""
    pruned = sum(_prune(statement) for statement in (DEFAULT_ROWS, ONCE_IDS, REJECTIONS))
    with connection.cursor() as cursor:
        cursor.execute(PRUNE)
    return pruned


def _prune(statement: str) -> int:
    pruned = 0
    while gone := _prune_batch(statement):
        pruned += gone
    return pruned


def _prune_batch(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"kept_since": kept_since(), "batch": BATCH})
        return int(cursor.fetchone()[0])
