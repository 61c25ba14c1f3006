"""What would be sent about one real event, before anything is saved."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.automations.models import Automation, Firing, Task
from tests.feed.automations.test_pages import HOST, WEBHOOK, posted, said
from tests.feed.watching import draft, store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_log")]

BODY = WEBHOOK | {"body": "{{ event.event }} of {{ event.resource.name }}: {{ event.payload.n }}"}


@pytest.fixture(autouse=True)
def local(settings):
    settings.LOCAL_MODE = True


def happened(event, n=0, ago=0, **fields):
    about = {"prefect.resource.id": f"acme.{n}", "prefect.resource.name": f"order {n}"}
    occurred = datetime.now(UTC) - timedelta(minutes=ago)
    told: dict[str, Any] = {"occurred": occurred, "resource": about}
    [id] = store(draft(event=event, payload={"n": n}, **told | fields))
    return id


def shown(client, on="", **fields):
    told = posted(**fields) | {"sample": "1", "on_event": str(on)}
    answer = client.post("/automations/sample", told, headers=HOST)
    assert answer.status_code == 200
    return said(answer)


def test_it_is_the_newest_event_that_fits(client):
    happened("acme.paid", n=1, ago=5)
    happened("acme.paid", n=2, ago=1)
    happened("acme.other", n=3)
    page = shown(client, query="event:acme.paid", actions=[BODY])
    assert "The newest event that fits." in page
    assert "acme.paid of order 2: 2" in page
    assert not Automation.objects.exists()
    assert not Firing.objects.exists()
    assert not Task.objects.exists()


@pytest.mark.parametrize("address", ["{}", "http://127.0.0.1:8000/events/{}?at=0-1-2"])
def test_an_event_may_be_given_by_its_id_or_its_address(client, address):
    wanted = happened("acme.paid", n=1, ago=5)
    happened("acme.paid", n=2)
    page = shown(client, address.format(wanted), query="event:acme.paid", actions=[BODY])
    assert "This event fits what is waited for." in page
    assert "acme.paid of order 1: 1" in page


def test_one_that_does_not_fit_is_shown_and_said_to_be_so(client):
    other = happened("acme.other", n=3)
    page = shown(client, other, query="event:acme.paid", actions=[BODY])
    assert "This event does not fit what is waited for." in page
    assert "acme.other of order 3: 3" in page


@pytest.mark.parametrize(
    ("on", "say"),
    [
        ("", "No event fits so far."),
        ("nonsense", "Write the id of an event, or the address of its page."),
        ("6f3a53fd-9f0a-4c0e-8f5b-2f9f5d0a7d11", "No event has this id."),
    ],
)
def test_where_there_is_none_it_says_so(client, on, say):
    assert say in shown(client, on, query="event:acme.paid", actions=[BODY])


def test_what_is_wrong_with_a_template_is_told_with_its_field_and_line(client):
    happened("acme.paid")
    broken = WEBHOOK | {"body": "one\n{{ event.payload.n / 0 }}"}
    page = shown(client, query="event:acme.paid", actions=[BODY, broken])
    assert "acme.paid of order 0: 0" in page
    assert "2 · Webhook" in page
    assert "body: Line 2 of its template: ZeroDivisionError" in page


def test_each_action_has_its_number_and_its_kind(client):
    happened("acme.paid")
    recorded = {"kind": "record", "event": "acme.seen", "resource": "acme.{{ event.payload.n }}"}
    page = shown(client, query="event:acme.paid", actions=[WEBHOOK, recorded])
    assert "1 · Webhook call https://example.com/…" in page
    assert "2 · Event record acme.seen" in page


@pytest.mark.parametrize(
    ("fields", "body", "said"),
    [
        ({"kind": "absent", "since": "last"}, "{{ event.event }}", "acme.paid"),
        ({"kind": "absent", "since": "after", "after": "event:acme.b"}, "{{ event.event }}", "b"),
        ({"kind": "several", "second": "event:acme.b"}, "{{ firings|length }} fired", "3 fired"),
        ({"kind": "often", "times": 3}, "{{ firing.why }}", "3 events named acme.paid were seen."),
        ({"kind": "often", "for_each": "resource"}, "of {{ labels.resource }}", "of acme.1"),
        ({"kind": "metric"}, "{{ firing.triggering_value }}", "0.9"),
    ],
)
def test_every_kind_of_trigger_has_an_event_to_be_tried_on(client, fields, body, said):
    happened("acme.b", n=2, ago=3)
    happened("acme.paid", n=1)
    fields = {"query": "event:acme.paid"} | fields
    assert said in shown(client, actions=[WEBHOOK | {"body": body}], **fields)


def test_what_is_done_when_it_is_well_again_is_shown_too(client):
    happened("acme.paid")
    quiet = WEBHOOK | {"at": "actions_on_resolve", "body": "It is {{ firing.kind }}."}
    page = shown(client, query="event:acme.paid", kind="metric", actions=[BODY, quiet])
    assert "And when it is resolved:" in page
    assert "It is resolved." in page


def test_json_is_tried_likewise(client):
    happened("acme.paid", n=7)
    action = {"type": "webhook", "url": "https://example.com", "body": "{{ event.payload.n }}!"}
    trigger = {"type": "presence", "query": "event:acme.paid"}
    document = json.dumps({"name": "a", "trigger": trigger, "actions": [action]})
    for told in ({}, {"part": "1"}):
        answer = client.post("/automations/sample", {"document": document} | told, headers=HOST)
        assert '"body": "7!"' in said(answer)
    assert "Write an object" in said(
        client.post("/automations/sample", {"document": "[]", "part": "1"}, headers=HOST)
    )


def test_an_action_that_cannot_be_read_is_told_with_the_line_of_what_is_wrong(client):
    happened("acme.paid", n=1)
    broken = WEBHOOK | {"body": "a\n{{ event."}
    page = shown(client, query="event:acme.paid", actions=[BODY, broken])
    assert "acme.paid of order 1: 1" in page
    assert "Action 2 is left out. Body : Line 2 of its template:" in page
    page = shown(client, query="event:acme.paid", actions=[broken])
    assert "Action 1 is left out. Body : Line 2 of its template:" in page
    assert "It has no action" not in page
    assert "It has no action" in shown(client, query="event:acme.paid", actions=[{"kind": ""}])
