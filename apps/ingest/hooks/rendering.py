"""Renders templates of hooks, in processes that are ended when they take too long."""

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

from apps.events.recorder import Overloaded
from apps.ingest.hooks.renderer import ANSWER, Answer, Asked, Failed, read_frame, write_frame

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = 2
MOST_WAITING = 200
# Far beyond what the process allows itself: for a step that nothing interrupts.
LONGEST = 10.0
UNENDING = "It did not end; its process was stopped."


class Renderer:
    """One process, started when it is needed, used by one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def render(self, asked: Asked) -> Answer:
        frame = msgspec.msgpack.encode(asked)
        try:
            answer = self._exchange(frame)
        except BrokenPipeError:
            # It ended while nobody asked it anything.
            self.end()
            answer = self._exchange(frame)
        if answer is None:
            self.end()
            return Failed(UNENDING)
        return ANSWER.decode(answer)

    def _exchange(self, frame: bytes) -> bytes | None:
        process = self._process = self._process or _started()
        assert process.stdin
        assert process.stdout
        watch = threading.Timer(LONGEST, process.kill)
        watch.start()
        try:
            write_frame(process.stdin, frame)
            return read_frame(process.stdout)
        finally:
            watch.cancel()

    def end(self) -> None:
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                _close(pipe)


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "apps.ingest.hooks.renderer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Nothing of ours is in its environment: no address of a database, no key.
        env=_environment(),
        cwd="/",
    )


def _environment() -> dict[str, str]:
    # Where Python itself finds its libraries, on systems that say it so.
    libraries = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", **libraries}


def _close(pipe: IO[bytes] | None) -> None:
    # What was not sent yet is lost with the process that it was for.
    with suppress(BrokenPipeError):
        if pipe:
            pipe.close()


_own = threading.local()
_threads = ThreadPoolExecutor(PROCESSES, thread_name_prefix="hooks")
_waiting = 0


async def render(asked: Asked) -> Answer:
    """Render in another process; raises Overloaded when too many wait for theirs."""
    global _waiting
    if _waiting >= MOST_WAITING:
        raise Overloaded("Too many deliveries wait for their template; send it again in a moment.")
    _waiting += 1
    try:
        return await asyncio.wrap_future(_submitted(asked))
    finally:
        _waiting -= 1


def render_now(asked: Asked) -> Answer:
    """Render in another process, and wait for it: for pages."""
    return _submitted(asked).result()


def _submitted(asked: Asked) -> Future[Answer]:
    return _threads.submit(_in_thread, asked)


def _in_thread(asked: Asked) -> Answer:
    renderer: Renderer = _own.__dict__.setdefault("renderer", Renderer())
    return renderer.render(asked)
