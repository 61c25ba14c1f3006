"""Looking at a database that may stand still: in one thread, whoever asks and however often."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Generic, TypeVar

from django.db import connections

T = TypeVar("T")


class Look(Generic[T]):
    """One look at a time, shared by those who ask meanwhile.

    A database that stands still keeps its thread, and nobody else: not a thread of those that
    serve pages, and, a daemon, not the end of this process.
    """

    def __init__(self, find: Callable[[], T], *, name: str) -> None:
        self._find = find
        self._name = name
        self._lock = Lock()
        self._future: Future[T] | None = None

    @property
    def is_under_way(self) -> bool:
        return self._future is not None and not self._future.done()

    def begin(self) -> "Future[T]":
        """Return what will have been found."""
        with self._lock:
            if self._future is None or self._future.done():
                future: Future[T] = Future()
                future.set_running_or_notify_cancel()  # no request can cancel it for others
                Thread(target=self._look, args=[future], name=self._name, daemon=True).start()
                self._future = future
            return self._future

    def _look(self, future: "Future[T]") -> None:
        try:
            found = self._find_and_close()
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(found)

    def _find_and_close(self) -> T:
        try:
            return self._find()
        finally:
            connections.close_all()
