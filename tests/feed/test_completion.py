"""While a query is typed the box offers fields, and values with how often they were seen."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from apps.events.models import Event, Source
from apps.events.record import record
from apps.feed.completion import Typing, typing_in
from apps.feed.vocabulary import forget
from apps.query import Outcome, parse
from apps.resources.registry import Registry
from tests.events.telling import told


@pytest.mark.parametrize(
    ("text", "typing"),
    [
        ("", Typing("", "")),
        ("eve", Typing("", "eve")),
        ("a -lab", Typing("", "lab")),
        ("(a OR out", Typing("", "out")),
        ("event:pre", Typing("event", "pre")),
        ("x -event:pre", Typing("event", "pre")),
        ("event:[a, b", Typing("event", "b", before="[")),
        ("event:(a OR b", Typing("event", "b", before="(")),
        ("related(role:fl", Typing("role", "fl", "related")),
        ("-any(id:a (label.x", Typing("", "label.x", "any")),
        ("resource(name:a) out", Typing("", "out")),
        ("(related(id:x) OR eve", Typing("", "eve")),
        ("event:(a OR b) resource(", Typing("", "", "resource")),
        ('label."a b".c:"d e', Typing('label."a b".c', '"d e')),
        ('"a event:b" any:x', Typing("any", "x")),
        ("occurred:>=now", Typing("occurred", "now", before=">=")),
        ("payload.items[].sku:A", Typing("payload.items[].sku", "A")),
    ],
)
def test_what_is_being_typed_is_found_at_the_end(text: str, typing: Typing):
    assert typing_in(text) == typing


@pytest.fixture
def offer(empty_log, client, settings):
    """Return what the box offers behind a text, of three events that were stored."""
    settings.LOCAL_MODE = True
    now = timezone.now()
    team, flow = {"team": "payments"}, "prefect.flow.1"
    related = [
        {
            "prefect.resource.id": flow,
            "prefect.resource.role": "flow",
            "prefect.resource.name": "nightly",
        },
        {"prefect.resource.id": "prefect.tag.paid", "prefect.resource.role": "tag"},
    ]
    payload = {"order": {"total": 5}, "a.b": "x", "sent": True}
    paid = partial(told, "invoice.paid", labels=team, related=related, payload=payload)
    record(
        [
            paid(occurred=now, outcome=Outcome.COMPLETED),
            paid(occurred=now - timedelta(seconds=1)),
            told("invoice.lost", occurred=now, outcome=Outcome.FAILED),
        ],
        source_id=Source.objects.create(name="billing", system="custom").id,
    )
    with connection.cursor() as cursor:
        Registry().handle(list(Event.objects.order_by("tx", "seq")), cursor)
    forget()

    def offer(before: str) -> list[tuple[str, int | None]]:
        answer = client.get("/complete", {"before": before}, headers={"host": "127.0.0.1"})
        return [(one["insert"], one["count"]) for one in answer.json()["options"]]

    return offer


def test_fields_are_offered_first(offer):
    assert ("event:", None) in offer("")
    assert offer("-outc") == [("outcome:", None)]


def test_labels_and_places_in_the_payload_are_those_that_events_have(offer):
    assert offer("label.") == [("label.team:", 2)]
    assert offer("payload.o") == [("payload.order.total:", 2)]
    assert ('payload."a.b":', 2) in offer("payload.")


def test_values_come_with_how_often_they_were_seen(offer):
    assert offer("label.team:pay") == [("payments", 2)]
    assert offer("outcome:f") == [("failed", 1)]
    assert offer("event:inv") == [
        ("invoice.*", 3),
        ("invoice.paid", 2),
        ("invoice.lost", 1),
    ]
    assert offer("payload.order.total:") == [("5", 2)]
    assert offer("is:") == [("late", None), ("warned", None)]


def test_behind_a_comparison_only_what_has_an_order_is_offered(offer):
    assert offer("payload.order.total:>") == [("5", 2)]
    assert offer("payload.sent:") == [("true", 2)]
    for before in ("payload.sent:>", "label.team:<=", "related(role:>", "event:<"):
        assert offer(before) == []


@pytest.mark.parametrize("before", ["occurred:>", "occurred:<=", "received:[", "occurred:>now"])
def test_times_are_offered_as_they_can_stand_there(offer, before: str):
    end = "]" if before.endswith("[") else ""
    offered = [insert for insert, _ in offer(before)]
    assert "now-1h" in offered
    for insert in offered:
        parse(f"{before.removesuffix('now')}{insert}{end}")


def test_resources_are_offered_by_name_and_id(offer):
    assert offer("any:night") == [("prefect.flow.1", 2)]
    assert offer("related.flow:prefect") == [("prefect.flow.1", 2)]
    assert offer("related.role:f") == [("flow", 2)]


def test_within_brackets_only_what_one_resource_has_is_offered(offer):
    assert [insert for insert, _ in offer("related(")] == ["id:", "name:", "role:", "label."]
    assert offer("related(role:fl") == [("flow", 2)]
    assert offer("any(id:prefect.f") == [("prefect.flow.1", 2)]
    assert offer("related(role:flow name:night") == [("nightly", 2)]
    assert offer("any(label.te") == [("label.team:", 2)]
    assert offer("resource(label.team:") == [("payments", 2)]
    assert offer("any(outc") == offer("any(payload.") == offer("resource(name:inv") == []


def test_what_other_tools_write_is_completed_too(offer):
    assert offer("tag:paid") == [("prefect.tag.paid", 2)]
    assert offer("@ord") == [("payload.order.total:", 2)]
    assert offer("@order.total:") == [("5", 2)]
    assert offer("name:inv") == offer("event:inv")


@pytest.mark.parametrize("before", ["label.", "payload.", "event:", "any:", "has:", "source:"])
def test_whatever_is_offered_can_be_read(offer, before: str):
    name, colon, _ = before.rpartition(":")
    for insert, _ in offer(before):
        assert parse(f"{name}{colon}{insert}" if colon else f"{insert}x").clauses


def test_what_is_understood_is_said_and_what_is_wrong_is_shown(client, settings, db):
    settings.LOCAL_MODE = True

    def understand(text: str):
        return client.get("/understand", {"q": text}, headers={"host": "127.0.0.1"}).json()

    assert understand("outcome:failed") == {
        "canonical": "outcome:failed",
        "said": [["Events with outcome ", False], ["failed", True]],
    }
    error = understand("lable.team:x")["error"]
    assert (error["marked"], error["suggestion"]) == ("lable.team:", "label.team:x")


def test_only_what_holds_words_can_be_searched_literally(client, settings, db):
    settings.LOCAL_MODE = True

    def literal(text: str) -> str:
        answer = client.get("/understand", {"q": text}, headers={"host": "127.0.0.1"})
        return answer.json()["error"]["literal"]

    assert literal('std::"x"') == r'"std::\"x\""'
    assert literal("🎉") == ""


@pytest.mark.parametrize("path", ["/complete", "/understand"])
def test_a_stranger_is_told_nothing(client, settings, db, path: str):
    settings.LOCAL_MODE = False
    assert client.get(path).status_code == 302
