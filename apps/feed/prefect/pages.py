"""Pages of a filter: by keyset, in either order, and of distinct resources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from django.core import signing
from psycopg.errors import ProgramLimitExceeded, StatementTooComplex

from apps.events.counting import BOUND, count
from apps.events.log import events_of, state_sync
from apps.events.models import Event
from apps.events.search import BUDGET, BadCursor, Cursor
from apps.events.walk import (
    BY_TIME,
    IN_FULL,
    LISTED,
    SELECTED,
    Bound,
    Order,
    QueryTimeout,
    Walk,
    all_of,
    in_time,
    match_of,
)
from apps.feed.prefect.filters import EventFilter
from apps.feed.prefect.times import read_moment, write_moment

SALT = "eventfeed.prefect.page"
# Seconds for what has to read everything that matches: groups, and the first of each.
WHOLE_BUDGET = 5.0

OLDEST_FIRST = BY_TIME._replace(down=False)
ORDERS = {"ASC": OLDEST_FIRST, "DESC": BY_TIME}

# Of each resource the event that comes first in the order; whole rows only of those told.
DISTINCT = """
    SELECT {selected} FROM event JOIN (
        SELECT * FROM (
            SELECT DISTINCT ON (resource_id) occurred, tx, seq
            FROM {walked} ORDER BY resource_id, {by}
        ) AS first_of_each {behind} ORDER BY {by} LIMIT %s
    ) AS told USING (occurred, tx, seq) ORDER BY {by}
"""
COUNT_DISTINCT = """
    SELECT count(*) FROM (SELECT DISTINCT resource_id FROM {walked} LIMIT %s) AS resources
"""
# In the order of the page the first event of a resource is the one that stands for it, so that
# mostly the beginning tells; the last of these is all there is.
WALKED = "(SELECT * FROM event {where} ORDER BY {by} LIMIT {rows}) AS walked"
WALKS = (2_000, 20_000, 100_000)
ALL = "event {where}"


TOO_LONG = "The filter is longer than the database takes."


class BadToken(ValueError):
    """The text is no token of a page."""


class Token(msgspec.Struct, array_like=True):
    """What the next page needs to know; signed, so that nobody else writes one."""

    filter: EventFilter
    limit: int
    total: int
    after: str
    end: int
    """Where the log ended when the first page was read."""

    def __str__(self) -> str:
        return signing.dumps(
            msgspec.to_builtins(self, enc_hook=write_moment), salt=SALT, compress=True
        )

    @classmethod
    def parse(cls, text: str) -> Token:
        """Read back what `str()` wrote; raises BadToken."""
        try:
            return msgspec.convert(signing.loads(text, salt=SALT), cls, dec_hook=read_moment)
        except (signing.BadSignature, msgspec.ValidationError) as error:
            raise BadToken(str(error)) from error


@dataclass
class Page:
    events: list[Event]
    total: int
    next: Token | None
    log: str = ""
    """The name of the log, of a first page."""


def first_page(asked: EventFilter, limit: int) -> Page:
    """Return the first page and how many there are, counted up to 10,000 unless more is known.

    Raises QueryTimeout.
    """
    log = state_sync()
    events, place = _read(asked, limit, after=None, end=log.end)
    total = _total(asked, least=len(events) + (place is not None))
    following = place and Token(asked, limit, total, str(place), log.end)
    return Page(events, total, following, log.id)


def next_page(token: Token) -> Page:
    """Return the page behind; raises BadToken, QueryTimeout."""
    try:
        after = Cursor.parse(token.after)
    except BadCursor as error:
        raise BadToken(str(error)) from error
    events, place = _read(token.filter, token.limit, after=after, end=token.end)
    following = place and msgspec.structs.replace(token, after=str(place))
    return Page(events, token.total, following)


def bounds_of(asked: EventFilter) -> list[Bound]:
    """Return what the filter asks of times."""
    bounds = []
    if asked.since is not None:
        bounds.append(Bound("occurred >= %s", [asked.since]))
    if asked.until is not None:
        bounds.append(Bound("occurred <= %s", [asked.until]))
    return bounds


def conditions_of(asked: EventFilter) -> list[Bound]:
    """Return all that the filter asks."""
    match = match_of(asked.query())
    return [*bounds_of(asked), *([match] if match else ())]


def _read(
    asked: EventFilter, limit: int, *, after: Cursor | None, end: int
) -> tuple[list[Event], Cursor | None]:
    """Return events, and the place to go on from when there are more."""
    if limit == 0:
        return [], None
    if asked.is_distinct:
        return _distinct(asked, limit, after=after, end=end)
    order = ORDERS[asked.order]
    behind = [order.behind(after)] if after else []
    walk = Walk(order, [*bounds_of(asked), *behind], match_of(asked.query()), limit + 1, IN_FULL)
    done = walk.fill(BUDGET)
    place = walk.key_of(walk.rows[limit - 1]) if len(walk.rows) > limit else None
    if place is None and not done:
        # Time was up: a short page, and the next one looks further.
        place = walk.reached
    events = events_of(walk.rows[:limit], IN_FULL, raw=frozenset({"payload"}))
    return events, Cursor(*place) if place else None


def _distinct(
    asked: EventFilter, limit: int, *, after: Cursor | None, end: int
) -> tuple[list[Event], Cursor | None]:
    """Read the events that stand for their resources, of the log as it was at the first page."""
    order = ORDERS[asked.order]
    where, params = all_of([*conditions_of(asked), Bound("tx < %s", [end])])
    behind, place = all_of([order.behind(after)] if after else [])
    by = order.by(order.key[0])
    with in_time(WHOLE_BUDGET) as clock:
        for walked in _walks(asked, where, by):
            statement = DISTINCT.format(selected=SELECTED, walked=walked, by=by, behind=behind)
            rows = clock.fetch(statement, [*params, *place, limit + 1])
            if len(rows) > limit:
                break
    last = rows[limit - 1] if len(rows) > limit else None
    return events_of(rows[:limit], LISTED), Cursor(*_key(order, last)) if last else None


def _walks(asked: EventFilter, where: str, by: str) -> Iterator[str]:
    """Yield what is to be read: more and more of the beginning, then everything.

    What matches may be rare, and then no beginning is near.
    """
    for rows in () if asked.query() else WALKS:
        yield WALKED.format(where=where, by=by, rows=rows)
    yield ALL.format(where=where)


def _key(order: Order, row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(row[LISTED.index(column)] for column in order.key)


def _total(asked: EventFilter, *, least: int) -> int:
    """Count up to a bound; where that takes too long, tell what has been seen."""
    try:
        if not asked.is_distinct:
            return count(asked.query(), since=asked.since, until=asked.until).events
        where, params = all_of(conditions_of(asked))
        with in_time(BUDGET) as clock:
            for walked in _walks(asked, where, BY_TIME.by(BY_TIME.key[0])):
                statement = COUNT_DISTINCT.format(walked=walked)
                found = int(clock.fetch(statement, [*params, BOUND])[0][0])
                least = max(least, found)
                if found == BOUND:
                    break
            return least
    except QueryTimeout:
        return least


def is_too_long(error: Exception) -> bool:
    """Whether the database has refused the filter itself; another time it would, too."""
    return isinstance(error.__cause__, ProgramLimitExceeded | StatementTooComplex)
