"""What happens when the database does not answer."""

from collections.abc import Callable
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")


class DatabaseAway(Exception):
    """It could not be committed: send it again."""


async def in_database(work: Callable[[], T]) -> T:
    """Do a little work on Django's connection, in a thread; raises DatabaseAway."""
    return await sync_to_async(_done)(work)


def _done(work: Callable[[], T]) -> T:
    try:
        return work()
    except (OperationalError, InterfaceError) as error:
        raise DatabaseAway("The database is away; send it again in a moment.") from error
    finally:
        connection.close_if_unusable_or_obsolete()
