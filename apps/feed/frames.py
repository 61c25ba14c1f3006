"""The frames of the live socket, as text. Rows are encoded once, whoever gets them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from apps.events.models import Event
from apps.events.position import Position
from apps.feed.columns import Columns
from apps.feed.rows import iso, render_gap, render_row
from apps.feed.subscription import Format, Subscription
from apps.feed.told import told
from apps.query.outcomes import Outcome


class Row:
    """A matching event on its way to viewers, drawn when the first of them takes it."""

    __slots__ = ("at", "drawn", "event", "source", "weight")

    def __init__(self, event: Event, source: str) -> None:
        self.event = event
        self.source = source
        self.at = event.position
        self.weight = weight(event)
        self.drawn: dict[tuple[Format, Columns], str] = {}

    def text(self, format: Format, columns: Columns = ()) -> str:
        key = format, columns
        if key not in self.drawn:
            self.drawn[key] = encode(self.told(format, columns))
        return self.drawn[key]

    def told(self, format: Format, columns: Columns) -> dict[str, Any]:
        row = {
            "at": str(self.at),
            "occurred": iso(self.event.occurred),
            "outcome": self.event.outcome_word,
        }
        if format is Format.HTML:
            return row | {"html": render_row(self.event, columns)}
        return row | {"event": told(self.event, source=self.source)}


def weight(event: Event) -> int:
    """Return about how many characters an event holds: some have thousands of related ones."""
    return sum(
        len(key) + len(value)
        for labels in (event.resource, *event.related)
        for key, value in labels.items()
    )


@dataclass(slots=True)
class Missed:
    """Rows a viewer was not given: why, how many, of what times, and up to where."""

    why: str
    upto: Position
    count: int = 0
    more: bool = False
    first: datetime | None = None
    last: datetime | None = None

    def add(self, row: Row) -> None:
        occurred = row.event.occurred
        self.upto = row.at
        self.count += 1
        self.first = min(self.first or occurred, occurred)
        self.last = max(self.last or occurred, occurred)


@dataclass(slots=True)
class Tally:
    """What a hidden tab is told instead of rows."""

    count: int = 0
    failed: int = 0

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.count += 1
            self.failed += row.event.outcome == Outcome.FAILED


def ok(query: str, start: Position | None, *, live: bool) -> str:
    return encode({"t": "ok", "q": query, "from": start and str(start), "live": live})


def rows(
    start: Position, end: Position, rows: Sequence[Row], format: Format, columns: Columns = ()
) -> str:
    told = ",".join(row.text(format, columns) for row in rows)
    return f'{{"t":"rows","from":"{start}","to":"{end}","rows":[{told}]}}'


def counts(start: Position, end: Position, tally: Tally) -> str:
    frame = {"t": "counts", "from": str(start), "to": str(end)}
    return encode(frame | {"count": tally.count, "failed": tally.failed})


def gap(start: Position, end: Position, missed: Missed, subscription: Subscription) -> str:
    frame = {
        "t": "gap",
        "from": str(start),
        "to": str(end),
        "count": missed.count,
        "more": missed.more,
        "first": missed.first and iso(missed.first),
        "last": missed.last and iso(missed.last),
        "why": missed.why,
    }
    if subscription.format is Format.HTML:
        frame["html"] = draw_gap(start, end, missed, subscription.query.canonical)
    return encode(frame)


def draw_gap(start: Position, end: Position, missed: Missed, query: str) -> str:
    return render_gap(
        query=query,
        start=start,
        end=end,
        count=missed.count,
        more=missed.more,
        first=missed.first,
        last=missed.last,
        why=missed.why,
    )


def beat(end: Position) -> str:
    return encode({"t": "beat", "to": str(end)})


def error(code: str, say: str, *, start: int | None = None, end: int | None = None) -> str:
    frame: dict[str, Any] = {"t": "error", "code": code, "say": say}
    if start is not None:
        frame |= {"start": start, "end": end}
    return encode(frame)


def encode(frame: dict[str, Any]) -> str:
    # To msgspec, Django's SafeString is no string.
    return msgspec.json.encode(frame, enc_hook=str.__str__).decode()
