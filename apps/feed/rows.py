"""How an event looks as a row: one template for the page, for paging and for the live socket."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from html import unescape
from urllib.parse import quote, urlencode

from django.conf import settings
from django.template import Context, Engine, Template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from apps.events.models import Event
from apps.events.position import Position
from apps.events.words import system_title, words
from apps.feed.columns import Cell, Columns, titles
from apps.feed.moments import ago
from apps.feed.visible import visible
from apps.query import clause, display_name
from apps.query.values import written_value

ROLE = "prefect.resource.role"
ID = "prefect.resource.id"
CLAUSE_LINK = re.compile(r'href="[^"]*" data-clause="([^"]*)"')
PILLS = 3
KEPT = 4_000
LONGEST = 160
# So far apart clocks may be.
AGREEING = timedelta(minutes=5)

_drawn: dict[tuple[Position, Columns], SafeString] = {}


def render_row(event: Event, columns: Columns = ()) -> SafeString:
    """Return an event as `<li class="row">`; events never change, so each is drawn once.

    Columns stand in the place of the related resources; their payloads have been read.
    """
    key = event.position, columns
    drawn = _drawn.get(key)
    if drawn is None:
        while len(_drawn) >= KEPT:
            _drawn.pop(next(iter(_drawn)), None)
        drawn = _drawn[key] = draw(event, str(event.position), columns)
    return drawn


def draw(event: Event, at: str, columns: Columns = ()) -> SafeString:
    said = words(event.event, event.resource)
    about = clause("any", event.resource_id)
    return _render(
        "feed/_row.html",
        at=at,
        iso=iso(event.occurred),
        exact=exact(event.occurred),
        clock=clock(event.occurred),
        outcome=event.outcome_word,
        href=f"/events/{event.id}?at={at}",
        words=shorten(said.text),
        kind=said.kind,
        name=shorten(display_name(event.resource)),
        name_href=filtered(about),
        name_clause=about,
        raw=shorten(event.event),
        event_value=written_value(event.event),
        message=event.message,
        pills=[] if columns else [pill(labels) for labels in event.related[:PILLS]],
        cells=list(cells(event, columns)) if columns else (),
        related=len(event.related),
        more=max(0, len(event.related) - PILLS),
        rest=max(0, len(event.related) - PILLS + 1),
        system=system_title(event.system),
        ahead=ahead(event),
    )


def ahead(event: Event) -> str:
    """Say how long before it occurred an event was received, "" where clocks agree."""
    span = event.occurred - event.received
    return ago(span) if span > AGREEING else ""


def cells(event: Event, columns: Columns) -> Iterator[tuple[str, str, Cell, str]]:
    """Yield what each column is called and is, what it shows, and the link that filters by that."""
    for title, column in zip(titles(columns), columns, strict=True):
        cell = column.cell(event)
        yield title, column.text, cell, filtered(cell.query) if cell.query else ""


def pill(labels: Mapping[str, str]) -> SafeString:
    """Return a related resource as a small link with its role, which filters the feed by it."""
    return _pill(labels.get(ROLE, ""), labels.get(ID, ""), display_name(labels))


@lru_cache(maxsize=4_000)
def _pill(role: str, id: str, name: str) -> SafeString:
    return _render(
        "feed/_pill.html",
        role=role_words(role),
        id=id,
        name=shorten(name),
        href=filtered(clause("any", id)),
        clause=clause("any", id),
    )


def refined(row: str, href: Callable[[str], str]) -> SafeString:
    """Return a row whose links lead where this says for their clauses, not to those alone."""
    return mark_safe(  # noqa: S308 - both sides are escaped
        CLAUSE_LINK.sub(
            lambda link: f'href="{escape(href(unescape(link[1])))}" data-clause="{link[1]}"', row
        )
    )


def render_gap(
    *,
    query: str,
    start: Position,
    end: Position,
    count: int,
    more: bool,
    first: datetime | None,
    last: datetime | None,
    why: str,
) -> SafeString:
    """Return a striped row that says how many events are not drawn here, when and why."""
    link = urlencode({"q": query, "from": str(start), "to": str(end)})
    return _render(
        "feed/_gap.html",
        start=str(start),
        end=str(end),
        say=gap_in_words(count, more, first, last, why),
        href="" if why == "expired" else f"/?{link}",
    )


def retention() -> str:
    """Return for how long events are kept, “30 days”."""
    days = settings.EVENTFEED_RETENTION_DAYS
    return f"{days} day{'' if days == 1 else 's'}"


def gap_in_words(
    count: int, more: bool, first: datetime | None, last: datetime | None, why: str
) -> str:
    if why == "expired":
        return (
            "Events that arrived while this page was paused or away are gone: "
            f"they are kept for {retention()}."
        )
    one = count == 1 and not more
    events = f"{count:,}{'+' if more else ''} event{'' if one else 's'}"
    missing = GAPS[why].format(were="was" if one else "were")
    rate = _rate(count, first, last, why)
    return format_html("{}{} {}{}.", events, _between(first, last), missing, rate)


GAPS = {
    "rate": "{were} not drawn",
    "slow": "{were} not drawn because this page could not keep up",
    "resume": "arrived while this page was paused or away",
}


def _between(first: datetime | None, last: datetime | None) -> SafeString:
    """Return “ between 14:31:59 and 14:32:01”, as times that the script can show in local time."""
    if first is None or last is None:
        return SafeString()
    full = "" if first.date() == last.date() else mark_safe(" data-full")
    times = [_time(moment, full) for moment in (first, last)]
    if first.replace(microsecond=0) == last.replace(microsecond=0):
        return format_html(" at {}", times[0])
    return format_html(" between {} and {}", *times)


def _time(moment: datetime, full: str) -> SafeString:
    said = exact(moment) if full else clock(moment)
    return format_html('<time datetime="{}"{}>{}</time>', iso(moment), full, said)


def _rate(count: int, first: datetime | None, last: datetime | None, why: str) -> str:
    if why != "rate" or first is None or last is None or last <= first:
        return ""
    return f" ({count / max(1.0, (last - first).total_seconds()):,.0f} a second)"


def filtered(text: str) -> str:
    """Return the link to the feed filtered by a query."""
    return f"/?q={quote(text, safe=':*[],')}"


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def clock(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%H:%M:%S")


def exact(moment: datetime) -> str:
    told = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{told.isoformat(sep=' ', timespec='milliseconds')} UTC"


def shorten(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def role_words(role: str) -> str:
    return shorten(role.replace("-", " ").replace("_", " "))


def _render(template: str, /, **values: object) -> SafeString:
    return visible(_template(template).render(Context(values, use_l10n=False, use_tz=False)))


@cache
def _template(name: str) -> Template:
    return Engine.get_default().get_template(name)
