"""All that is searched, told part by part in memory that does not grow.

Nothing of the database is held between two parts, however slow who takes them is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from django.db import connection

from apps.events.models import Event
from apps.events.position import Position
from apps.events.search import Cursor, Page, search, search_log
from apps.feed.asked import Asked
from apps.feed.columns import Columns
from apps.feed.export_formats import FORMATS, Format
from apps.feed.rows import iso
from apps.feed.told import sources_of
from apps.query import Query

# Events a page, by how large they turn out to be; characters that a part aims at.
LEAST = 50
MOST = 1_000
AIM = 1_000_000

# Payloads as they are stored, which may be compressed, in the order asked for, until those before
# weigh enough. An event whose partition has expired meanwhile is left out.
PAYLOADS = """
    SELECT place, payload::text FROM (
        SELECT told.place, kept.payload, pg_column_size(kept.payload) AS size,
            sum(pg_column_size(kept.payload)) OVER (ORDER BY told.place) AS upto
        FROM unnest(%s::uuid[], %s::timestamptz[]) WITH ORDINALITY AS told (id, occurred, place)
        CROSS JOIN LATERAL (
            SELECT payload FROM event
            WHERE event.id = told.id AND event.occurred = told.occurred
            LIMIT 1
        ) AS kept
    ) AS weighed
    WHERE upto - size < %s ORDER BY place
"""


@dataclass(frozen=True)
class Wanted:
    """What is to be exported: what the page of the same URL shows, all of it."""

    query: Query
    since: datetime | None = None
    until: datetime | None = None
    first: Position | None = None
    last: Position | None = None

    def page(self, after: Cursor | Position | None, limit: int) -> Page:
        """Read a page, newest first; raises what `search` and `search_log` raise."""
        if self.first or self.last:
            place = after if isinstance(after, Position) else None
            return search_log(
                self.query, first=self.first, last=self.last, after=place, limit=limit
            )
        return search(
            self.query,
            since=self.since,
            until=self.until,
            after=after if isinstance(after, Cursor) else None,
            limit=limit,
        )


@dataclass
class Export:
    """What has been told so far, and what comes next."""

    wanted: Wanted
    format: Format
    columns: Columns = ()
    told: int = 0
    reached: datetime | None = None
    """When the last one told occurred."""
    _after: Cursor | Position | None = None
    _ended: bool = False
    _begun: bool = False
    _waiting: list[Event] = field(default_factory=list)
    _sources: dict[int, str] = field(default_factory=dict)
    _limit: int = LEAST

    def part(self) -> bytes:
        """Return what comes next, nothing when all is told.

        Raises what reading raises; then it may be asked for the same part again.
        """
        lines = self._some()
        if self._begun:
            return lines
        self._begun = True
        return self.format.head(self.columns) + lines

    def _some(self) -> bytes:
        while True:
            while not self._waiting:
                if self._ended:
                    return b""
                self._turn()
            if lines := self._tell():
                return lines

    def _turn(self) -> None:
        page = self.wanted.page(self._after, self._limit)
        if {event.source_id for event in page.events} - self._sources.keys():
            self._sources |= sources_of(page.events)
        self._waiting, self._after = page.events, page.next
        self._ended = page.next is None

    def _tell(self) -> bytes:
        events = self._waiting
        with connection.cursor() as cursor:
            # As text: psycopg takes three times as long for lists.
            ids = f"{{{','.join([str(event.id) for event in events])}}}"
            times = f"{{{','.join([iso(event.occurred) for event in events])}}}"
            cursor.execute(PAYLOADS, [ids, times, AIM])
            found = cursor.fetchall()
        told = [(events[place - 1], payload) for place, payload in found]
        tellings = ((event, self._sources[event.source_id], payload) for event, payload in told)
        lines = self.format.lines(tellings, self.columns)
        self._waiting = events[found[-1][0] :] if found else []
        if found:
            self.told += len(found)
            self.reached = events[found[-1][0] - 1].occurred
            self._limit = min(MOST, max(LEAST, AIM * len(found) // len(lines)))
        return lines


def links(asked: Asked) -> list[tuple[str, str, str]]:
    """Return for each format its title, the link that exports what a page asks, and its use."""
    fields = {
        "q": asked.text,
        "since": asked.range.since_text,
        "until": asked.range.until_text,
        "from": asked.first,
        "to": asked.last,
        "columns": asked.columns_text,
    }
    kept = {name: value for name, value in fields.items() if value}
    return [
        (form.title, f"/export?{urlencode(kept | {'format': form.name})}", form.use)
        for form in FORMATS.values()
    ]
