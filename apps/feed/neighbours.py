"""The events of the same resource just before and just after one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db.models.expressions import RawSQL

from apps.events.models import Event
from apps.query import clause, parse

FIRST_SLICE = timedelta(seconds=10)
GROWTH = 8
SLICES = 8
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
END = datetime(9999, 12, 31, tzinfo=UTC)


def previous(event: Event) -> Event | None:
    return next(earlier(event, limit=1), None)


def following(event: Event) -> Event | None:
    return next(_beside(event, _later(event.occurred), ">", "", 1), None)


def earlier(event: Event, limit: int) -> Iterator[Event]:
    """Yield events of the same resource before this one, newest first."""
    return _beside(event, _earlier(event.occurred), "<", "-", limit)


def _beside(event: Event, slices, than: str, direction: str, limit: int) -> Iterator[Event]:
    condition = parse(clause("resource", event.resource_id)).sql()
    # The added interval keeps the planner from walking the time index past everyone else's events.
    place = RawSQL("occurred + interval '0'", [])
    order = [place.desc(), "-tx", "-seq"] if direction else [place.asc(), "tx", "seq"]
    for since, until in slices:
        found = (
            Event.objects.defer("payload", "terms")
            .filter(occurred__gte=since, occurred__lte=until, resource_id=event.resource_id)
            .extra(
                where=["terms @@ %s::tsquery", f"(occurred, tx, seq) {than} (%s, %s, %s)"],
                params=[condition.terms, event.occurred, event.tx, event.seq],
            )
            .order_by(*order)[:limit]
        )
        for other in found:
            yield other
            limit -= 1
        if not limit:
            return


def _later(start: datetime) -> Iterator[tuple[datetime, datetime]]:
    width = FIRST_SLICE
    for _ in range(SLICES):
        end = min(END - width, start) + width
        yield start, end
        start, width = end + timedelta(microseconds=1), width * GROWTH
    yield start, END


def _earlier(end: datetime) -> Iterator[tuple[datetime, datetime]]:
    width = FIRST_SLICE
    for _ in range(SLICES):
        start = max(BEGINNING + width, end) - width
        yield start, end
        end, width = start - timedelta(microseconds=1), width * GROWTH
    yield BEGINNING, end
