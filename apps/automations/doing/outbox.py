"""The deliverer: takes due tasks from the outbox, has them done, and writes what came of them.

One process does so at a time. Its thread alone asks the database; doing a task is for others, a
few at once to one receiver and some more in all, so that a slow one holds up nobody else.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import psycopg
from django.db import Error, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from apps.automations.doing import actions, telling
from apps.automations.doing.actions import BadAction
from apps.automations.doing.context import context_of
from apps.automations.doing.destinations import may_be_private, opened
from apps.automations.doing.job import SENDER, Done, Job
from apps.automations.doing.performing import perform
from apps.automations.keeping import switch
from apps.automations.models import Attempt, Automation, Destination, Task
from apps.events.absence import Absence, one_line
from apps.events.counters import gauges
from apps.events.steps import took
from eventfeed.database import dsn
from eventfeed.sealed import CannotOpen

logger = logging.getLogger(__name__)

NAME = "outbox"
LOCK = "SELECT pg_try_advisory_lock(hashtext('eventfeed.worker'), hashtext('outbox'))"
CLAIM_EVERY = 5.0
LOOK_EVERY = 0.25
# Looking costs a little, all day: less often where nothing has been due for a while.
LOOK_AT_LEAST_EVERY = 1.0
# How many times as long as a look takes is waited after it.
LOOK_PART = 4
AWAY = 1.0
LEAVE = 5.0
# A slow receiver takes two for as long as it may, so it takes many of them to hold up the others.
MOST = 64
MOST_EACH = 2
# What goes to one receiver: its destination, its address, or the one Prefect server.
RECEIVER = """
    coalesce(action->>'destination', action->>'url', CASE
        WHEN action->>'type' IN ('record', 'switch', 'do-nothing') THEN '' ELSE ' prefect' END)
"""
# Of each receiver only as many as may go: a long queue of one must not hide the others.
DUE = f"""
    SELECT id, receiver FROM (
        SELECT id, due, tries, receiver,
            row_number() OVER (PARTITION BY receiver ORDER BY due, id) AS nth
        FROM (
            SELECT id, due, tries, {RECEIVER} AS receiver FROM automation_task
            WHERE ended IS NULL AND due <= now() AND NOT id = ANY(%s)
                AND NOT {RECEIVER} = ANY(%s)
        ) AS waiting
    ) AS numbered
    WHERE nth <= {MOST_EACH} ORDER BY tries > 0, due LIMIT %s
