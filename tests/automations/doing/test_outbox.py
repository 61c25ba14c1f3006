"""One process does what is in the outbox, a few at once, through any loss of the database."""

import threading
import time

import psycopg
import pytest
from django.db import connection

from apps.automations.doing import telling
from apps.automations.doing.outbox import MOST_EACH, deliver
from apps.automations.models import Attempt, Task
from apps.events.models import Event
from eventfeed.database import dsn
from tests.automations.doing.fired import again, fired
from tests.automations.doing.receiving import Receiver
from tests.automations.doing.waiting import ended
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("delivering", "allowed")


def test_two_processes_do_nothing_twice(receiver):
    stop = threading.Event()

    def work() -> None:
        deliver(stop)
        connection.close()

    other = threading.Thread(target=work)
    other.start()
    tasks = fired(*({"type": "webhook", "url": receiver.url} for _ in range(20)))
    assert all(ended(task).state == Task.State.DONE for task in tasks)
    stop.set()
    other.join()
    assert len(receiver.received) == Attempt.objects.count() == 20


def test_one_receiver_has_two_at_once_and_others_theirs(receiver):
    now, most = 0, 0
    counting = threading.Lock()
    thanks = receiver.answering

    def slowly(to) -> None:
        nonlocal now, most
        with counting:
            now += 1
            most = max(most, now)
        time.sleep(0.1)
        with counting:
            now -= 1
        thanks(to)

    receiver.answering = slowly
    others = [Receiver() for _ in range(3)]
    urls = [receiver.url] * 8 + [other.url for other in others]
    tasks = fired(*({"type": "webhook", "url": url} for url in urls))
    assert all(ended(task).state == Task.State.DONE for task in tasks)
    assert most == MOST_EACH
    for other in others:
        assert len(other.received) == 1
        other.end()


def test_it_goes_on_after_losing_its_connections(receiver):
    begun, wait = threading.Event(), threading.Event()
    thanks = receiver.answering

    def hesitating(to) -> None:
        begun.set()
        wait.wait(20)
        thanks(to)

    receiver.answering = hesitating
    (task,) = fired({"type": "webhook", "url": receiver.url})
    assert begun.wait(20)
    with psycopg.connect(dsn(), autocommit=True) as killer:
        killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()
    wait.set()
    assert ended(task).state == Task.State.DONE
    (other,) = fired({"type": "webhook", "url": receiver.url})
    assert ended(other).state == Task.State.DONE
    # What was done while the database was away was written down, and not done again.
    assert len(receiver.received) == 2


def test_a_task_that_is_gone_meanwhile_is_forgotten(receiver):
    begun, wait = threading.Event(), threading.Event()
    thanks = receiver.answering

    def hesitating(to) -> None:
        begun.set()
        wait.wait(20)
        thanks(to)

    receiver.answering = hesitating
    (task,) = fired({"type": "webhook", "url": receiver.url})
    assert begun.wait(20)
    again(task).firing.delete()
    wait.set()
    receiver.answering = thanks
    (other,) = fired({"type": "webhook", "url": receiver.url})
    assert ended(other).state == Task.State.DONE
    wait_until(lambda: Attempt.objects.count() == 1)


def begun() -> list[Event]:
    return list(Event.objects.filter(event="eventfeed.automation.action.triggered"))


def test_an_action_is_told_to_be_begun_before_it_is_done(receiver):
    wait = threading.Event()
    thanks = receiver.answering

    def hesitating(to) -> None:
        wait.wait(30)
        thanks(to)

    receiver.answering = hesitating
    (task,) = fired({"type": "webhook", "url": receiver.url})
    wait_until(lambda: receiver.received, what="the request arrives")
    assert [one.follows for one in begun()] == [task.firing_id]
    assert not Event.objects.filter(event="eventfeed.automation.action.executed").exists()
    wait.set()
    ended(task)
    executed = Event.objects.get(event="eventfeed.automation.action.executed")
    assert [one.id for one in begun()] == [executed.follows]


def test_what_a_crash_has_left_begun_is_told_once(delivering, receiver):
    delivering()
    (task,) = fired({"type": "webhook", "url": receiver.url})
    telling.begun([task])
    stop = threading.Event()
    other = threading.Thread(target=lambda: (deliver(stop), connection.close()))
    other.start()
    ended(task)
    stop.set()
    other.join()
    assert len(begun()) == 1


def test_a_dry_run_begins_nothing(receiver):
    (task,) = fired({"type": "webhook", "url": receiver.url}, state=Task.State.DRY)
    ended(task)
    assert begun() == []
