"""What happens when the database does not answer."""

from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError

from eventfeed.patience import PATIENCE, askers

T = TypeVar("T")

AWAY = "The database is away; send it again in a moment."


class DatabaseAway(Exception):
    """It could not be committed: send it again."""


async def in_database(work: Callable[[], T], *, within: float = PATIENCE) -> T:
    """Do a little work on a connection of Django's, in a thread; raises DatabaseAway.

    So does a database that says nothing for so many seconds: what it was told may yet be done.
    """
    try:
        return await askers.ask(lambda: _done(work), within=within)
    except TimeoutError:
        raise DatabaseAway(AWAY) from None


def _done(work: Callable[[], T]) -> T:
    try:
        return work()
    except (OperationalError, InterfaceError) as error:
        raise DatabaseAway(AWAY) from error
