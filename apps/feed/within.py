"""Of which time the histogram and the facets are, where it is not the range of the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from apps.events.counting import range_of
from apps.feed.asked import Asked
from apps.query import Query


@dataclass(frozen=True)
class Within:
    """Whose range it is; a link to all that is kept where it leaves out what is asked for."""

    of_query: bool = False
    all: str = ""

    @classmethod
    def of(cls, asked: Asked, query: Query, now: datetime) -> Within:
        if not asked.range.is_open:
            return cls()
        if range_of(query, now):
            return cls(of_query=True)
        days = settings.EVENTFEED_RETENTION_DAYS
        return cls(all=asked.link(since=f"now-{days}d") if query.names_times else "")
