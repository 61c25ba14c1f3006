"""A process of our own that knows nothing of ours: started when needed, ended when idle."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO

from apps.automations.doing.frames import Frame, read_frame, write_frame

ROOT = Path(__file__).resolve().parents[3]
# Seconds without work after which it ends: idle memory is for those who work.
IDLE = 60.0


class Gone(Exception):
    """The process ended, or had to be ended, before it answered."""


class Child:
    """One process that runs a module; many threads may ask it at once."""

    def __init__(self, module: str, *, idle: float = IDLE) -> None:
        self.module = module
        self.idle = idle
        self._lock = threading.Lock()
        self._run: _Run | None = None

    def ask(self, content: bytes, *, within: float) -> bytes:
        """Return its answer; raises Gone. One that does not come in time ends the process."""
        run, asked = self._asked(content)
        try:
            return asked.result(within)
        except TimeoutError:
            run.end()
            raise Gone("It did not end; its process was stopped.") from None

    @property
    def pid(self) -> int | None:
        """Which process it is, None while there is none."""
        run = self._run
        return run.process.pid if run and run.alive else None

    def end(self) -> None:
        with self._lock:
            run, self._run = self._run, None
        if run:
            run.end()

    def _asked(self, content: bytes) -> "tuple[_Run, Future[bytes]]":
        with self._lock:
            run = self._run
            if run is None or not run.alive:
                run = self._run = _Run(self.module, self.idle)
            return run, run.ask(content)


class _Run:
    """One life of the process."""

    def __init__(self, module: str, idle: float) -> None:
        self.process = subprocess.Popen(
            # -B: it writes no file, not even a compiled one.
            [sys.executable, "-B", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
            cwd="/",
        )
        self.idle = idle
        self.alive = True
        self._numbers = count(1)
        self._asked: dict[int, Future[bytes]] = {}
        self._lock = threading.Lock()
        self._used = time.monotonic()
        threading.Thread(target=self._listen, name=module, daemon=True).start()
        self._watch_later()

    def ask(self, content: bytes) -> Future[bytes]:
        assert self.process.stdin
        asked: Future[bytes] = Future()
        with self._lock:
            number = next(self._numbers)
            self._used = time.monotonic()
            self._asked[number] = asked
            try:
                write_frame(self.process.stdin, Frame(number, content))
            except (OSError, ValueError):
                del self._asked[number]
                asked.set_exception(Gone("Its process has ended."))
        return asked

    def end(self) -> None:
        self.alive = False
        self.process.kill()
        self.process.wait()

    def _listen(self) -> None:
        assert self.process.stdout
        while frame := read_frame(self.process.stdout):
            with self._lock:
                self._used = time.monotonic()
                asked = self._asked.pop(frame.number, None)
            if asked:
                asked.set_result(frame.content)
        self.end()
        with self._lock:
            left, self._asked = self._asked, {}
        for asked in left.values():
            asked.set_exception(Gone("Its process has ended."))
        for pipe in (self.process.stdin, self.process.stdout):
            _close(pipe)

    def _watch_later(self) -> None:
        watch = threading.Timer(self.idle, self._watch)
        watch.daemon = True
        watch.start()

    def _watch(self) -> None:
        """End it when nobody has asked it anything for long."""
        with self._lock:
            idle = not self._asked and time.monotonic() - self._used >= self.idle
            if idle:
                self.alive = False
        if idle:
            self.end()
        elif self.alive:
            self._watch_later()


def _environment() -> dict[str, str]:
    # Where Python itself finds its libraries, on systems that say it so.
    libraries = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",
        # Each thread's own heap counts as memory that it never uses.
        "MALLOC_ARENA_MAX": "2",
        **libraries,
    }


def _close(pipe: IO[bytes] | None) -> None:
    with suppress(OSError):
        if pipe:
            pipe.close()
