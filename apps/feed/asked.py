"""What a visitor asks of the feed: its URL, read once, and the URLs that ask a little else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from apps.events.log import Expired, StartAgain
from apps.events.position import BadPosition, Position
from apps.events.search import BadCursor, Cursor, Page, search, search_log
from apps.feed.columns import Column, Columns, read_columns, written
from apps.feed.moments import BadMoment, Range, in_order
from apps.query import Clause, Query, Value, clause

MISTAKES = (BadMoment, BadPosition, BadCursor, Expired, StartAgain)

ARRIVAL = "arrival"
OCCURRED = "occurred"
PAGE = 50


@dataclass(frozen=True)
class Asked:
    """The whole state of a feed page."""

    text: str
    range: Range
    order: str
    after: str
    first: str
    last: str
    columns: Columns = ()

    @classmethod
    def read(cls, url: Mapping[str, str], now: datetime) -> "Asked":
        """Read the URL; raises BadMoment, BadColumn."""
        first, last = url.get("from", ""), url.get("to", "")
        in_log = first or last or url.get("order") == ARRIVAL
        range = Range.read(url.get("since", ""), url.get("until", ""), now)
        in_order(range.since, range.until)
        return cls(
            text=url.get("q", "").strip(),
            range=range,
            order=ARRIVAL if in_log else OCCURRED,
            after=url.get("after", ""),
            first=first,
            last=last,
            columns=read_columns(url.get("columns", "")),
        )

    @property
    def of_log(self) -> bool:
        return self.order == ARRIVAL

    @property
    def by_time(self) -> bool:
        """Whether the newest by the clocks of senders stand on top."""
        return not self.of_log and not self.after

    @property
    def is_stretch(self) -> bool:
        """Whether it is one stretch of the log, as a gap's link asks for."""
        return bool(self.first or self.last)

    @property
    def narrowed(self) -> bool:
        return bool(self.text or self.range.since or self.range.until or self.is_stretch)

    @property
    def columns_text(self) -> str:
        return written(self.columns)

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What a form must repeat to change the text alone."""
        order = ARRIVAL if self.of_log and not self.is_stretch else ""
        fields = {
            "since": self.range.since_text,
            "until": self.range.until_text,
            "order": order,
            "columns": self.columns_text,
        }
        return [(name, value) for name, value in fields.items() if value]

    def page(self, query: Query) -> Page:
        """Read the page; raises QueryTimeout and what MISTAKES holds."""
        if not self.of_log:
            return search(
                query,
                since=self.range.since,
                until=self.range.until,
                after=Cursor.parse(self.after) if self.after else None,
                limit=PAGE,
            )
        return search_log(
            query,
            first=Position.parse(self.first) if self.first else None,
            last=Position.parse(self.last) if self.last else None,
            after=Position.parse(self.after) if self.after else None,
            limit=PAGE,
        )

    def link(self, **changes: str) -> str:
        """Return the URL that asks the same but for the changes, from its first page."""
        fields = {"q": self.text, **dict(self.kept)} | changes
        return link(fields)

    def without_column(self, column: Column) -> str:
        return self.link(columns=written([one for one in self.columns if one != column]))

    def older(self, page: Page) -> str:
        if page.next is None:
            return ""
        stretch = {"from": self.first, "to": self.last}
        return self.link(**stretch, after=str(page.next))

    def why_not_live(self, now: datetime) -> str:
        if self.is_stretch:
            return "a stretch of the log"
        if self.after:
            return "older events"
        if self.range.until and self.range.until <= now:
            return "the range has ended"
        return ""


def link(fields: dict[str, str]) -> str:
    asked = {name: value for name, value in fields.items() if value}
    # Not “/” alone, which opens somebody's default view.
    return "/?" + urlencode(asked or {"q": ""}, quote_via=quote, safe=":*[],")


def chosen(query: Query, field: str) -> tuple[str, ...]:
    """Return what a filter shows as chosen: the values of its first clause that is not negated."""
    found = _clause(query, field)
    return tuple(value.typed for value in found.values) if found else ()


def choose(query: Query, field: str, values: Iterable[str]) -> str:
    """Return the text of the query with a filter's values replaced, in their old place."""
    found = _clause(query, field)
    kept = [Value.of_typed(value) for value in dict.fromkeys(values) if value]
    if found is None:
        return query.with_clause(clause(field, *kept)) if kept else query.text
    if not kept:
        return query.without(found)
    return query.text[: found.start] + clause(field, *kept) + query.text[found.end :]


def toggle(query: Query, field: str, value: str) -> str:
    values = chosen(query, field)
    others = tuple(other for other in values if other != value)
    return choose(query, field, others if value in values else (*values, value))


def _clause(query: Query, field: str) -> Clause | None:
    return next((c for c in query.clauses if c.field == field and not c.negated), None)
