"""The step Test: what would have fired, with its marks, its events and its actions as rendered."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from apps.automations.models import Automation, Firing, Task
from apps.feed.automations.trial import END, Trial, pieces
from tests.feed.automations.test_pages import HOST, WEBHOOK, posted, raw, said
from tests.feed.watching import draft, store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_log")]

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def local(settings):
    settings.LOCAL_MODE = True


def failed(count=1, **fields):
    """Store events that failed just now."""
    told: dict[str, Any] = {"event": "acme.load.failed", "occurred": datetime.now(UTC)} | fields
    store(*(draft(id=uuid4(), **told) for _ in range(count)))


def automation(**fields):
    trigger = {"type": "presence", "query": "event:acme.*", "times": 2, "within": 60}
    return Automation(name="Tried", trigger=trigger, **fields)


def tried(client, **fields):
    answer = client.post("/automations/try", posted(**fields) | {"test": "1"}, headers=HOST)
    assert answer.status_code == 200
    return said(answer)


def test_it_says_how_often_it_would_have_fired(client):
    failed(3)
    page = tried(client, query="event:acme.load.failed")
    assert "this would have fired 3 times" in page
    assert "3 events went by; 3 fitted" in page


def test_it_says_that_it_would_not_have_fired(client):
    failed()
    page = tried(client, query="event:other")
    assert "this would not have fired" in page


def test_each_firing_has_its_events_and_its_actions_as_rendered(client):
    failed(resource={"prefect.resource.id": "a", "prefect.resource.name": "orders"})
    body = WEBHOOK | {"body": "What {{ event.event }} of {{ event.resource.name }}?"}
    page = tried(client, query="event:acme.load.failed", actions=[body])
    assert "Load failed orders" in page
    assert "What acme.load.failed of orders?" in page


def test_a_template_that_fails_is_told_with_its_line(client):
    failed()
    page = tried(client, query="event:acme.*", actions=[WEBHOOK | {"body": "\n{{ 1 / 0 }}"}])
    assert "Line 2" in page


def test_an_action_that_cannot_be_read_is_told_there_too(client):
    failed()
    page = tried(client, query="event:acme.*", actions=[WEBHOOK | {"body": "{{ event."}])
    assert "Action 1 is left out. Body : Line 1 of its template:" in page
    assert "It has no action" not in page


def test_nothing_is_written_and_nothing_sent(client):
    failed()
    assert "1 time" in tried(client, query="event:acme.*")
    assert not Automation.objects.exists()
    assert not Firing.objects.exists()
    assert not Task.objects.exists()


def test_firings_are_marked_below_their_bars():
    failed(4)
    trial = Trial(automation(), "1").run()
    # It rests when it has fired.
    assert [mark.count for mark in trial.marks] == [1]
    assert trial.drawing.events == "4 events"
    last = float(trial.marks[-1].x.removesuffix("%"))
    assert 90 < last <= 100


def test_json_is_tried_too(client):
    failed()
    document = '{"name": "a", "trigger": {"type": "presence", "query": "event:acme.*"}}'
    answer = client.post(
        "/automations/try", {"document": document, "days": "1", "test": "1"}, headers=HOST
    )
    assert "Since the first event" in said(answer)
    assert "this would have fired 1 time" in said(answer)
    wrong = {"document": '{"name": "a", "trigger": 5}', "part": "1"}
    assert "trigger: Write an object" in said(client.post("/automations/try", wrong, headers=HOST))


def test_what_waits_for_nothing_is_not_tried(client):
    assert "First say what it waits for" in tried(client, query="evnt:x")


def test_the_answer_says_on_and_on_how_far_it_is():
    failed(2)

    async def all_pieces():
        return [piece async for piece in pieces(Trial(automation()))]

    told = asyncio.run(all_pieces())
    assert all(piece.endswith(END) for piece in told)
    assert "<progress" in told[0]
    assert "have fired <strong>1 time</strong>" in told[-1]


def test_who_leaves_ends_the_test():
    trial = Trial(automation())

    async def leave():
        answer = pieces(trial)
        await anext(answer)
        await answer.aclose()

    asyncio.run(leave())
    assert trial.past.is_stopped


def test_an_unknown_span_is_a_week(client):
    assert Trial(automation(), "5000").span == "7 days"
    assert "the last 7 days" in raw(client, "/automations/new")
    assert Trial(automation(), "30").past.since < NOW - timedelta(days=29)
