"""What an automation does here: it records events, and switches other automations."""

from uuid import uuid4

import pytest

from apps.automations.doing import telling
from apps.automations.models import Attempt, Automation, Task
from apps.events.models import Event
from tests.automations.doing.fired import again, automation, event, fired
from tests.automations.doing.waiting import ended

pytestmark = pytest.mark.usefixtures("delivering")

RECORD = {
    "type": "record",
    "event": "order.{{ event.payload.what }}",
    "resource": {
        "prefect.resource.id": "{{ event.resource.id }}",
        "prefect.resource.name": "{{ event.resource.name }}",
        "team": "sales",
    },
    "payload": {"amount": "{{ event.payload.amount }}", "all": [1, "{{ firing.count }}"]},
}


MADE = "{{ event.payload.what }}"


def test_an_event_is_recorded_with_its_cause():
    cause = event(payload={"what": "escalated", "amount": 12.5})
    (task,) = fired(RECORD, events=[cause], depth=3)
    assert ended(task).state == Task.State.DONE
    told = Event.objects.get(event="order.escalated")
    assert told.resource == {
        "prefect.resource.id": "order.42",
        "prefect.resource.name": "Order 42",
        "team": "sales",
    }
    assert told.payload == {"amount": "12.5", "all": [1, "1"]}
    assert told.follows == task.firing_id
    by_role = {one["prefect.resource.role"]: one for one in told.related}
    assert by_role["automation"]["prefect.resource.name"] == "Failed orders"
    assert by_role["automation"]["eventfeed.automation.depth"] == "3"
    assert by_role["triggering-event"]["prefect.resource.id"] == f"eventfeed.event.{cause['id']}"
    assert Event.objects.filter(event="eventfeed.automation.action.executed").exists()


@pytest.mark.parametrize("what", ["", "x" * 2_000])
@pytest.mark.parametrize("field", [{"event": MADE}, {"resource": {"prefect.resource.id": MADE}}])
def test_what_a_template_makes_of_an_event_is_looked_at(field, what):
    (task,) = fired(RECORD | field, events=[event(payload={"what": what})])
    assert ended(task).state == Task.State.FAILED
    assert not Event.objects.filter(resource_id="order.42").exists()


def test_what_no_database_keeps_is_written_as_something_else():
    (task,) = fired(RECORD | {"payload": {"a": "{{ '\\0' }}b"}})
    assert ended(task).state == Task.State.DONE
    assert Event.objects.get(resource_id="order.42").payload == {"a": "�b"}


def test_what_cannot_be_written_down_hinders_nothing_else(monkeypatch):
    tell = telling.ended

    def failing(task, done):
        if not done.error:
            raise ValueError("what nobody has thought of")
        tell(task, done)

    monkeypatch.setattr(telling, "ended", failing)
    (task,) = fired({"type": "do-nothing"})
    assert ended(task).state == Task.State.FAILED
    assert "nobody has thought of" in again(task).attempts.get().error


def test_what_cannot_be_told_is_done_all_the_same(monkeypatch):
    monkeypatch.setattr(telling, "begun", lambda tasks: 1 / 0)
    (task,) = fired({"type": "do-nothing"})
    assert ended(task).state == Task.State.DONE


def test_a_firing_that_cannot_be_read_hinders_nothing_else():
    (task,) = fired({"type": "do-nothing"}, key=["nonsense"])
    assert ended(task).state == Task.State.FAILED
    assert "cannot be read" in again(task).attempts.get().error
    (task,) = fired({"type": "do-nothing"})
    assert ended(task).state == Task.State.DONE


def test_what_belongs_to_others_cannot_be_recorded():
    action = RECORD | {"event": "{{ 'prefect' }}.flow-run.Failed"}
    (task,) = fired(action)
    assert ended(task).state == Task.State.FAILED
    assert "name of others" in Attempt.objects.get(task=task).error


@pytest.mark.parametrize("on", [True, False])
def test_another_automation_is_switched(on):
    other = automation(name="Other", enabled=not on)
    (task,) = fired({"type": "switch", "automation": str(other.id), "on": on})
    assert ended(task).state == Task.State.DONE
    assert Automation.objects.get(id=other.id).enabled is on
    executed = Event.objects.get(event="eventfeed.automation.action.executed")
    assert executed.related[0]["prefect.resource.id"] == f"eventfeed.automation.{other.id}"


def test_the_automation_that_an_event_is_about_is_switched():
    other = automation(name="Other")
    about = event(resource={"prefect.resource.id": f"eventfeed.automation.{other.id}"})
    (task,) = fired({"type": "switch", "automation": "inferred", "on": False}, events=[about])
    assert ended(task).state == Task.State.DONE
    assert not Automation.objects.get(id=other.id).enabled


def test_an_automation_that_is_gone_is_said():
    (task,) = fired({"type": "switch", "automation": str(uuid4()), "on": False})
    assert ended(task).state == Task.State.FAILED
    assert "There is no automation" in again(task).attempts.get().error


def test_nothing_is_done_and_told():
    (task,) = fired({"type": "do-nothing"})
    assert ended(task).state == Task.State.DONE
    assert Event.objects.filter(event="eventfeed.automation.action.executed").exists()
