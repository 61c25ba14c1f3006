"""What a viewer asks of the live feed, and how its frames say that it is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from apps.events.models import Event
from apps.events.position import Position
from apps.feed.columns import Columns, read_columns, wants_payload
from apps.feed.moments import Range, in_order
from apps.query import Query, parse


class Mode(StrEnum):
    ROWS = "rows"
    COUNTS = "counts"


class Format(StrEnum):
    HTML = "html"
    JSON = "json"


@dataclass(frozen=True)
class Subscription:
    """A query over a span of times, and from where in the log."""

    query: Query
    since: datetime | None = None
    until: datetime | None = None
    after: Position | None = None
    mode: Mode = Mode.ROWS
    format: Format = Format.HTML
    columns: Columns = ()

    @property
    def reads_payload(self) -> bool:
        return wants_payload(self.columns) or self.query.reads_payload

    def is_live(self, now: datetime) -> bool:
        return self.until is None or self.until > now

    def covers(self, event: Event) -> bool:
        if self.since and event.occurred < self.since:
            return False
        return self.until is None or event.occurred <= self.until


class Sub(msgspec.Struct, tag_field="t", tag="sub"):
    """The frame that asks to follow; a second one replaces the first."""

    q: str = ""
    since: str | None = None
    until: str | None = None
    from_: str | None = msgspec.field(name="from", default=None)
    mode: Mode = Mode.ROWS
    format: Format = Format.HTML
    columns: str = ""

    def read(self, now: datetime) -> Subscription:
        """Return what is asked; raises QueryError, BadMoment, BadPosition or BadColumn."""
        query = parse(self.q)
        within = Range.read(self.since or "", self.until or "", now)
        in_order(within.since, within.until)
        return Subscription(
            query=query,
            since=within.since,
            until=within.until,
            after=Position.parse(self.from_) if self.from_ else None,
            mode=self.mode,
            format=self.format,
            columns=read_columns(self.columns) if self.format is Format.HTML else (),
        )


class ModeChange(msgspec.Struct, tag_field="t", tag="mode"):
    """The frame of a tab that is hidden or shown."""

    mode: Mode
