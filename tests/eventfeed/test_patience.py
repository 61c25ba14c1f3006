"""A database that stands still keeps nobody waiting for long, and threads of ours not for ever."""

import asyncio
import threading
import time

import pytest

from eventfeed.patience import Askers


async def test_what_stands_still_is_given_up_and_others_are_answered() -> None:
    askers, moving = Askers(), threading.Event()
    askers.STANDS_STILL = 0.05
    standing = [asyncio.create_task(askers.ask(moving.wait, within=0.1)) for _ in range(8)]
    answers = await asyncio.gather(*standing, return_exceptions=True)
    assert all(isinstance(answer, TimeoutError) for answer in answers)
    began = time.monotonic()
    assert await askers.ask(lambda: 5, within=5) == 5
    assert time.monotonic() - began < 1
    moving.set()


async def test_no_more_threads_stand_still_than_are_allowed() -> None:
    askers, moving, begun = Askers(), threading.Event(), []
    askers.STANDS_STILL, askers.MOST = 0.0, 6

    def stand() -> None:
        begun.append(threading.current_thread())
        moving.wait()

    for _ in range(5):
        waiting = [asyncio.create_task(askers.ask(stand, within=0.05)) for _ in range(5)]
        await asyncio.gather(*waiting, return_exceptions=True)
    assert len(begun) == 6
    assert not askers._queue
    moving.set()
    assert await askers.ask(lambda: 5, within=5) == 5


async def test_an_error_is_told_to_who_asked() -> None:
    with pytest.raises(ZeroDivisionError):
        await Askers().ask(lambda: 1 / 0)
