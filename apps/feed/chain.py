"""The chain an event stands in by `follows`, computed when read, in whatever order it arrived."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import QuerySet

from apps.events.models import Event

MOST = 25


@dataclass(frozen=True)
class Chain:
    """Leaders oldest first, and what follows the event, nearest first."""

    leaders: list[Event] = field(default_factory=list)
    followers: list[Event] = field(default_factory=list)
    absent: UUID | None = None
    loop: UUID | None = None
    begins_earlier: bool = False
    goes_on: bool = False

    def __bool__(self) -> bool:
        return bool(self.leaders or self.followers or self.absent or self.loop)


def chain(event: Event) -> Chain:
    """Read at most MOST events up and MOST down; an absent leader and a loop are named."""
    leaders = list(_up(event))
    seen = {event.id, *(leader.id for leader in leaders)}
    followers = list(_down(event, seen))
    first = (leaders[-1] if leaders else event).follows
    cut = len(leaders) == MOST
    return Chain(
        leaders=leaders[::-1],
        followers=followers[:MOST],
        absent=first if first and not cut and first not in seen else None,
        loop=first if first in seen else None,
        begins_earlier=cut and first is not None and first not in seen,
        goes_on=len(followers) > MOST,
    )


def by_id() -> QuerySet[Event]:
    """Events as pages of one event list them: an id alone means the one received first."""
    return Event.objects.defer("payload", "terms").order_by("received")


def _up(event: Event) -> Iterator[Event]:
    seen = {event.id}
    while event.follows and event.follows not in seen and len(seen) <= MOST:
        leader = by_id().filter(id=event.follows).first()
        if leader is None:
            return
        seen.add(leader.id)
        yield leader
        event = leader


def _down(event: Event, above: set[UUID]) -> Iterator[Event]:
    """Yield what follows; in a loop not what stands above it already."""
    seen, level = set(above), [event.id]
    while level and len(seen) - len(above) <= MOST:
        found = by_id().filter(follows__in=level).order_by("occurred", "received")[: MOST + 1]
        fresh = {follower.id: follower for follower in found if follower.id not in seen}
        yield from fresh.values()
        seen.update(fresh)
        level = list(fresh)
