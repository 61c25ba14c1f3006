"""The follower that remembers which names and resources the feed holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from apps.events.models import Event
from apps.events.retention import kept_since
from apps.resources.sightings import NameSeen, ResourceSeen, names_in, resources_in, words_in

UNTOUCHED = timedelta(minutes=1)
MOST_REMEMBERED = 50_000
EXPIRE_EVERY = timedelta(hours=1)
EXPIRE_AT_ONCE = 1_000

# Given in the order of their keys, so that overlapping batches lock rows in the same order; and as
# one JSON text, because psycopg writes arrays element by element, in Python.
WRITE_NAMES = """
    INSERT INTO name (name, is_prefix, last_seen)
    SELECT * FROM json_to_recordset(%s::json)
        AS seen (name text, is_prefix boolean, last_seen timestamptz)
    ON CONFLICT (name) DO UPDATE SET last_seen = greatest(name.last_seen, excluded.last_seen)
"""
WRITE_RESOURCES = """
    INSERT INTO resource (id, display_name, named, kind, words, first_seen, last_seen)
    SELECT id, display_name, named, kind, array_to_tsvector(string_to_array(words, ' ')),
           first_seen, last_seen
    FROM json_to_recordset(%s::json)
        AS seen (id text, display_name text, named boolean, kind text, words text,
                 first_seen timestamptz, last_seen timestamptz)
    ON CONFLICT (id) DO UPDATE SET
        display_name = CASE WHEN excluded.named THEN excluded.display_name
                            ELSE resource.display_name END,
        words = CASE WHEN excluded.named THEN excluded.words ELSE resource.words END,
        named = resource.named OR excluded.named,
        last_seen = greatest(resource.last_seen, excluded.last_seen)
"""
DROP_NAMES = """
    DELETE FROM name WHERE name IN (SELECT name FROM name WHERE last_seen < %s LIMIT %s)
"""
DROP_RESOURCES = """
    DELETE FROM resource WHERE id IN (SELECT id FROM resource WHERE last_seen < %s LIMIT %s)
"""


class Seen(Protocol):
    key: str
    last_seen: datetime

    @property
    def said(self) -> str | None: ...


@dataclass
class Lately:
    """What was written within the last minute: when, and under which name."""

    written: dict[str, tuple[datetime, str | None]] = field(default_factory=dict)

    def lacks(self, seen: Seen) -> bool:
        if seen.key not in self.written:
            return True
        at, said = self.written[seen.key]
        return seen.last_seen - at >= UNTOUCHED or seen.said not in (None, said)

    def keep(self, written: Iterable[Seen]) -> None:
        if len(self.written) > MOST_REMEMBERED:
            self.written.clear()
        self.written.update((seen.key, (seen.last_seen, seen.said)) for seen in written)


@dataclass
class Registry:
    """Writes a name or resource when it is new, renamed or untouched for a minute."""

    name: str = "registry"
    reads: frozenset[str] = frozenset({"received", "event", "resource", "related"})
    lately_named: Lately = field(default_factory=Lately)
    lately_touched: Lately = field(default_factory=Lately)
    last: tuple[int, int] = (0, 0)
    expired: datetime | None = None

    def handle(self, events: list[Event], cursor: Any) -> None:
        self.forget_what_was_undone(events)
        self.write_names(events, cursor)
        self.write_resources(events, cursor)
        self.expire(events[-1].received, cursor)

    def forget_what_was_undone(self, events: list[Event]) -> None:
        """Forget what was written, when an event comes again: its transaction was rolled back."""
        if (events[0].tx, events[0].seq) <= self.last:
            self.lately_named, self.lately_touched = Lately(), Lately()
        self.last = (events[-1].tx, events[-1].seq)

    def write_names(self, events: list[Event], cursor: Any) -> None:
        names = [seen for seen in names_in(events) if self.lately_named.lacks(seen)]
        if names:
            cursor.execute(WRITE_NAMES, [as_json(map(name_row, names))])
            self.lately_named.keep(names)

    def write_resources(self, events: list[Event], cursor: Any) -> None:
        resources = [seen for seen in resources_in(events) if self.lately_touched.lacks(seen)]
        if resources:
            cursor.execute(WRITE_RESOURCES, [as_json(map(resource_row, resources))])
            self.lately_touched.keep(resources)

    def expire(self, now: datetime, cursor: Any) -> None:
        """Drop, once an hour and a little at a time, what was not seen for the retention time."""
        if self.expired and now - self.expired < EXPIRE_EVERY:
            return
        dropped = 0
        for drop in (DROP_NAMES, DROP_RESOURCES):
            cursor.execute(drop, [kept_since(), EXPIRE_AT_ONCE])
            dropped = max(dropped, cursor.rowcount)
        if dropped < EXPIRE_AT_ONCE:
            self.expired = now


def name_row(seen: NameSeen) -> dict[str, Any]:
    return {"name": seen.key, "is_prefix": seen.is_prefix, "last_seen": seen.last_seen}


def resource_row(seen: ResourceSeen) -> dict[str, Any]:
    return {
        "id": seen.key,
        "display_name": seen.display_name,
        "named": seen.named,
        "kind": seen.kind,
        "words": " ".join(words_in(seen.display_name, seen.key)),
        "first_seen": seen.first_seen,
        "last_seen": seen.last_seen,
    }


def as_json(rows: Iterable[dict[str, Any]]) -> str:
    return msgspec.json.encode(list(rows)).decode()


registry = Registry()
