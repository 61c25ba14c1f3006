"""How a draft becomes one tuple of COPY, PostgreSQL's binary format."""

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from apps.events.draft import Draft
from apps.query.terms import TERMS_VERSION, terms_of

# Those of fixed width first: they are packed together.
COPY = """
    COPY event (id, occurred, received, outcome, source_id, terms_version, follows, event,
    resource_id, resource, related, payload, system, warnings, message, terms)
    FROM STDIN (FORMAT binary)
"""
# https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-FILE-FORMATS
HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TAIL = b"\xff\xff"

# The number of columns, then each as its length and itself.
FIXED = struct.Struct(">h i16s iq iq ih ii ih").pack
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
A_MOMENT = timedelta(milliseconds=400)
NULL = b"\xff\xff\xff\xff"
SIZE_OF_UUID = (16).to_bytes(4)
JSONB = b"\1"
OID_OF_TEXT = 25


class Row(NamedTuple):
    """What the writer needs of a draft: its identity, and its tuple for COPY."""

    id: UUID
    occurred: datetime
    once: bool
    line: bytes


def copied(rows: Iterable[Row]) -> bytes:
    """Write what COPY reads."""
    return b"".join([HEAD, *(row.line for row in rows), TAIL])


class Refused(Exception):
    """PostgreSQL, or the encoding of text, says no to this request's data: do not send it again."""

    def __init__(self, index: int | None, path: str, say: str) -> None:
        super().__init__(say)
        self.index = index
        self.path = path
        self.say = say


def rows_of(
    drafts: Sequence[Draft], *, source_id: int, first: int = 0, prompt: bool = False
) -> list[Row]:
    """Prepare drafts for COPY; raises Refused for one that cannot be written down.

    `first` is the index of the first one in its request. Where a past is made up, its senders are
    `prompt`: each event was received a moment after it occurred.
    """
    now = datetime.now(UTC)
    received = _moment(now)
    rows = []
    for index, draft in enumerate(drafts, first):
        if prompt:
            received = _moment(min(now, draft.occurred + A_MOMENT))
        try:
            rows.append(_row(draft, received, source_id))
        except UnicodeEncodeError:
            raise Refused(index, "", "It holds half a surrogate pair, which is no text.") from None
        except RecursionError:
            raise Refused(index, "payload", "It is nested too deeply.") from None
    return rows


def _row(draft: Draft, received: int, source_id: int) -> Row:
    terms = terms_of(draft)
    warnings = draft.warnings if terms.dropped is None else (*draft.warnings, terms.dropped)
    encode = msgspec.json.encode
    parts = [
        FIXED(
            *(COLUMNS, 16, draft.id.bytes, 8, _moment(draft.occurred), 8, received),
            *(2, draft.outcome, 4, source_id, 2, TERMS_VERSION),
        ),
        NULL if draft.follows is None else SIZE_OF_UUID + draft.follows.bytes,
    ]
    for told in (
        draft.event.encode(),
        draft.resource_id.encode(),
        JSONB + encode(draft.resource),
        JSONB + encode(draft.related),
        JSONB + encode(draft.payload),
        draft.system.encode(),
        _array(warnings) if warnings else None,
        None if draft.message is None else draft.message.encode(),
        terms.binary,
    ):
        parts += (NULL,) if told is None else (len(told).to_bytes(4), told)
    return Row(draft.id, draft.occurred, draft.once, b"".join(parts))


COLUMNS = 16


def _moment(moment: datetime) -> int:
    """Write a timestamptz: microseconds since the year 2000."""
    return (moment - EPOCH) // MICROSECOND


def _array(texts: Sequence[str]) -> bytes:
    """Write a text[]: dimensions, whether it holds nulls, type, length, first index, elements."""
    parts = [struct.pack(">5i", 1, 0, OID_OF_TEXT, len(texts), 1)]
    for text in texts:
        told = text.encode()
        parts += (len(told).to_bytes(4), told)
    return b"".join(parts)
