"""What people look for in a CloudEvent that no system of its own tells of."""

from collections.abc import Iterator, Sequence

from apps.events.details import Block, Cell, Code, Facts, register_details
from apps.events.models import Event

SCHEMA = "ce.dataschema"
TYPE = "ce.datacontenttype"


def cloudevents_details(event: Event) -> Sequence[Block]:
    return [*_schema(event), *_text(event)]


def register_cloudevents_details() -> None:
    register_details("cloudevents", cloudevents_details)


def _schema(event: Event) -> Iterator[Block]:
    if address := event.resource.get(SCHEMA):
        href = address if address.startswith(("https://", "http://")) else None
        yield Facts("Data", [("schema", Cell(address, href=href))])


def _text(event: Event) -> Iterator[Block]:
    """Show a text as it is written, lines and all."""
    text = event.payload.get("text")
    type = event.resource.get(TYPE, "")
    if isinstance(text, str) and "\n" in text and not type.endswith("json"):
        yield Code(type.partition(";")[0] or "Text", "text", text)
