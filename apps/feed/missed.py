"""What a viewer missed before it came: the part of the log between its place and the hub's."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.utils import OperationalError
from psycopg.errors import QueryCanceled

from apps.events.log import Expired, columns, events_of, selected, state_sync
from apps.events.position import Position
from apps.feed.columns import read_payloads
from apps.feed.frames import Missed, Row
from apps.feed.subscription import Subscription
from apps.feed.told import sources_of

MOST_ROWS = 500
MOST_COUNTED = 10_000
TIMEOUT_SECONDS = 3

# Threads of its own: a hundred viewers who come back at once wait for each other, not every page.
THREADS = ThreadPoolExecutor(max_workers=3, thread_name_prefix="missed")

ROWS = "SELECT {columns} FROM event WHERE {condition} ORDER BY tx, seq LIMIT %s"
COUNT = """
    SELECT count(*), min(occurred), max(occurred)
    FROM (SELECT occurred FROM event WHERE {condition} LIMIT %s) AS missed
"""


@dataclass
class Missing:
    """Gaps first, then rows, in the order of the log."""

    gaps: list[Missed] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


async def look_up(subscription: Subscription, after: Position, upto: Position) -> Missing:
    """Find what matches in `(after, upto]`: up to 500 rows, or one gap; raises StartAgain."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(THREADS, look_up_here, subscription, after, upto)


def look_up_here(subscription: Subscription, after: Position, upto: Position) -> Missing:
    try:
        return missing_between(subscription, after, upto)
    finally:
        connection.close()


def missing_between(subscription: Subscription, after: Position, upto: Position) -> Missing:
    missing = Missing()
    log = state_sync()
    try:
        log.check(after)
    except Expired as expired:
        missing.gaps.append(Missed("expired", upto=expired.floor, more=True))
        after = expired.floor
    if after < upto:
        find(missing, subscription, after, upto)
    return missing


def find(missing: Missing, subscription: Subscription, after: Position, upto: Position) -> None:
    condition, params = condition_of(subscription, after, upto)
    try:
        rows = matching(condition, params, log=upto.log)
        if len(rows) <= MOST_ROWS:
            read_payloads([row.event for row in rows], subscription.columns)
            missing.rows = rows
        else:
            missing.gaps.append(counted(condition, params, upto))
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        # It took too long to look; that something may be missing is said all the same.
        missing.gaps.append(Missed("resume", upto=upto, more=True))


def matching(condition: str, params: list[Any], *, log: str) -> list[Row]:
    names = columns(payload=False)
    sql = ROWS.format(columns=selected(names), condition=condition)
    events = events_of(select(sql, [*params, MOST_ROWS + 1]), names, log=log)
    sources = sources_of(events)
    return [Row(event, sources[event.source_id]) for event in events]


def counted(condition: str, params: list[Any], upto: Position) -> Missed:
    sql = COUNT.format(condition=condition)
    count, first, last = select(sql, [*params, MOST_COUNTED + 1])[0]
    more = count > MOST_COUNTED
    return Missed("resume", upto, min(count, MOST_COUNTED), more, first, last)


def condition_of(
    subscription: Subscription, after: Position, upto: Position
) -> tuple[str, list[Any]]:
    asked = subscription.query.sql()
    said: list[tuple[str, list[Any]]] = [
        ("(tx, seq) > (%s, %s)", [after.tx, after.seq]),
        ("(tx, seq) <= (%s, %s)", [upto.tx, upto.seq]),
    ]
    if asked.terms is not None:
        said.append(("terms @@ %s::tsquery", [asked.terms]))
    if asked.where:
        said.append((f"({asked.where})", asked.params))
    if subscription.since:
        said.append(("occurred >= %s", [subscription.since]))
    if subscription.until:
        said.append(("occurred <= %s", [subscription.until]))
    return " AND ".join(text for text, _ in said), [one for _, params in said for one in params]


def select(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{TIMEOUT_SECONDS}s"])
        cursor.execute(sql, params)
        return cursor.fetchall()
