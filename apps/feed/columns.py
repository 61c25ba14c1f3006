"""Columns that a visitor adds to the list: any label, any place in the payload.

They stand in the address: `columns=label.team,payload.duration_ms`. A key with a comma, a dot or
a space is quoted, as in a query: `payload."host.name"`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import connection

from apps.events.models import Event
from apps.query import clause
from apps.query.values import STRING, Value, quote, unquote, written_key

MOST = 8
OFFERED = 10
LONGEST = 200
LONGEST_CELL = 120
LONGEST_FILTER = 200

LABEL = "label"
PAYLOAD = "payload"

# Every row says these itself.
SAID_ALREADY = {"prefect.resource.id", "prefect.resource.name", "prefect.resource.role"}
# Of related resources only these are looked through for labels to offer.
NEAREST = 3

# A payload stored larger than this, compressed, is not read for a list.
LARGEST_PAYLOAD = 64_000
NOT_READ = "…"

PAYLOADS = """
    SELECT told.place, kept.payload
    FROM unnest(%s::uuid[], %s::timestamptz[]) WITH ORDINALITY AS told (id, occurred, place)
    CROSS JOIN LATERAL (
        SELECT payload::text FROM event
        WHERE event.id = told.id AND event.occurred = told.occurred
            AND pg_column_size(payload) <= %s
        LIMIT 1
    ) AS kept
"""

_COLUMN = re.compile(rf"(?:[^,\"]|{STRING})+", re.DOTALL)
_WRITTEN = re.compile(
    rf"(label|payload)\.((?:{STRING}|[^.\"]+)(?:\.(?:{STRING}|[^.\"]+))*)", re.DOTALL
)
_STEP = re.compile(rf"({STRING}|[^.\"]+)", re.DOTALL)


class BadColumn(ValueError):
    """The text is no column, or there are too many."""


@dataclass(frozen=True)
class Column:
    """A label by its key, or a value of the payload by its path."""

    field: str
    path: tuple[str, ...]

    @property
    def text(self) -> str:
        """How it is written in the address, and as a field of a query."""
        if self.field == LABEL:
            return f"{LABEL}.{written_key(self.path[0])}"
        return ".".join([PAYLOAD, *(_written_step(step) for step in self.path)])

    @property
    def ending(self) -> str:
        """The last step of its path, which is what tells most columns apart."""
        return self.path[-1].rpartition(".")[2] or self.path[-1]

    def cell(self, event: Event) -> "Cell":
        """Return what a row has room for."""
        if self.field == PAYLOAD and "payload" not in event.__dict__:
            return Cell(NOT_READ)
        found = self._find(event)
        return Cell() if found is None else _told(*found)

    def whole(self, event: Event) -> str:
        """Return the whole of what an event has there, whose payload has been read."""
        found = self._find(event)
        return "" if found is None else _as_text(found[1])

    def _find(self, event: Event) -> tuple[str, Any] | None:
        """Return the field of a query that looks there, and the value; None for nothing."""
        return self._label(event) if self.field == LABEL else self._place(event)

    def _label(self, event: Event) -> tuple[str, Any] | None:
        """Read the label of the resource, else of the first related one that has it."""
        key = self.path[0]
        for labels in (event.resource, *event.related):
            if key in labels:
                return self.text, labels[key]
        return None

    def _place(self, event: Event) -> tuple[str, Any] | None:
        found: Any = event.payload
        keys = []
        for step in self.path:
            if isinstance(found, dict) and step in found:
                found = found[step]
                keys.append(step)
            elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            else:
                return None
        # A query names no place in a list: it looks at each.
        return Column(PAYLOAD, tuple(keys)).text, found


@dataclass(frozen=True)
class Cell:
    """What a row shows in one column: "" where the event has nothing there."""

    text: str = ""
    query: str = ""
    """The clause that finds events with the same."""


def _told(field: str, value: Any) -> Cell:
    text = _as_text(value)
    shown = text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
    can_filter = not isinstance(value, dict | list | None) and 0 < len(text) <= LONGEST_FILTER
    # In quotes a number or truth value would be a text.
    asked = Value(text, quoted=isinstance(value, str))
    return Cell(shown, clause(field, asked) if can_filter else "")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


Columns = tuple[Column, ...]


def read_columns(text: str) -> Columns:
    """Read a list of columns, each once, in their order; raises BadColumn."""
    columns = dict.fromkeys(read_column(one.strip()) for one in _pieces(text) if one.strip())
    if len(columns) > MOST:
        raise BadColumn(f"A list has room for {MOST} columns; these are {len(columns)}.")
    return tuple(columns)


def written(columns: Iterable[Column]) -> str:
    return ",".join(column.text for column in columns)


def titles(columns: Columns) -> list[str]:
    """Return what stands above columns: the ending of each where that is no other's."""
    times = Counter(column.ending for column in columns)
    return [column.ending if times[column.ending] == 1 else column.text for column in columns]


def _pieces(text: str) -> list[str]:
    pieces = _COLUMN.findall(text)
    # What the pattern cannot take is a quote that is never closed.
    return pieces if '"' not in _COLUMN.sub("", text) else [text]


def read_column(text: str) -> Column:
    """Read `label.KEY` or `payload.PATH`; raises BadColumn."""
    found = _WRITTEN.fullmatch(text)
    if found is None or len(text) > LONGEST:
        raise BadColumn(
            f"“{text[:80]}” is no column: write label.KEY or payload.PATH, "
            "such as label.team or payload.duration_ms."
        )
    field, path = found.groups()
    steps = _steps(path)
    return Column(field, (".".join(steps),) if field == LABEL else steps)


def _steps(path: str) -> tuple[str, ...]:
    return tuple(unquote(one) if one.startswith('"') else one for one in _STEP.findall(path))


def _written_step(step: str) -> str:
    return quote(step) if "." in step else written_key(step)


def read_payloads(events: Sequence[Event], columns: Columns) -> None:
    """Read the payloads that columns look into, for events of a list, which come without."""
    unread = [event for event in events if "payload" not in event.__dict__]
    if not unread or not wants_payload(columns):
        return
    ids, moments = [event.id for event in unread], [event.occurred for event in unread]
    with connection.cursor() as cursor:
        cursor.execute(PAYLOADS, [ids, moments, LARGEST_PAYLOAD])
        for place, payload in cursor.fetchall():
            unread[place - 1].payload = msgspec.json.decode(payload)


def wants_payload(columns: Columns) -> bool:
    return any(column.field == PAYLOAD for column in columns)


@dataclass(frozen=True)
class Choice:
    """A column that is shown or could be, as the chooser offers it."""

    text: str
    chosen: bool


def choices(events: Iterable[Event], chosen: Columns) -> list[Choice]:
    """Return the columns chosen, then the labels most of these events have."""
    seen: Counter[str] = Counter()
    for event in events:
        near = event.resource, *event.related[:NEAREST]
        seen.update({key for labels in near for key in labels})
    found = [Column(LABEL, (key,)) for key, _ in seen.most_common() if key not in SAID_ALREADY]
    others = [column for column in found if column not in chosen][:OFFERED]
    return [
        *(Choice(column.text, True) for column in chosen),
        *(Choice(column.text, False) for column in others),
    ]