"""  # noqa: S608 - of constants

# Seconds until the next try, as Standard Webhooks advises; the last one again and again.
PAUSES = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400)
JITTER = 0.2
GIVE_UP = timedelta(days=1)
MOST_ERROR = 2_000

# How attempts of this process have ended.
attempts: Counter[str] = Counter()
gauges["attempts"] = lambda: dict(attempts)
RESULTS: Mapping[str, str] = {
    Task.State.DONE: "done",
    Task.State.FAILED: "failed",
    Task.State.PARKED: "parked",
    Task.State.WAITING: "again",
}


@dataclass
class Doing:
    """A task that is being done."""

    task: UUID
    receiver: str
    began: datetime
    seconds: float = 0.0
    done: Done = field(default_factory=Done)


class Deliverer:
    """What does the tasks of the outbox, until it is stopped."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.absence = Absence("The outbox", logger)
        self.pool = ThreadPoolExecutor(MOST, thread_name_prefix="outbox")
        self.done: queue.SimpleQueue[Doing] = queue.SimpleQueue()
        self.running: dict[UUID, Doing] = {}

    def run(self) -> None:
        """Go on through any loss of the database."""
        while not self.stop.is_set():
            try:
                with psycopg.connect(dsn(), autocommit=True, connect_timeout=3) as conn:
                    self.absence.end()
                    self._shift(conn)
            except (psycopg.Error, Error, OSError) as error:
                self.absence.begin(error)
                connection.close()
                self.stop.wait(AWAY)
            except Exception:
                logger.exception("The outbox failed, and goes on.")
                connection.close()
                self.stop.wait(AWAY)
        self._leave()

    def _shift(self, conn: psycopg.Connection) -> None:
        """Work on one connection, which holds the lock and finds what is due."""
        while not self.stop.is_set():
            if conn.execute(LOCK).fetchone() == (True,):
                break
            self.stop.wait(CLAIM_EVERY)
        wait = LOOK_EVERY
        while not self.stop.is_set():
            self._finish(wait=wait)
            if len(self.running) < MOST:
                start = time.monotonic()
                due = self._due(conn)
                # A very long queue takes time to look through: not all of it.
                idle = LOOK_EVERY if due or self.running else min(2 * wait, LOOK_AT_LEAST_EVERY)
                wait = max(idle, LOOK_PART * (time.monotonic() - start))
                self._start(due)
            took(NAME)
            connection.close_if_unusable_or_obsolete()

    def _due(self, conn: psycopg.Connection) -> list[tuple[UUID, str]]:
        receivers = Counter(doing.receiver for doing in self.running.values())
        busy = [receiver for receiver, count in receivers.items() if count >= MOST_EACH]
        told = [list(self.running), busy, MOST - len(self.running)]
        found = conn.execute(DUE, told).fetchall()
        # Two may be due where there is room for one.
        chosen = []
        for id, receiver in found:
            if receivers[receiver] < MOST_EACH:
                receivers[receiver] += 1
                chosen.append((id, receiver))
        return chosen

    def _start(self, due: Iterable[tuple[UUID, str]]) -> None:
        receivers = dict(due)
        tasks = Task.objects.select_related("firing__automation").in_bulk(list(receivers))
        _tell_begun(_new(tasks))
        for id, task in tasks.items():
            job = _ready(task)
            doing = self.running[id] = Doing(id, receivers[id], timezone.now())
            if isinstance(job, Done):
                doing.done = job
                self.done.put(doing)
            else:
                self.pool.submit(self._perform, job, doing)

    def _perform(self, job: Job, doing: Doing) -> None:
        start = time.monotonic()
        try:
            doing.done = perform(job)
        except Exception as error:
            logger.exception("An action failed in a way that nobody has thought of.")
            doing.done = Done(error=f"{type(error).__name__}: {error}", again=True)
        doing.seconds = time.monotonic() - start
        self.done.put(doing)

    def _finish(self, *, wait: float) -> None:
        """Write down what has come of tasks since the last look."""
        try:
            doing = self.done.get(timeout=wait)
            while True:
                self._write(doing)
                self.running.pop(doing.task, None)
                doing = self.done.get_nowait()
        except queue.Empty:
            return

    def _write(self, doing: Doing) -> None:
        try:
            finish(doing)
        except (OperationalError, InterfaceError):
            # Written down once the database is back, before it could be done again.
            self.done.put(doing)
            raise
        except Exception as error:
            # Whatever a template has made of an event that is to be recorded.
            logger.exception("What came of a task could not be written down.")
            say = f"What came of it could not be written down: {one_line(error)}"
            doing.done = Done(status=doing.done.status, error=say.replace("\0", "�"))
            finish(doing)

    def _leave(self) -> None:
        """Write down what is done while it takes no long time; the rest is done again later."""
        until = time.monotonic() + LEAVE
        try:
            while self.running and time.monotonic() < until:
                self._finish(wait=0.1)
        except Exception:
            logger.exception("What was done last could not be written down; it is done again.")
        connection.close()
        if self.running:
            # Nobody waits for a slow receiver: whoever asks the process hears that it is gone.
            SENDER.end()
        self.pool.shutdown(cancel_futures=True)


def deliver(stop: threading.Event) -> None:
    """Do the tasks of the outbox until stopped: for a thread of the worker."""
    Deliverer(stop).run()


def _new(tasks: Mapping[UUID, Task]) -> list[Task]:
    """Return those that have not been tried: not those, too, that somebody has tried again."""
    tried = set(Attempt.objects.filter(task__in=tasks).values_list("task_id", flat=True))
    return [task for id, task in tasks.items() if id not in tried and task.state != Task.State.DRY]


def _tell_begun(tasks: Iterable[Task]) -> None:
    try:
        telling.begun(tasks)
    except Error:
        raise
    except Exception:
        # Told or not, it is to be done.
        logger.exception("It could not be told that actions are begun.")


