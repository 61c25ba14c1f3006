"""What a receiver does not take is tried again, for a day; what it refuses is not."""

from datetime import timedelta
from email.utils import format_datetime

import pytest
from django.utils import timezone

from apps.automations.doing import outbox
from apps.automations.doing.outbox import pause, try_again
from apps.automations.models import Attempt, Task
from apps.events.models import Event
from tests.automations.doing.fired import again, fired
from tests.automations.doing.receiving import answer, in_turn
from tests.automations.doing.waiting import ended, tried
from tests.ports import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("delivering", "allowed")


@pytest.fixture
def soon(monkeypatch) -> None:
    monkeypatch.setattr(outbox, "PAUSES", (0.01,))


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425, 429])
def test_what_may_succeed_later_is_tried_again_with_the_same_id(status, receiver, soon):
    receiver.answering = in_turn(answer(status, b"not now"), answer(status), answer(204))
    (task,) = fired({"type": "webhook", "url": receiver.url, "body": "a"})
    assert ended(task).state == Task.State.DONE
    assert [one.status for one in Attempt.objects.filter(task=task)] == [status, status, 204]
    assert {one.headers["webhook-id"] for one in receiver.received} == {str(task.id)}
    assert Attempt.objects.filter(task=task)[0].response == "not now"
    executed = Event.objects.get(event="eventfeed.automation.action.executed")
    assert executed.payload["tries"] == 3
    assert not Event.objects.filter(event="eventfeed.automation.action.failed").exists()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
def test_what_is_refused_is_not_tried_again(status, receiver):
    receiver.answering = answer(status)
    (task,) = fired({"type": "webhook", "url": receiver.url})
    assert ended(task).state == Task.State.FAILED
    assert Attempt.objects.get(task=task).status == status
    failed = Event.objects.get(event="eventfeed.automation.action.failed")
    assert str(status) in failed.payload["reason"]


def test_a_receiver_that_is_away_is_tried_again(soon):
    port = free_port()
    (task,) = fired({"type": "webhook", "url": f"http://127.0.0.1:{port}/"})
    assert tried(task, 3).state == Task.State.WAITING
    assert "could not be reached" in Attempt.objects.filter(task=task)[0].error


def test_what_is_not_taken_for_a_day_is_parked_and_may_be_tried_again(receiver, soon):
    receiver.answering = answer(503)
    (task,) = fired({"type": "webhook", "url": receiver.url})
    Task.objects.update(made=timezone.now() - timedelta(days=1))
    assert ended(task).state == Task.State.PARKED
    assert Event.objects.filter(event="eventfeed.automation.action.failed").count() == 1
    receiver.answering = answer(200)
    assert try_again(task)
    assert ended(task).state == Task.State.DONE
    names = sorted(Event.objects.values_list("event", flat=True))
    assert names == [
        "eventfeed.automation.action.executed",
        "eventfeed.automation.action.failed",
        "eventfeed.automation.action.triggered",
    ]


def test_what_was_done_is_not_done_again(receiver):
    (task,) = fired({"type": "webhook", "url": receiver.url})
    ended(task)
    assert not try_again(task)
    assert again(task).state == Task.State.DONE


@pytest.mark.parametrize("said", ["120", "date"])
def test_a_receiver_says_when_to_come_again(said, receiver, soon):
    until = timezone.now() + timedelta(seconds=120)
    told = format_datetime(until, usegmt=True) if said == "date" else said
    receiver.answering = answer(429, Retry_After=told)
    (task,) = fired({"type": "webhook", "url": receiver.url})
    wait_until(lambda: again(task).tries == 1)
    assert timedelta(seconds=100) < again(task).due - timezone.now() < timedelta(seconds=121)


def test_pauses_grow_and_are_spread():
    for tries, seconds in enumerate(outbox.PAUSES, 1):
        assert 0.8 * seconds <= pause(tries).total_seconds() <= 1.2 * seconds
    assert pause(99) <= timedelta(seconds=outbox.PAUSES[-1] * 1.2)
    assert pause(1, after=1e12) == outbox.GIVE_UP
