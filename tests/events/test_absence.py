"""A database that is away is told of once, however often a part tries, and its return once."""

import asyncio
import logging

import pytest

from apps.events import log
from apps.events.absence import Absence
from apps.events.log import Wakeups

NOWHERE = "host=127.0.0.1 port=1 dbname=feed"


def test_each_absence_is_one_line_and_each_return_another(caplog: pytest.LogCaptureFixture) -> None:
    absence = Absence("The worker", logging.getLogger("apps.test"))
    for _ in range(2):
        absence.begin(OSError("refused:\n\tis it running?"))
        absence.begin(OSError("refused"))
        absence.end()
        absence.end()
    assert (
        caplog.messages
        == [
            "The worker waits for the database: refused: is it running?",
            "The worker goes on: the database is back.",
        ]
        * 2
    )


async def test_who_listens_hears_of_each_try_and_the_log_of_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log, "dsn", lambda: NOWHERE)
    monkeypatch.setattr(Wakeups, "AWAY", 0.0)
    tries, enough = [], asyncio.Event()
    wakeups = Wakeups()
    told = wakeups._lost

    def lost(error: Exception) -> None:
        told(error)
        tries.append(error)
        if len(tries) == 3:
            enough.set()

    wakeups._lost = lost
    listening = asyncio.create_task(anext(wakeups))
    await enough.wait()
    listening.cancel()
    assert len([said for said in caplog.messages if "waits for the database" in said]) == 1
