"""Waiting for a fact, for as long as a slow machine may need."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE = 60

T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T]], is_so: Callable[[T], bool]) -> T:
    async with asyncio.timeout(PATIENCE):
        while not is_so(found := await look()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found
