"""Asking a database that may stand still, from a loop that must go on.

Each question is asked in a thread of a few. Who asks waits for so long and no longer; a thread that
never comes back is not counted on any more, and another takes its place.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import close_old_connections, connections

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds that an answer is waited for, unless it is said for how long."""


@dataclass(eq=False)
class Question:
    work: Callable[[], Any]
    future: Future[Any] = field(default_factory=Future)
    begun: float = 0.0


class Askers:
    """Threads that ask, as many as are needed and no more than so many at work."""

    AT_ONCE = 4
    MOST = 12
    """With those that stand still: each holds a connection."""
    STANDS_STILL = PATIENCE
    IDLE = 30.0
    """Seconds after which a thread without work ends, and gives its connection back."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._queue: deque[Question] = deque()
        self._at_work: set[Question] = set()
        self._idle = 0
        self._threads = 0

    async def ask(self, work: Callable[[], T], *, within: float = PATIENCE) -> T:
        """Return what `work` returns; raises what it raises, or TimeoutError."""
        question = Question(work)
        self._put(question)
        try:
            async with asyncio.timeout(within):
                answer: T = await asyncio.wrap_future(question.future)
                return answer
        finally:
            self._forget(question)

    def _put(self, question: Question) -> None:
        with self._lock:
            self._queue.append(question)
            if self._idle < len(self._queue) and self._may_grow():
                self._threads += 1
                # A daemon: one that stands still does not keep this process from ending.
                threading.Thread(target=self._work, name="database", daemon=True).start()
            self._lock.notify()

    def _forget(self, question: Question) -> None:
        """Nobody asks any more: what is not begun need not be."""
        if question.future.cancel():
            with self._lock, suppress(ValueError):
                self._queue.remove(question)

    def _may_grow(self) -> bool:
        late = time.monotonic() - self.STANDS_STILL
        standing = sum(question.begun < late for question in self._at_work)
        return self._threads - standing < self.AT_ONCE and self._threads < self.MOST

    def _work(self) -> None:
        try:
            while (question := self._next()) is not None:
                try:
                    if question.future.set_running_or_notify_cancel():
                        self._answer(question)
                finally:
                    with self._lock:
                        self._at_work.discard(question)
        finally:
            with self._lock:
                self._threads -= 1
            connections.close_all()

    def _next(self) -> Question | None:
        with self._lock:
            self._idle += 1
            try:
                if not self._queue and not self._lock.wait_for(lambda: self._queue, self.IDLE):
                    return None
                question = self._queue.popleft()
            finally:
                self._idle -= 1
            question.begun = time.monotonic()
            self._at_work.add(question)
            return question

    def _answer(self, question: Question) -> None:
        try:
            answer = _asked(question.work)
        except BaseException as error:
            question.future.set_exception(error)
        else:
            question.future.set_result(answer)


def _asked(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        close_old_connections()


askers = Askers()
"""Those of this process."""
