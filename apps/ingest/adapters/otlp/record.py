"""One OpenTelemetry log record, the same whichever of the two encodings it came in.

Fields and their meaning: opentelemetry/proto/logs/v1/logs.proto.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from apps.ingest.adapters.message import Unreadable

# Deeper values are refused, as protobuf's own parsers do.
MAX_DEPTH = 100
NUL = "It holds the character U+0000, which PostgreSQL cannot store."


class Scope(msgspec.Struct, frozen=True):
    """What made the records, and where: told once for many of them."""

    resource: dict[str, Any] = {}
    name: str = ""
    version: str = ""
    attributes: dict[str, Any] = {}


class Record(msgspec.Struct):
    """Times are nanoseconds since 1970, 0 when not told; ids are lower-case hexadecimal."""

    time: int = 0
    observed: int = 0
    severity: int = 0
    severity_text: str = ""
    body: Any = None
    attributes: dict[str, Any] = {}
    dropped: int = 0
    flags: int = 0
    trace_id: str = ""
    span_id: str = ""
    event_name: str = ""


class Told(NamedTuple):
    """A record of a request, or why it cannot be read."""

    raw: bytes
    scope: Scope
    record: Record | Unreadable
    alone: Callable[[bytes], bytes]
    """Writes a request that holds its bytes alone, to be kept where it is refused."""


class Broken(ValueError):
    """What is wrong with the encoding, and where."""

    def __init__(self, say: str, *path: str | int) -> None:
        super().__init__(say)
        self.path = path

    @property
    def unreadable(self) -> Unreadable:
        return Unreadable.because(400, str(self), *self.path)


class Reader(Protocol):
    """Yields a request's records in their order; raises Broken for what is no request."""

    def __call__(self, body: bytes) -> Iterator[Told]: ...


def text(value: str) -> str:
    """Return a text that PostgreSQL can store; raises Broken."""
    if "\0" in value:
        raise Broken(NUL)
    return value


def number(value: float) -> float | str:
    """Return a number as JSON has it; what is none is a word, as in protobuf's own JSON."""
    if value - value == 0:
        return value
    return NOT_FINITE.get(str(value), "NaN")


NOT_FINITE: Mapping[str, str] = {"inf": "Infinity", "-inf": "-Infinity"}


def hexadecimal(id: bytes) -> str:
    """Write a trace's or a span's id; one of zeros alone is none."""
    return id.hex() if id.strip(b"\0") else ""
