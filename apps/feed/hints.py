"""What an empty page says instead of rows: when the last match was, and which part matches none."""

from dataclasses import dataclass

from apps.events.models import Event
from apps.events.search import QueryTimeout, count, last_match
from apps.feed.asked import Asked
from apps.feed.rows import exact, filtered, iso
from apps.query import Query

ENOUGH = 1_000


@dataclass(frozen=True)
class Last:
    iso: str
    exact: str
    href: str


@dataclass(frozen=True)
class Part:
    text: str
    count: str
    href: str


@dataclass(frozen=True)
class Hints:
    last: Last | None
    alone: list[Part]


def hints(asked: Asked, query: Query) -> Hints:
    return Hints(last=_last(asked, query), alone=_alone(asked, query))


def _last(asked: Asked, query: Query) -> Last | None:
    """The newest match outside the range that was asked for."""
    if not (asked.range.since or asked.range.until):
        return None
    try:
        event = last_match(query)
    except QueryTimeout:
        return None
    if event is None:
        return None
    return Last(iso(event.occurred), exact(event.occurred), _since(event, asked))


def _since(event: Event, asked: Asked) -> str:
    return asked.link(since="", until=iso(event.occurred))


def _alone(asked: Asked, query: Query) -> list[Part]:
    if len(query.clauses) < 2:
        return []
    return [
        Part(clause.text, _count(asked, clause.alone()), filtered(clause.text))
        for clause in query.clauses
    ]


def _count(asked: Asked, query: Query) -> str:
    try:
        found = count(query, since=asked.range.since, until=asked.range.until, limit=ENOUGH)
    except QueryTimeout:
        return "too many to count"
    return f"{ENOUGH:,}+" if found >= ENOUGH else f"{found:,}" if found else "none"
