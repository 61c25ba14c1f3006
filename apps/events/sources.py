"""Who sends: a source is made when it is first heard of."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from apps.events.away import in_database
from apps.events.models import Source

# Seconds that a source is remembered: a sender heard of lately needs no database.
REMEMBERED = 60.0


@dataclass(frozen=True)
class Known:
    """What a process remembers of a source."""

    id: int
    masks: Mapping[str, Any]
    until: float


_known: dict[str, Known] = {}
_masks: dict[int, Mapping[str, Any]] = {}
_networks: tuple[list[tuple[str, list[str]]], float] = [], 0.0


async def source_named(name: str, system: str) -> int:
    """Return the id of a source, made when it is new; raises DatabaseAway."""
    known = _known.get(name)
    if known is None or known.until < time.monotonic():
        source = await in_database(lambda: _source(name, system))
        known = Known(source.id, source.masks, time.monotonic() + REMEMBERED)
        _known[name] = known
        _masks[source.id] = source.masks
    return known.id


def masks_of(id: int) -> Mapping[str, Any]:
    """Return what a source says is to be masked, as known within the last minute."""
    return _masks.get(id, {})


async def source_at(address: str) -> str | None:
    """Return the source that sends from this address without a token; raises DatabaseAway."""
    global _networks
    known, until = _networks
    if until < time.monotonic():
        known = await in_database(_sources_with_networks)
        _networks = known, time.monotonic() + REMEMBERED
    return next((name for name, networks in known if _is_within(address, networks)), None)


def _source(name: str, system: str) -> Source:
    source, _ = Source.objects.get_or_create(name=name, defaults={"system": system})
    return source


def _sources_with_networks() -> list[tuple[str, list[str]]]:
    found = Source.objects.exclude(networks=[]).order_by("id")
    return list(found.values_list("name", "networks"))


def _is_within(address: str, networks: list[str]) -> bool:
    try:
        place = ip_address(address)
    except ValueError:
        return False
    return any(place in ip_network(network, strict=False) for network in networks)
