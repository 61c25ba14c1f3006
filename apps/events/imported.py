"""Which events were taken over from a file: they are news to nobody, so nothing fires by them.

A transaction that takes over leaves its number, which its events have as `tx`.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.backends.utils import CursorWrapper

from apps.events.models import Event

MARK = """
    INSERT INTO imported (tx)
    SELECT "offset" + pg_current_xact_id()::text::bigint FROM log ON CONFLICT DO NOTHING
"""
BETWEEN = "SELECT tx FROM imported WHERE tx BETWEEN %s AND %s"
FORGET = "DELETE FROM imported WHERE tx < (SELECT gone_tx FROM log)"


def mark(cursor: CursorWrapper) -> None:
    """Say that what this transaction stores is taken over."""
    cursor.execute(MARK)


def tell_imported(events: Sequence[Event]) -> None:
    """Set `is_imported` of events in the order of the log."""
    if not events:
        return
    found = imported_between(events[0].tx, events[-1].tx)
    for event in events if found else ():
        event.is_imported = event.tx in found


def imported_between(first: int, last: int) -> set[int]:
    """Return the transactions of a part of the log, both ends included, that took over events."""
    with connection.cursor() as cursor:
        cursor.execute(BETWEEN, [first, last])
        return {tx for (tx,) in cursor.fetchall()}


def forget_imported() -> None:
    """Forget the transactions whose events are gone."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)
