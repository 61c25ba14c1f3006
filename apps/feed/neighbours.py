"""The events of the same resource just before and just after one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.events.models import Event
from apps.query import clause, parse

FIRST_SLICE = timedelta(seconds=10)
GROWTH = 8
SLICES = 8
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
END = datetime(9999, 12, 31, tzinfo=UTC)

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
    width = FIRST_SLICE
    for _ in range(SLICES):
        end = min(END - width, start) + width
        yield start, end
        start, width = end + timedelta(microseconds=1), width * GROWTH
    yield start, END


def _earlier(end: datetime) -> Slices:
    width = FIRST_SLICE
    for _ in range(SLICES):
        start = max(BEGINNING + width, end) - width
        yield start, end
        end, width = start - timedelta(microseconds=1), width * GROWTH
    yield BEGINNING, end
