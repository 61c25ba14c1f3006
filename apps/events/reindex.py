"""Rewriting the terms of events that an older version of `terms_of` has indexed."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from apps.events.log import columns, events_of, selected
from apps.events.models import Event
from apps.events.walk import BY_TIME, all_of
from apps.query.terms import TERMS_VERSION, terms_of

# Short transactions: each holds the readers of the log back while it lasts.
BATCH = 200

NAMES = columns(payload=True)
BATCH_OF = "SELECT {columns} FROM event {where} ORDER BY {by} LIMIT %s"
REWRITE = """
    UPDATE event SET terms = new.terms::tsvector, terms_version = %s
    FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[]) AS new (id, occurred, terms)
    WHERE event.id = new.id AND event.occurred = new.occurred
        AND event.occurred BETWEEN %s AND %s
"""


class Progress(NamedTuple):
    """Everything that occurred since `back_to` has been looked at; so many were rewritten."""

    back_to: datetime
    rewritten: int


def reindex() -> Iterator[Progress]:
    """Rewrite events newest first; what is done is known by its version, so it can be resumed."""
    rewritten = 0
    place = None
    while events := _next(place):
        stale = [event for event in events if event.terms_version != TERMS_VERSION]
        if stale:
            _rewrite(stale)
        rewritten += len(stale)
        place = events[-1]
        yield Progress(place.occurred, rewritten)


def _next(place: Event | None) -> list[Event]:
    behind = [BY_TIME.behind((place.occurred, place.tx, place.seq))] if place else []
    where, params = all_of(behind)
    by = BY_TIME.by("occurred")
    with connection.cursor() as cursor:
        sql = BATCH_OF.format(columns=selected(NAMES), where=where, by=by)
        cursor.execute(sql, [*params, BATCH])
        return events_of(cursor.fetchall(), NAMES)


def _rewrite(events: list[Event]) -> None:
    times = [event.occurred for event in events]
    ids = [event.id for event in events]
    terms = [terms_of(event).text for event in events]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(REWRITE, [TERMS_VERSION, ids, times, terms, min(times), max(times)])
