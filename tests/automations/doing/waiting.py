"""Waiting for a task of the outbox."""

from apps.automations.models import Task
from tests.automations.doing.fired import again
from tests.waiting import wait_until


def ended(task: Task) -> Task:
    """Return a task that has ended."""
    wait_until(lambda: again(task).ended, what="the task ends")
    return again(task)


def tried(task: Task, times: int) -> Task:
    """Return a task that has been tried so often."""
    wait_until(lambda: task.attempts.count() >= times, what=f"it is tried {times} times")
    return again(task)
