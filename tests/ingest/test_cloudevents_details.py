"""What the page of a CloudEvent shows beside its labels and payload."""

from typing import Any

import pytest

from apps.events.details import Block, Cell, Code, Facts, details
from apps.events.models import Event
from apps.events.words import kind_of, system_title, words


def told(payload: dict[str, Any], **labels: str) -> Any:
    resource = {f"ce.{name}": value for name, value in labels.items()}
    return details(Event(system="cloudevents", resource=resource, payload=payload))


TEXT = "<a>\n</a>"
SHOWN: dict[str, tuple[Any, list[Block]]] = {
    "a schema": (
        told({}, dataschema="https://acme.test/order"),
        [Facts("Data", [("schema", Cell("https://acme.test/order", href="https://acme.test/order"))])],
    ),
    "a schema that leads nowhere": (
        told({}, dataschema="javascript:alert(1)"),
        [Facts("Data", [("schema", Cell("javascript:alert(1)"))])],
    ),
    "a text": (
        told({"text": TEXT}, datacontenttype="application/xml; charset=utf-8"),
        [Code("application/xml", "text", TEXT)],
    ),
    "a text of no type": (told({"text": TEXT}), [Code("Text", "text", TEXT)]),
    "a line": (told({"text": "hello"}), []),
    "a field called text": (told({"text": TEXT}, datacontenttype="application/json"), []),
    "no text": (told({"text": {"a": 1}}), []),
    "nothing": (told({}), []),
}  # fmt: skip


@pytest.mark.parametrize(("blocks", "expected"), SHOWN.values(), ids=SHOWN)
def test_a_schema_is_a_link_and_a_text_keeps_its_lines(
    blocks: list[Block], expected: list[Block]
) -> None:
    assert blocks == expected


def test_a_subject_is_called_so() -> None:
    assert kind_of("cloudevents.subject./shop#order/17").text == "order"
    assert system_title("cloudevents") == "CloudEvents"


@pytest.mark.parametrize(
    ("type", "subject", "text", "kind"),
    [
        ("com.acme.order.placed", "orders/17", "Order placed", "order"),
        ("com.acme.order.payment.failed", "orders/17", "Order payment failed", "order"),
        ("com.acme.storage.object.created", "a/b/c", "Storage object created", "storage object"),
        ("acme.invoice.paid.v1", "", "Invoice paid", "invoice"),
        ("dev.cdevents.pipelinerun.finished.0.2.0", "x", "Pipelinerun finished", "pipelinerun"),
        ("Microsoft.Storage.BlobCreated", "", "Storage blob created", "storage"),
        ("https://acme.com/order/placed", "", "Order placed", "order"),
        ("changed", "", "Changed", "subject"),
        ("!", "", "!", "subject"),
    ],
)
def test_a_type_of_ones_own_says_what_happened_to_what(
    type: str, subject: str, text: str, kind: str
) -> None:
    told = words(type, {"ce.type": type, "ce.subject": subject})
    assert (told.text, told.kind) == (text, kind)


@pytest.mark.parametrize(
    ("id", "kind"),
    [
        ("cloudevents.subject./acme/shop#orders/17", "order"),
        ("cloudevents.subject./acme/shop#deliveries/17", "delivery"),
        ("cloudevents.subject./acme/shop#status/17", "status"),
        ("cloudevents.subject.s3://acme-lake#churn/features/part-1", "acme lake"),
        ("cloudevents.subject.https://example.com/sensors/#t1", "sensors"),
        ("cloudevents.subject.!#t1", "subject"),
    ],
)
def test_a_subject_is_of_its_group_or_of_where_it_comes_from(id: str, kind: str) -> None:
    assert kind_of(id).text == kind
