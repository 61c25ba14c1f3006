"""What an empty page says instead of rows.

When the last match was, which part matches none, and whether an event itself has the id that is
searched for: words are looked for in what events hold, which their own ids are not.
"""

from dataclasses import dataclass

from apps.events.models import Event
from apps.events.search import QueryTimeout, count, last_match
from apps.feed.asked import Asked
from apps.feed.rows import exact, filtered, iso
from apps.query import Query, clause

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
class Own:
    text: str
    href: str


@dataclass(frozen=True)
class Hints:
    last: Last | None
    alone: list[Part]
    its_own: Own | None = None


def hints(asked: Asked, query: Query) -> Hints:
    return Hints(last=_last(asked, query), alone=_alone(asked, query), its_own=_own(query))


def _own(query: Query) -> Own | None:
    """The event whose own id is asked for as a word."""
    id = query.bare_id
    if id is None or not Event.objects.filter(id=id).exists():
        return None
    text = clause("id", str(id))
    return Own(text, filtered(text))


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
