"""Who sends: a source is made when it is first heard of."""

import time
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from apps.events.away import DatabaseAway, in_database
from apps.events.models import Source
from eventfeed.patience import PATIENCE

# Seconds that a source is remembered: a sender heard of lately needs no database.
REMEMBERED = 60.0
# Seconds that its looking up may take, when it can be done without; and until the next.
BRIEFLY = 1.0
RETRY = 5.0

Neighbour = tuple[str, str, list[str]]
"""A source's name, its system and the networks it sends from."""

_known: dict[str, tuple[int, float]] = {}
_masks: dict[int, Mapping[str, Any]] = {}
_networks: tuple[list[Neighbour], float] = [], 0.0


async def source_named(name: str, system: str, *, within: float = PATIENCE) -> int:
    """Return the id of a source, made when it is new; raises DatabaseAway after so many seconds.

    One that is known stays known while the database is away.
    """
    id, until = _known.get(name, (0, 0.0))
    if until < time.monotonic():
        try:
            ask = min(within, BRIEFLY) if id else within
            source = await in_database(lambda: _source(name, system), within=ask)
        except DatabaseAway:
            if not id:
                raise
            _known[name] = id, time.monotonic() + RETRY
        else:
            id, _masks[source.id] = source.id, source.masks
            _known[name] = id, time.monotonic() + REMEMBERED
    return id


def forget_sources() -> None:
    """Look at every source anew: one was changed here; other processes see it within a minute."""
    global _networks
    _known.clear()
    _networks = [], 0.0


def masks_of(id: int) -> Mapping[str, Any]:
    """Return what a source says is to be masked, as known within the last minute."""
    return _masks.get(id, {})


async def sources_at(address: str, *, within: float = PATIENCE) -> list[tuple[str, str]]:
    """Return the name and system of each source that sends from this address without a token.

    Raises DatabaseAway after so many seconds, unless it was known before.
    """
    global _networks
    known, until = _networks
    if until < time.monotonic():
        if until:
            # Meanwhile others do with what is known.
            _networks = known, time.monotonic() + RETRY
        try:
            known = await in_database(_neighbours, within=min(within, BRIEFLY) if until else within)
        except DatabaseAway:
            if not until:
                raise
        else:
            _networks = known, time.monotonic() + REMEMBERED
    return [(name, system) for name, system, named in known if _is_within(address, named)]


def _source(name: str, system: str) -> Source:
    source, _ = Source.objects.get_or_create(name=name, defaults={"system": system})
    return source


def _neighbours() -> list[Neighbour]:
    found = Source.objects.exclude(networks=[]).order_by("id")
    return list(found.values_list("name", "system", "networks"))


def _is_within(address: str, networks: list[str]) -> bool:
    try:
        place = ip_address(address)
    except ValueError:
        return False
    return any(place in ip_network(network, strict=False) for network in networks)
