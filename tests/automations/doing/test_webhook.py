"""A webhook is sent, signed, and what came of it is kept."""

import pytest

from apps.automations.models import Attempt, Task
from apps.events.models import Event
from tests.automations.doing.fired import again, fired
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("delivering", "allowed")


def ended(task: Task) -> Task:
    wait_until(lambda: again(task).ended, what="the task ends")
    return again(task)


def test_a_webhook_is_delivered_and_told(receiver):
    (task,) = fired({"type": "webhook", "url": receiver.url, "body": "{{ event.event }}!"})
    assert ended(task).state == Task.State.DONE
    (received,) = receiver.received
    assert received.method == "POST"
    assert received.body == b"order.failed!"
    assert received.headers["webhook-id"] == str(task.id)
    attempt = Attempt.objects.get(task=task)
    assert (attempt.status, attempt.response, attempt.error) == (200, "thank you", "")
    told = {one.event: one for one in Event.objects.all()}
    triggered = told["eventfeed.automation.action.triggered"]
    executed = told["eventfeed.automation.action.executed"]
    assert triggered.follows == task.firing_id
    assert executed.follows == triggered.id
    assert executed.outcome_word == "completed"
    assert executed.payload["status_code"] == 200
    assert executed.payload["invocation"] == str(task.id)
