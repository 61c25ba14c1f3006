"""Locks on files of the data folder; the kernel lets go of them however their holder ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FileLock:
    """One flock, held by this process until `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def share(self) -> None:
        """Hold the lock beside others, waiting for one who holds it alone."""
        fcntl.flock(self._opened(), fcntl.LOCK_SH)

    def alone(self, *, wait: bool = False) -> bool:
        """Hold the lock alone; False when others hold it and we are not to wait."""
        try:
            fcntl.flock(self._opened(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @contextmanager
    def held(self) -> Iterator[None]:
        self.alone(wait=True)
        try:
            yield
        finally:
            self.release()

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        return self._file
