"""The forms of an export: NDJSON, which can be imported again, and CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from apps.events.models import Event
from apps.feed.rows import ID, ROLE, iso
from apps.feed.told import told
from apps.query import display_name

COLUMNS = (
    "id",
    "occurred",
    "received",
    "event",
    "outcome",
    "system",
    "source",
    "resource_id",
    "resource_name",
    "related",
    "message",
    "payload",
)
# What a spreadsheet would run: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Format:
    """How an export is written."""

    name: str
    title: str
    use: str
    media: str
    head: bytes
    line: Callable[[Event, str, str], bytes]
    """Writes an event with the name of its source and its payload as JSON."""


def as_ndjson(event: Event, source: str, payload: str) -> bytes:
    return encode(told(event, source=source, payload=msgspec.Raw(payload.encode()))) + b"\n"


def as_csv(event: Event, source: str, payload: str) -> bytes:
    related = "; ".join(f"{one.get(ROLE, '')}={one.get(ID, '')}" for one in event.related)
    return _row(
        str(event.id),
        iso(event.occurred),
        iso(event.received),
        event.event,
        event.outcome_word,
        event.system,
        source,
        event.resource_id,
        display_name(event.resource),
        related,
        event.message or "",
        payload,
    )


def _row(*cells: str) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(map(harmless, cells))
    return text.getvalue().encode()


def harmless(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


FORMATS: Mapping[str, Format] = {
    "ndjson": Format(
        "ndjson", "NDJSON", "whole events, to import again", "application/x-ndjson", b"", as_ndjson
    ),
    "csv": Format(
        "csv", "CSV", "for spreadsheets", "text/csv; charset=utf-8", _row(*COLUMNS), as_csv
    ),
}
