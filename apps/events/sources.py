"""Who sends: a source is made when it is first heard of."""

import time

from apps.events.away import in_database
from apps.events.models import Source

# Seconds that an id is remembered: a sender heard of lately needs no database.
REMEMBERED = 60.0

_known: dict[str, tuple[int, float]] = {}


async def source_named(name: str, system: str) -> int:
    """Return the id of a source, made when it is new; raises DatabaseAway."""
    id, until = _known.get(name, (0, 0.0))
    if until < time.monotonic():
        id = await in_database(lambda: _id_of(name, system))
        _known[name] = id, time.monotonic() + REMEMBERED
    return id


def _id_of(name: str, system: str) -> int:
    source, _ = Source.objects.get_or_create(name=name, defaults={"system": system})
    return source.id
