"""The events of the same resource just before and just after one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.events.models import Event
from apps.query import clause, parse
from apps.query.calendar import FIRST_MOMENT, LAST_MOMENT

# Most neighbours are near: narrow slices first, each eight times as wide, the last all the rest.
WIDTHS = [*(timedelta(seconds=10 * 8**step) for step in range(8)), LAST_MOMENT - FIRST_MOMENT]

Slices = Iterator[tuple[datetime, datetime]]


@dataclass(frozen=True)
class Direction:
    than: str
    order: tuple[str, str, str]


# The added interval keeps the planner from walking the time index past everyone else's events.
BEFORE = Direction("<", ("-place", "-tx", "-seq"))
AFTER = Direction(">", ("place", "tx", "seq"))


def previous(event: Event) -> Event | None:
    return next(earlier(event, limit=1), None)


def following(event: Event) -> Event | None:
    return next(_beside(event, AFTER, _later(event.occurred), limit=1), None)


def earlier(event: Event, limit: int) -> Iterator[Event]:
    """Yield events of the same resource before this one, newest first."""
    return _beside(event, BEFORE, _earlier(event.occurred), limit=limit)


def _beside(event: Event, side: Direction, slices: Slices, *, limit: int) -> Iterator[Event]:
    terms = parse(clause("resource", event.resource_id)).sql().terms
    beside = Event.objects.defer("payload", "terms").extra(  # noqa: S610 - all literals
        select={"place": "occurred + interval '0'"},
        where=["terms @@ %s::tsquery", f"(occurred, tx, seq) {side.than} (%s, %s, %s)"],
        params=[terms, event.occurred, event.tx, event.seq],
        order_by=side.order,
    )
    for since, until in slices:
        span = beside.filter(
            occurred__gte=since, occurred__lte=until, resource_id=event.resource_id
        )
        for other in span[:limit]:
            yield other
            limit -= 1
        if not limit:
            return


def _later(start: datetime) -> Slices:
    for width in WIDTHS:
        end = start + min(width, LAST_MOMENT - start)
        yield start, end
        if end == LAST_MOMENT:
            return
        start = end + timedelta(microseconds=1)


def _earlier(end: datetime) -> Slices:
    for width in WIDTHS:
        start = end - min(width, end - FIRST_MOMENT)
        yield start, end
        if start == FIRST_MOMENT:
            return
        end = start - timedelta(microseconds=1)
