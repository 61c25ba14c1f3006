"""Storing drafts: what is stored already is left out, the rest is copied straight into the log."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper

from apps.events.draft import Draft
from apps.events.imported import mark
from apps.events.row import COPY, Refused, Row, copied, rows_of

# LATERAL with LIMIT keeps the planner to one probe a row, and the bounds to the partitions meant.
STORED = """
    SELECT told.at - 1
    FROM unnest(%s::uuid[], %s::timestamptz[]) WITH ORDINALITY AS told (id, occurred, at)
    CROSS JOIN LATERAL (
        SELECT FROM event
        WHERE event.id = told.id AND event.occurred = told.occurred
            AND event.occurred BETWEEN %s::timestamptz AND %s::timestamptz
        LIMIT 1
    ) AS stored
"""
ONCE = """
    INSERT INTO once (id, received) SELECT unnest('{{{ids}}}'::uuid[]), now()
    ON CONFLICT DO NOTHING RETURNING id
"""

TRIES = 5
# Another writer was faster, or a partition is being made: the same batch once more.
AGAIN = {"23505", "23514", "40P01", "40001", "55P03"}
# Classes of errors that the data itself has caused.
DATA = {"22", "54"}
# “COPY event_default, line 3, column payload: …”
PLACE = re.compile(r"COPY \w+, line (?P<line>\d+)(?:, column (?P<column>\w+))?")


class Recorded(NamedTuple):
    """How many drafts were stored, and how many were known already."""

    stored: int
    known: int


class BadData(Exception):
    """PostgreSQL refuses what one row says; `row` is None when it does not say which."""

    def __init__(self, error: psycopg.Error, rows: Sequence[Row]) -> None:
        self.say = f"PostgreSQL refuses it: {error.diag.message_primary or error}."
        place = PLACE.search(error.diag.context or "")
        self.row = rows[int(place["line"]) - 1] if place else None
        self.path = (place and place["column"]) or ""
        super().__init__(self.say)

    def refused(self, rows: Sequence[Row]) -> Refused:
        """Say it to the request whose rows these are."""
        index = next((at for at, row in enumerate(rows) if row is self.row), None)
        return Refused(index, self.path, self.say)


def record(
    drafts: Sequence[Draft], *, source_id: int, imported: bool = False, prompt: bool = False
) -> Recorded:
    """Store drafts on Django's connection; raises Refused for data that PostgreSQL refuses.

    `prompt` is for a past that is made up: as if each was received when it occurred.
    """
    rows = rows_of(drafts, source_id=source_id, prompt=prompt)
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                stored = _store(cursor, rows)
                if imported and stored:
                    mark(cursor)
            return Recorded(len(stored), len(rows) - len(stored))
        except BadData as error:
            raise error.refused(rows) from error
        except (DatabaseError, psycopg.Error) as error:
            if attempt == TRIES or not is_again(error.__cause__ or error):
                raise
    raise AssertionError("The last attempt returns or raises.")


def _store(cursor: CursorWrapper, rows: Sequence[Row]) -> list[Row]:
    cursor.execute(STORED, stored_of(new := unique(rows)))
    new = without(new, cursor.fetchall())
    if ids := told_once(new):
        cursor.execute(once(ids))
        new = first_told(new, cursor.fetchall())
    if new:
        with telling_bad_data(new), cursor.copy(COPY) as copy:
            copy.write(copied(new))
    return new


@contextmanager
def telling_bad_data(rows: Sequence[Row]) -> Iterator[None]:
    """Turn an error that the data has caused into BadData, which knows the row."""
    try:
        yield
    except (DatabaseError, psycopg.Error) as error:
        cause = error.__cause__ or error
        if isinstance(cause, psycopg.Error) and is_data(cause):
            raise BadData(cause, rows) from error
        raise


def is_data(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.DataError) or (error.sqlstate or "")[:2] in DATA


def is_again(error: BaseException) -> bool:
    return isinstance(error, psycopg.Error) and error.sqlstate in AGAIN


def unique(rows: Iterable[Row]) -> list[Row]:
    """Leave out repeats; the first telling counts."""
    first: dict[tuple[UUID, datetime], Row] = {}
    for row in rows:
        first.setdefault((row.id, row.occurred), row)
    return list(first.values())


def stored_of(rows: Sequence[Row]) -> list[Any]:
    """Give the parameters of STORED."""
    times = [row.occurred for row in rows]
    return [[row.id for row in rows], times, min(times), max(times)]


def without(rows: Sequence[Row], stored: Iterable[tuple[int]]) -> list[Row]:
    known = {at for (at,) in stored}
    return [row for at, row in enumerate(rows) if at not in known]


def told_once(rows: Iterable[Row]) -> list[str]:
    """Give the ids for `once`, sorted so that two writers take their locks in the same order."""
    return sorted({str(row.id) for row in rows if row.once})


def once(ids: Iterable[str]) -> str:
    """Write the statement that remembers ids and returns those that were new."""
    return ONCE.format(ids=",".join(ids))


def first_told(rows: Iterable[Row], ids: Iterable[tuple[UUID]]) -> list[Row]:
    """Keep of the rows marked `once` only the first with each id that was new."""
    fresh = {id for (id,) in ids}
    kept = []
    for row in rows:
        if row.once and row.id not in fresh:
            continue
        fresh.discard(row.id)
        kept.append(row)
    return kept
