"""Waiting for a fact, in threads and in coroutines."""

import asyncio
from collections.abc import Awaitable, Callable

from django.db import connection

from apps.events.log import ABOVE
from tests.waiting import wait_until

LONGEST = 20.0


def until(fact: Callable[[], bool]) -> None:
    wait_until(fact, within=LONGEST)


def until_final() -> None:
    """Wait for the horizon to pass what is recorded: any writer in the cluster holds it back."""

    def passed() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(ABOVE)
            return cursor.fetchone() == (False,)

    until(passed)


async def until_async(fact: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Look until it is so, while everything else goes on."""
    async with asyncio.timeout(LONGEST):
        while not await _holds(fact):  # noqa: ASYNC110 - a fact in the database sets no event
            await asyncio.sleep(0.01)


async def _holds(fact: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> bool:
    so = fact()
    return so if isinstance(so, bool) else await so
