"""What waits in the outbox, for how long, and which receivers hold it up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from apps.automations.doing.actions import shown
from apps.automations.doing.outbox import RECEIVER

# Counting what waits ends here.
MOST_COUNTED = 10_000
MOST_RECEIVERS = 100
DAY = timedelta(days=1)

WAITING = """
    SELECT count(*), min(made), min(due) FROM (
        SELECT made, due FROM automation_task WHERE ended IS NULL AND state = 'waiting'
        ORDER BY due LIMIT %s
    ) AS waiting
"""
RETRIED = f"""
    SELECT {RECEIVER}, action ? 'destination', count(*) FROM automation_task
    WHERE ended IS NULL AND tries > 0 GROUP BY 1, 2 ORDER BY 3 DESC LIMIT %s
"""  # noqa: S608 - of constants
PARKED = "SELECT count(*) FROM automation_task WHERE state = 'parked' AND ended >= %s"
# What the outbox calls those that have neither a name nor an address.
NAMELESS = {"": "Eventfeed itself", " prefect": "the Prefect server"}


@dataclass(frozen=True)
class Backlog:
    waiting: int = 0
    """Actions that are not done yet, counted to a bound."""
    oldest: timedelta = timedelta()
    """How long the oldest of them has waited since it fired."""
    overdue: timedelta = timedelta()
    """How long one has been due and not been tried."""
    retried: Mapping[str, int] = field(default_factory=dict)
    """How many actions are tried again, by the receiver that did not take them."""
    parked: int = 0
    """Actions that were given up within a day."""


def backlog(now: datetime) -> Backlog:
    """Look at the outbox."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [MOST_COUNTED])
        waiting, made, due = cursor.fetchone()
        cursor.execute(RETRIED, [MOST_RECEIVERS])
        retried: Counter[str] = Counter()
        for receiver, is_named, count in cursor.fetchall():
            retried[_called(receiver, is_named)] += count
        cursor.execute(PARKED, [now - DAY])
        [parked] = cursor.fetchone()
    return Backlog(waiting, _since(made, now), _since(due, now), retried, parked)


def _since(moment: datetime | None, now: datetime) -> timedelta:
    return max(now - moment, timedelta()) if moment else timedelta()


def _called(receiver: Any, is_named: bool) -> str:
    """Return a receiver as everybody may read it: of an address the host."""
    if is_named:
        return str(receiver)
    return NAMELESS.get(receiver) or shown(receiver)
