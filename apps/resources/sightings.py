"""What a batch of events shows: names, their dotted beginnings, and resources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, chain

from apps.events.models import Event
from apps.events.words import kind_of
from apps.query.terms import display_name
from apps.query.words import fold

ID = "prefect.resource.id"
ROLE = "prefect.resource.role"

# A btree key ends at 2,704 bytes, and a name may have 1,024 characters of four.
LONGEST_NAME = 2_000
LONGEST_DISPLAY_NAME = 200
LONGEST_KIND = 100
MOST_PREFIXES = 8
# Not the query's words: there a UUID is one, here any of its groups can be typed.
WORD = re.compile(r"[^\W_]{1,64}")


@dataclass(slots=True)
class NameSeen:
    key: str
    is_prefix: bool
    last_seen: datetime

    @property
    def said(self) -> str | None:
        return None


@dataclass(slots=True)
class ResourceSeen:
    key: str
    display_name: str
    named: bool
    role: str | None
    first_seen: datetime
    last_seen: datetime

    @property
    def kind(self) -> str:
        return kind_of(self.key, self.role).text[:LONGEST_KIND]

    @property
    def said(self) -> str | None:
        """The name it was given; None when it has only the end of its id."""
        return self.display_name if self.named else None


def names_in(events: Iterable[Event]) -> list[NameSeen]:
    """Return the names and prefixes of a batch, sorted, each as last seen."""
    seen: dict[str, datetime] = {}
    for event in events:
        if len(event.event.encode()) <= LONGEST_NAME:
            for key in chain([event.event], prefixes(event.event)):
                seen[key] = max(event.received, seen.get(key, event.received))
    return [NameSeen(key, key.endswith(".*"), at) for key, at in sorted(seen.items())]


def prefixes(name: str) -> Iterator[str]:
    """Yield `prefect.*`, `prefect.flow-run.*` for `prefect.flow-run.Failed`."""
    parts = name.split(".")[:-1][:MOST_PREFIXES]
    for prefix in accumulate(parts, "{}.{}".format):
        if prefix:
            yield f"{prefix}.*"


def resources_in(events: Iterable[Event]) -> list[ResourceSeen]:
    """Return the resources of a batch, sorted, each with the name it was given last."""
    seen: dict[str, ResourceSeen] = {}
    for event in events:
        for labels in chain([event.resource], event.related):
            sighting = resource_seen(labels, event.received)
            seen[sighting.key] = merged(seen.get(sighting.key), sighting)
    return [seen[key] for key in sorted(seen)]


def resource_seen(labels: Mapping[str, str], at: datetime) -> ResourceSeen:
    id = labels[ID]
    name = display_name(labels)
    return ResourceSeen(
        key=id,
        display_name=name[:LONGEST_DISPLAY_NAME],
        named=name != display_name({ID: id}),
        role=labels.get(ROLE),
        first_seen=at,
        last_seen=at,
    )


def merged(before: ResourceSeen | None, now: ResourceSeen) -> ResourceSeen:
    if before is None:
        return now
    if before.named and not now.named:
        now.display_name, now.named = before.display_name, True
    now.first_seen = min(before.first_seen, now.first_seen)
    now.last_seen = max(before.last_seen, now.last_seen)
    return now


def words_in(*texts: str) -> list[str]:
    """Return the words by which a resource can be found, once each."""
    return list(dict.fromkeys(word for text in texts for word in WORD.findall(fold(text))))
