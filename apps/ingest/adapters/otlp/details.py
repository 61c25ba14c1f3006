"""What people look for in an event that came as a log record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from apps.events.details import Block, Cell, Code, Facts, Failure, register_details
from apps.events.models import Event
from apps.ingest.adapters.message import cut

SHOWN = 50


def otel_details(event: Event) -> Sequence[Block]:
    """Return the exception, what the record says, who says it, and what it carries."""
    attributes = held(event.payload, "attributes")
    return [
        *_exception(attributes),
        *facts("Record", _record(event)),
        *facts("Service", _service(held(event.payload, "resource"))),
        *facts("Attributes", plain(attributes)),
        *body_of(event),
    ]


def _exception(attributes: Mapping[str, Any]) -> Iterator[Failure]:
    kind, stack = attributes.get("exception.type"), attributes.get("exception.stacktrace")
    message = attributes.get("exception.message")
    if kind or message or stack:
        yield Failure(
            message=str(message or kind or "Exception"),
            kind=str(kind) if kind else None,
            stack=str(stack) if stack else None,
        )


def _record(event: Event) -> Iterator[tuple[str, Cell]]:
    payload = event.payload
    yield "severity", severity(payload)
    yield "scope", text_of(payload.get("scope"))
    if trace := text_of(payload.get("trace_id")).text:
        yield "trace", Cell(trace, query=f"related.trace:otel.trace.{trace}")
    yield "span", text_of(payload.get("span_id"))


SERVICE = {
    "service.name": "name",
    "service.namespace": "namespace",
    "service.version": "version",
    "service.instance.id": "instance",
    "deployment.environment.name": "environment",
    "host.name": "host",
}


def _service(resource: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    for key, name in SERVICE.items():
        yield name, text_of(resource.get(key))


def severity(payload: Mapping[str, Any]) -> Cell:
    """Return the severity as a word, its number behind it."""
    number = payload.get("severity_number")
    text = text_of(payload.get("severity_text")).text
    return Cell(text or text_of(number).text, hint=f"number {number}" if number else None)


def facts(title: str, rows: Iterator[tuple[str, Cell]]) -> Iterator[Facts]:
    """Yield a block of what is told, none where nothing is."""
    if told := [(name, cell) for name, cell in rows if cell.text]:
        yield Facts(title, told[:SHOWN])


def plain(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    for key, value in attributes.items():
        if not key.startswith("exception."):
            yield key, text_of(value)


def body_of(event: Event) -> Iterator[Code]:
    body = event.payload.get("body")
    if isinstance(body, str) and body:
        yield Code("Body", "text", body)
    elif body not in (None, ""):
        yield Code("Body", "json", msgspec.json.format(msgspec.json.encode(body)).decode())


def held(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return what should be an object, an empty one when it is not."""
    value = payload.get(key)
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> Cell:
    """Write any value in a line; nothing of what is none."""
    if value is None or value == "":
        return Cell("")
    if isinstance(value, str):
        return Cell(cut(value, 500))
    return Cell(cut(msgspec.json.encode(value).decode(), 500))


def register_otel_details() -> None:
    register_details("otel", otel_details)
