"""The follower that counts events by minute and hour, so that counts need not read the log.

A count exists for each event that exists up to the follower's position: late ones are counted
where they occurred, and whoever deletes events takes their counts away in the same transaction.
"""

from __future__ import annotations

from datetime import datetime

from django.db.backends.utils import CursorWrapper

from apps.events.models import Event

NAME = "rollups"
MINUTE = 60
HOUR = 3_600

# A btree key ends at 2,704 bytes, and a name may have 1,024 characters of four.
LONGEST_NAME = 400
COUNTED_NAME = f"""
    CASE WHEN length(event) <= {LONGEST_NAME} THEN event
         ELSE left(event, {LONGEST_NAME}) || '…' END
"""
SPANS = f"(VALUES ({MINUTE}, 'minute'), ({HOUR}, 'hour')) AS spans (span, unit)"

# Counted by the database, which has the rows at hand: reading them here cost three times as much.
# In the order of their keys, so that overlapping batches lock rows in the same order.
COUNT = f"""
    INSERT INTO event_count (span, start, event, outcome, source_id, system, events)
    SELECT span, date_trunc(unit, occurred), {COUNTED_NAME}, outcome, source_id, system, count(*)
    FROM event, {SPANS}
    WHERE (tx, seq) >= (%s, %s) AND (tx, seq) <= (%s, %s)
    GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (span, start, event, outcome, source_id, system)
    DO UPDATE SET events = event_count.events + excluded.events
"""  # noqa: S608 - of constants

# Follows `gone AS (DELETE FROM event … RETURNING …)` of these columns. What the follower has not
# come to was never counted.
GONE = "occurred, event, outcome, source_id, system, tx, seq"
UNCOUNT = f"""
    uncounted AS (
        UPDATE event_count SET events = event_count.events - lost.events
        FROM (
            SELECT span, date_trunc(unit, occurred) AS start, {COUNTED_NAME} AS name,
                outcome, source_id, system, count(*) AS events
            FROM gone, {SPANS}
            WHERE (tx, seq) <= (SELECT tx, seq FROM follower WHERE name = '{NAME}')
            GROUP BY 1, 2, 3, 4, 5, 6
        ) AS lost
        WHERE event_count.span = lost.span AND event_count.start = lost.start
            AND event_count.event = lost.name AND event_count.outcome = lost.outcome
            AND event_count.source_id = lost.source_id AND event_count.system = lost.system
    )
"""  # noqa: S608 - of constants
FORGET = f"""
    DELETE FROM event_count
    WHERE span IN ({MINUTE}, {HOUR}) AND start >= %s AND start < %s
"""  # noqa: S608 - of constants
PRUNE = "DELETE FROM event_count WHERE events <= 0"


class Rollups:
    name = NAME
    reads: frozenset[str] = frozenset()

    def handle(self, events: list[Event], cursor: CursorWrapper) -> None:
        first, last = events[0], events[-1]
        cursor.execute(COUNT, [first.tx, first.seq, last.tx, last.seq])


def is_cut(name: str) -> bool:
    return len(name) > LONGEST_NAME


def forget(start: datetime, end: datetime, cursor: CursorWrapper) -> None:
    """Take away the counts of a span whose every event is gone; its ends are whole hours."""
    cursor.execute(FORGET, [start, end])


rollups = Rollups()
