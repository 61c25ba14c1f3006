"""The process that does network work: no settings of ours, no database, no environment.

Each frame on its standard input is something to send; what came of it is a frame on its output.
"""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import msgspec

from apps.automations.doing.confined import confine
from apps.automations.doing.frames import Frame, read_frame, write_frame
from apps.automations.doing.sending.calling import call
from apps.automations.doing.sending.guard import guard
from apps.automations.doing.sending.notifying import notify
from apps.automations.doing.sending.told import ASKED, LONGEST, Answer, Asked, Call

MOST_MEMORY = 1024 * 1024 * 1024
# Names that are looked up, and notifications, each in a thread: more than are ever in flight.
THREADS = 100


def main() -> None:
    confine(MOST_MEMORY)
    asyncio.run(_work())


async def _work() -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS))
    reading = ThreadPoolExecutor(1)
    # Made before the guard stands: it reads the certificates that it trusts. Nothing is asked of
    # an environment, and no connection is kept, so that each is looked at as it is made.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(
        trust_env=False, follow_redirects=False, timeout=LONGEST, limits=limits
    ) as client:
        guard()
        running = set()
        while frame := await loop.run_in_executor(reading, read_frame, sys.stdin.buffer):
            task = asyncio.create_task(_do(frame, client))
            running.add(task)
            task.add_done_callback(running.discard)
        # Whoever asked is gone: a thread that still waits for a receiver waits for nobody.
        os._exit(0)


async def _do(frame: Frame, client: httpx.AsyncClient) -> None:
    answer = await _answer(ASKED.decode(frame.content), client)
    write_frame(sys.stdout.buffer, Frame(frame.number, msgspec.msgpack.encode(answer)))


async def _answer(asked: Asked, client: httpx.AsyncClient) -> Answer:
    try:
        return await (call(asked, client) if isinstance(asked, Call) else notify(asked))
    except Exception as error:
        # Whatever a library makes of an address or of an answer.
        return Answer(error=f"It failed: {type(error).__name__}: {error}"[:500], again=True)


if __name__ == "__main__":
    main()
