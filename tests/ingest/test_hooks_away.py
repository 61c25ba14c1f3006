"""A webhook while PostgreSQL is away: nothing is answered with success that is not stored."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from eventfeed.embedded import Cluster
from tests.crash.test_database_away import frozen, postgresql, stopped, up
from tests.crash.up import Up
from tests.ingest.conftest import Eventfeed
from tests.ingest.hooking import Person
from tests.waiting import wait_until

__all__ = ["postgresql", "up"]


@pytest.mark.parametrize("away", [stopped, frozen])
def test_a_delivery_is_held_and_then_asked_for_again(
    away: Callable[[Cluster], AbstractContextManager[None]],
    postgresql: Cluster,
    up: Up,
) -> None:
    eventfeed = Eventfeed(up.port, up.dsn)
    hook = Person(eventfeed).makes(delivery="body.id")
    good, unreadable = {"what": "paid", "id": "1"}, {"id": "2"}
    assert hook.post({"what": "seen", "id": "0"}).json()["stored"] == 1
    with away(postgresql):
        for body in (good, unreadable):
            began = time.monotonic()
            answer = hook.post(body)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
            assert time.monotonic() - began < 12
    wait_until(lambda: hook.post(good).status_code == 200, what="the database is back")
    assert len(eventfeed.stored()) == 2
