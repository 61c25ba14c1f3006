"""The forms of an export: NDJSON, which can be imported again, and CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from apps.events.models import Event
from apps.feed.columns import Columns, wants_payload
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
NEGATIVE_NUMBER = re.compile(r"-\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)

encode_lines = msgspec.json.Encoder().encode_lines

# An event, the name of its source, and its payload as JSON.
Telling = tuple[Event, str, str]


@dataclass(frozen=True)
class Format:
    """How an export is written; `head` and `lines` are told which columns were chosen."""

    name: str
    title: str
    use: str
    media: str
    head: Callable[[Columns], bytes]
    lines: Callable[[Iterable[Telling], Columns], bytes]


def as_ndjson(tellings: Iterable[Telling], columns: Columns) -> bytes:
    """Write whole events, whatever columns were chosen."""
    return encode_lines([_object(*telling) for telling in tellings])


def _object(event: Event, source: str, payload: str) -> dict[str, Any]:
    return told(event, source=source, payload=msgspec.Raw(payload.encode()))


def csv_head(columns: Columns) -> bytes:
    return _table([(*COLUMNS, *(column.text for column in columns))])


def as_csv(tellings: Iterable[Telling], columns: Columns) -> bytes:
    return _table((*_cells(*telling), *_chosen(telling, columns)) for telling in tellings)


def _chosen(telling: Telling, columns: Columns) -> list[str]:
    event, _, payload = telling
    if wants_payload(columns):
        event.payload = msgspec.json.decode(payload)
    return [column.whole(event) for column in columns]


def _cells(event: Event, source: str, payload: str) -> tuple[str, ...]:
    related = "; ".join(f"{one.get(ROLE, '')}={one.get(ID, '')}" for one in event.related)
    return (
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


def _table(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def harmless(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula."""
    if not cell.startswith(FORMULA) or NEGATIVE_NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


FORMATS: Mapping[str, Format] = {
    "ndjson": Format(
        "ndjson",
        "NDJSON",
        "whole events, to import again",
        "application/x-ndjson",
        lambda columns: b"",
        as_ndjson,
    ),
    "csv": Format("csv", "CSV", "for spreadsheets", "text/csv; charset=utf-8", csv_head, as_csv),
}
