"""What the newest events hold, counted: names, labels, places in payloads and their values.

A small sample, made anew when it is asked for and older than a few seconds. It serves completion:
what is typed next is mostly about what has just happened.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import connection

from apps.query import Outcome
from apps.query.terms import ID, NAME, ROLE
from apps.query.values import quote, written_key, written_role

NEWEST = 1_000
LASTS = 10.0
"""Seconds that a sample serves."""
LONGEST = 100
"""Characters of a value worth offering."""
MOST_KEYS = 500
MOST_VALUES = 200
DEEPEST = 4

SAMPLE = """
    SELECT event.event, event.outcome, event.system, source.name,
        event.resource::text, event.related::text,
        CASE WHEN pg_column_size(event.payload) < 16384 THEN event.payload::text END
    FROM (SELECT * FROM event ORDER BY occurred DESC, tx DESC, seq DESC LIMIT %s) AS event
    LEFT JOIN source ON source.id = event.source_id
"""


@dataclass
class Vocabulary:
    """How often each value stands in the sample, by the field that asks for it."""

    events: int = 0
    values: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    names: dict[str, str] = field(default_factory=dict)
    """What resources are called, by id."""

    def add(self, field: str, value: str) -> None:
        if not value or len(value) > LONGEST:
            return
        if field not in self.values and len(self.values) >= MOST_KEYS:
            return
        counted = self.values[field]
        if value in counted or len(counted) < MOST_VALUES:
            counted[value] += 1

    def fields(self, name: str) -> Counter[str]:
        """Count the fields that begin with this name: the labels, the places in payloads."""
        found = {
            field: counted.total()
            for field, counted in self.values.items()
            if field.startswith(f"{name}.")
        }
        return Counter(found)


def vocabulary() -> Vocabulary:
    """Return the sample of this process."""
    global _sample, _until
    with _lock:
        if time.monotonic() > _until:
            _sample, _until = read(), time.monotonic() + LASTS
        return _sample


def forget() -> None:
    """Make the next one anew."""
    global _until
    _until = 0.0


_sample, _until = Vocabulary(), 0.0
_lock = threading.Lock()


def read() -> Vocabulary:
    with connection.cursor() as cursor:
        cursor.execute(SAMPLE, [NEWEST])
        rows = cursor.fetchall()
    told = Vocabulary(events=len(rows))
    for event, outcome, system, source, resource, related, payload in rows:
        told.add("event", event)
        told.add("outcome", Outcome(outcome).word)
        told.add("system", system)
        told.add("source", source or "")
        _tell_resources(told, msgspec.json.decode(resource), msgspec.json.decode(related))
        if payload:
            _tell_payload(told, msgspec.json.decode(payload))
    return told


def _tell_resources(
    told: Vocabulary, resource: Mapping[str, str], related: Iterable[Mapping[str, str]]
) -> None:
    told.add("resource", resource[ID])
    for labels in (resource, *related):
        told.add("any", labels[ID])
        if name := labels.get(NAME):
            told.names[labels[ID]] = name
        for key, value in labels.items():
            if key not in (ID, NAME, ROLE):
                told.add(_field("label", key), value)
    for labels in related:
        told.add("related", labels[ID])
        told.add(_field("related", labels[ROLE]), labels[ID])
        told.add("related.role", labels[ROLE])


def _tell_payload(told: Vocabulary, value: Any, path: str = "payload", depth: int = 0) -> None:
    if isinstance(value, dict) and depth < DEEPEST:
        for key, inner in value.items():
            _tell_payload(told, inner, path + _step(key), depth + 1)
    elif isinstance(value, list):
        for inner in value[:3]:
            _tell_payload(told, inner, f"{path}[]" if isinstance(inner, dict) else path, depth + 1)
    elif isinstance(value, str | int | float):
        told.add(path, value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _field(name: str, key: str) -> str:
    """Write `label.team`, with quotes where the key needs them."""
    return f"{name}.{written_role(key) if name == 'related' else written_key(key)}"


def _step(key: str) -> str:
    """Write a key of a path, within which a point would begin the next."""
    return f".{quote(key) if '.' in key else written_key(key)}"
