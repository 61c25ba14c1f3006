"""Finding events: newest first by time, or along the log."""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from apps.events.log import events_of, state_sync
from apps.events.models import Event
from apps.events.position import Position
from apps.events.walk import (
    ALONG_THE_LOG,
    BY_TIME,
    IN_FULL,
    LISTED,
    NEWEST_ARRIVED,
    Bound,
    Order,
    QueryTimeout,
    Walk,
    all_of,
    in_time,
    match_of,
)
from apps.query import Query
from apps.query.tree import CHAIN

__all__ = [
    "BadCursor",
    "Cursor",
    "Page",
    "QueryTimeout",
    "chain_of",
    "count",
    "last_match",
    "search",
    "search_log",
]

COUNTED = "SELECT count(*) FROM (SELECT FROM event {where} LIMIT %s) AS counted"

# Seconds that one page or one count may take.
BUDGET = 2.0

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CURSOR = struct.Struct("!qqq")


class BadCursor(ValueError):
    """The text is no cursor."""


class Cursor(NamedTuple):
    """The place behind the last event of a page, in the order of time."""

    occurred: datetime
    tx: int
    seq: int

    def __str__(self) -> str:
        packed = CURSOR.pack((self.occurred - EPOCH) // MICROSECOND, self.tx, self.seq)
        return base64.urlsafe_b64encode(packed).decode()

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read back what `str()` wrote; raises BadCursor."""
        try:
            micros, tx, seq = CURSOR.unpack(base64.b64decode(text, altchars=b"-_", validate=True))
            return cls(EPOCH + micros * MICROSECOND, tx, seq)
        except (binascii.Error, struct.error, ValueError, OverflowError):
            raise BadCursor(f"“{text[:80]}” is no cursor; take one from a page.") from None


@dataclass
class Page:
    """Events in the order asked for, and how to go on.

    `next` is None at the end. `searched_to` says how far back the time sufficed, when it did not
    suffice. `position` was read before the events: what it does not cover comes live.
    """

    events: list[Event]
    next: Cursor | Position | None
    searched_to: datetime | None
    position: Position


def search(
    query: Query | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    after: Cursor | None = None,
    limit: int = 50,
    in_full: bool = False,
) -> Page:
    """Return the newest matching events from `since` to `until`; raises QueryTimeout.

    In full, they have their payloads, as the JSON they are stored as.
    """
    position = state_sync().head
    within = _range(since, until)
    if after is not None:
        within.append(BY_TIME.behind(after))
    return _page(BY_TIME, query, within, limit, position, in_full)


def search_log(
    query: Query | None,
    *,
    first: Position | None,
    last: Position | None,
    after: Position | None,
    limit: int,
    newest_first: bool = True,
    in_full: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
    budget: float | None = None,
) -> Page:
    """Return matching events of the log behind `first` and up to `last`, in so many seconds.

    Raises StartAgain, Expired, QueryTimeout.
    """
    log = state_sync()
    for place in filter(None, (first, last, after)):
        log.check(place)
    order = NEWEST_ARRIVED if newest_first else ALONG_THE_LOG
    within = [Bound("tx < %s", [log.horizon]), *_range(since, until)]
    if first is not None:
        within.append(ALONG_THE_LOG.behind(first[1:]))
    if last is not None:
        within.append(ALONG_THE_LOG.upto(last[1:]))
    if after is not None:
        within.append(order.behind(after[1:]))
    return _page(order, query, within, limit, log.head, in_full, budget)


def count(
    query: Query | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 10_000,
) -> int:
    """Count matching events, up to `limit`; raises QueryTimeout."""
    match = match_of(query)
    where, params = all_of([*_range(since, until), *([match] if match else ())])
    with in_time(BUDGET) as clock:
        return int(clock.fetch(COUNTED.format(where=where), [*params, limit])[0][0])


def chain_of(id: UUID) -> set[UUID]:
    """Return the ids of all that is in one chain with an event; raises QueryTimeout."""
    with in_time(BUDGET) as clock:
        return {row[0] for row in clock.fetch(CHAIN, [id, id])}


def last_match(query: Query) -> Event | None:
    """Return the newest event of all that matches; raises QueryTimeout."""
    page = search(query, limit=1)
    if page.searched_to is not None:
        raise QueryTimeout
    return next(iter(page.events), None)


def _range(since: datetime | None, until: datetime | None) -> list[Bound]:
    bounds = []
    if since is not None:
        bounds.append(Bound("occurred >= %s", [since]))
    if until is not None:
        bounds.append(Bound("occurred <= %s", [until]))
    return bounds


def _page(
    order: Order,
    query: Query | None,
    within: list[Bound],
    limit: int,
    position: Position,
    in_full: bool,
    budget: float | None = None,
) -> Page:
    names = IN_FULL if in_full else LISTED
    # One more than asked for tells whether there is a next page.
    walk = Walk(order, within, match_of(query), limit + 1, names)
    done = walk.fill(BUDGET if budget is None else budget)
    events = events_of(walk.rows[:limit], names, log=position.log, raw=frozenset({"payload"}))
    if len(walk.rows) > limit:
        place = walk.key_of(walk.rows[limit - 1])
        return Page(events, _next(order, place, position), None, position)
    if done or walk.reached is None:
        return Page(events, None, None, position)
    searched_to = _time_at(order, walk.reached)
    return Page(events, _next(order, walk.reached, position), searched_to, position)


def _next(order: Order, place: tuple[Any, ...], position: Position) -> Cursor | Position:
    return Cursor(*place) if order is BY_TIME else Position(position.log, *place)


def _time_at(order: Order, place: tuple[Any, ...]) -> datetime | None:
    if order is BY_TIME:
        return place[0]
    from_there = Event.objects.filter(tx__gte=place[0]).order_by("tx", "seq")
    return from_there.values_list("received", flat=True).first()