def _ready(task: Task) -> Job | Done:
    try:
        return job_of(task)
    except Error:
        raise
    except Exception as error:
        logger.exception("A task could not be read.")
        return Done(error=f"It cannot be read: {one_line(error)}")


def job_of(task: Task) -> Job | Done:
    """Return a task with all that it needs, or why it cannot be done."""
    try:
        action = actions.read(task.action)
        destination = destination_of(action)
        address = opened(destination) if destination else None
    except BadAction as bad:
        return Done(error=bad.say)
    except CannotOpen as error:
        return Done(error=f"The secrets of its destination cannot be read. {error}")
    return Job(
        id=task.id,
        action=action,
        context=context_of(task.firing),
        address=address,
        private=address is not None and may_be_private(address.url, destination),
        dry=task.state == Task.State.DRY,
    )


def destination_of(action: actions.Action) -> Destination | None:
    """Return where an action goes, None where it names no destination; raises BadAction."""
    if isinstance(action, actions.Prefect):
        return actions.prefect_server(action)
    if isinstance(action, actions.Webhook | actions.Notify) and action.destination:
        found = Destination.objects.filter(name=action.destination).first()
        if not found:
            say = f"There is no destination called “{action.destination}” any more."
            raise BadAction("destination", say)
        return found
    return None


def finish(doing: Doing) -> None:
    """Write an attempt and what is next, in one transaction."""
    done = doing.done
    with transaction.atomic():
        task = Task.objects.select_for_update(of=("self",)).select_related("firing__automation")
        found = task.filter(id=doing.task, ended=None).first()
        if found is None:
            return
        if found.state == Task.State.DRY:
            _end(found, Task.State.DRY, done)
            return
        found.tries += 1
        if done.switched and not done.error:
            _switch(found, done)
        Attempt.objects.create(
            task=found,
            began=doing.began,
            seconds=doing.seconds,
            status=done.status,
            response=done.response,
            error=done.error[:MOST_ERROR],
        )
        _decide(found, done)
        transaction.on_commit(partial(attempts.update, [RESULTS[found.state]]))


def _decide(task: Task, done: Done) -> None:
    """End a task, or say when it is tried again."""
    now = timezone.now()
    if not done.error:
        _end(task, Task.State.DONE, done)
    elif not done.again:
        _end(task, Task.State.FAILED, done)
    else:
        due = now + pause(task.tries, done.after)
        if due > task.made + GIVE_UP:
            _end(task, Task.State.PARKED, done)
        else:
            task.due = due
            task.rendered = done.rendered or task.rendered
            task.save(update_fields=["due", "tries", "rendered"])


def _end(task: Task, state: Task.State, done: Done) -> None:
    task.state, task.ended = state, timezone.now()
    task.rendered = done.rendered if done.rendered is not None else task.rendered
    if task.state == Task.State.DRY and done.error:
        task.rendered = {"error": done.error}
    task.save(update_fields=["state", "ended", "tries", "rendered"])
    if state != Task.State.DRY:
        telling.ended(task, done)


def _switch(task: Task, done: Done) -> None:
    assert done.switched
    id, on = done.switched
    found = Automation.objects.filter(id=id, gone=None).first()
    if found is None:
        done.error = f"There is no automation {id}."
        return
    switch(found, on=on, by=f"automation {task.firing.automation.name}")


def pause(tries: int, after: float | None = None) -> timedelta:
    """Return how long to wait after so many tries; what the receiver asks for, at least."""
    seconds = PAUSES[min(tries, len(PAUSES)) - 1]
    spread = seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
    return timedelta(seconds=max(spread, min(after or 0.0, GIVE_UP.total_seconds())))


def try_again(task: Task) -> bool:
    """Let a task that failed or was parked be due now; returns whether it was one."""
    again = {"state": Task.State.WAITING, "due": timezone.now(), "tries": 0, "ended": None}
    ended = Task.objects.filter(id=task.id, state__in=(Task.State.FAILED, Task.State.PARKED))
    return bool(ended.update(**again))
