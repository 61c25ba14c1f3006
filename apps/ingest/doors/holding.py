"""While the database is away, who sends is held rather than sent away at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from apps.accounts.access import AccessAway
from apps.events.away import DatabaseAway
from eventfeed.patience import PATIENCE

T = TypeVar("T")

# Seconds between two looks whether the database is back.
AGAIN = 0.25
# Seconds that the database is given for an answer at least.
LEAST = 1.0


async def held(ask: Callable[[float], Awaitable[T]], *, until: float) -> T:
    """Return what the database says, as soon as it can, by time.monotonic().

    `ask` is told how many seconds it may take. Raises AccessAway or DatabaseAway.
    """
    while True:
        try:
            # No longer at once: a connection may stand still where another would answer.
            return await ask(min(PATIENCE, max(LEAST, until - time.monotonic())))
        except (AccessAway, DatabaseAway):
            if time.monotonic() + AGAIN > until:
                raise
            await asyncio.sleep(AGAIN)
