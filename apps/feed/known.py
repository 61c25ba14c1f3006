"""What a query must be told beside an event, to mean in memory what it means in the database."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from psycopg import AsyncConnection

from apps.events import log
from apps.events.away import DatabaseAway, in_database
from apps.events.models import Event
from apps.events.search import QueryTimeout, chain_of
from apps.query import Query

SOURCES = "SELECT id, name FROM source"
# So long a name is believed: sources are renamed, too.
FRESH_SECONDS = 5.0


class SourceNames:
    """What sources are called."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.until = 0.0

    async def learn(self, events: Sequence[Event], connection: AsyncConnection[Any]) -> None:
        """Tell each event the name of its source."""
        if self.until < time.monotonic() or not self._know(events):
            with log.limited(connection):
                self.names = dict(await (await connection.execute(SOURCES)).fetchall())
            self.until = time.monotonic() + FRESH_SECONDS
        for event in events:
            event.source_name = self.names.get(event.source_id, "")

    def _know(self, events: Sequence[Event]) -> bool:
        return {event.source_id for event in events} <= self.names.keys()


async def know_chains(query: Query) -> None:
    """Tell a query who belongs to its chains already."""
    for chain in query.chains:
        with suppress(QueryTimeout, DatabaseAway):
            chain.members.update(await in_database(partial(chain_of, chain.id)))
