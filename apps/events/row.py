"""How a draft becomes one line of COPY, PostgreSQL's text format."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from apps.events.draft import Draft
from apps.query.terms import TERMS_VERSION, terms_of

COPY = """
    COPY event (id, occurred, received, event, resource_id, resource, related, payload, follows,
    outcome, system, source_id, warnings, message, terms, terms_version) FROM STDIN
"""

# UTF-8 holds neither byte, so a column cannot be mistaken for its end or for a null.
END = b"\xff"
NULL = b"\xfe"
VERSION = b"%d" % TERMS_VERSION


class Row(NamedTuple):
    """What the writer needs of a draft: its identity as text, and its line."""

    id: str
    occurred: str
    once: bool
    line: bytes


class Refused(Exception):
    """PostgreSQL, or the encoding of text, says no to this request's data: do not send it again."""

    def __init__(self, index: int | None, path: str, say: str) -> None:
        super().__init__(say)
        self.index = index
        self.path = path
        self.say = say


def rows_of(drafts: Sequence[Draft], *, source_id: int, first: int = 0) -> list[Row]:
    """Prepare drafts for COPY; raises Refused for one that cannot be written down.

    `first` is the index of the first one in its request.
    """
    received = datetime.now(UTC).isoformat().encode()
    source = b"%d" % source_id
    rows = []
    for index, draft in enumerate(drafts, first):
        try:
            rows.append(_row(draft, received, source))
        except UnicodeEncodeError:
            raise Refused(index, "", "It holds half a surrogate pair, which is no text.") from None
        except RecursionError:
            raise Refused(index, "payload", "It is nested too deeply.") from None
    return rows


def _row(draft: Draft, received: bytes, source: bytes) -> Row:
    terms = terms_of(draft)
    warnings = draft.warnings if terms.dropped is None else (*draft.warnings, terms.dropped)
    identity = str(draft.id)
    occurred = draft.occurred.astimezone(UTC).isoformat()
    encode = msgspec.json.encode
    line = END.join(
        (
            identity.encode(),
            occurred.encode(),
            received,
            draft.event.encode(),
            draft.resource_id.encode(),
            encode(draft.resource),
            encode(draft.related),
            encode(draft.payload),
            NULL if draft.follows is None else str(draft.follows).encode(),
            b"%d" % draft.outcome,
            draft.system.encode(),
            source,
            _array(warnings) if warnings else NULL,
            NULL if draft.message is None else draft.message.encode(),
            terms.text.encode(),
            VERSION,
        )
    )
    return Row(identity, occurred, draft.once, _escaped(line))


def _escaped(line: bytes) -> bytes:
    return (
        line.replace(b"\\", b"\\\\")
        .replace(b"\t", b"\\t")
        .replace(b"\n", b"\\n")
        .replace(b"\r", b"\\r")
        .replace(END, b"\t")
        .replace(NULL, b"\\N")
        + b"\n"
    )


def _array(texts: Sequence[str]) -> bytes:
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return ("{" + ",".join(f'"{text}"' for text in quoted) + "}").encode()
