"""The pages: the feed, one event as page and drawer, and what was refused."""

import sys
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from itertools import takewhile
from uuid import UUID

from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.events.models import Event
from apps.events.search import Page, QueryTimeout
from apps.feed.api import order_of
from apps.feed.api_errors import Problem, answer
from apps.feed.asked import ARRIVAL, MISTAKES, OCCURRED, Asked, choose, link
from apps.feed.columns import Column, choices, read_payloads, titles
from apps.feed.event_page import EventPage, find, whole_payload
from apps.feed.export import links as export_links
from apps.feed.filters import FIELDS, filters, outcome_buttons
from apps.feed.hints import hints
from apps.feed.mistake import Mistake
from apps.feed.moments import EVERYTHING, NAMED
from apps.feed.rows import AGREEING, exact, iso, refined, render_row, retention
from apps.feed.saved import Asker
from apps.query import Query, QueryError, parse

# Live as well, and for clocks that are a little fast.
NOT_FUTURE = "occurred:<now+5m"


@require_safe
def feed(request: HttpRequest) -> HttpResponse:
    """The page of rows; every state of it is a link."""
    now = timezone.now()
    if not request.GET and (opening := Asker.of(request).default()):
        return redirect(opening.link)
    if len(columns := request.GET.getlist("columns")) > 1:
        # A form says each in a field of its own.
        return redirect(link(request.GET.dict() | {"columns": ",".join(filter(None, columns))}))
    try:
        asked = Asked.read(request.GET, now)
        order_of(request.GET.get("order") or OCCURRED)
    except ValueError as error:
        asked = Asked.read({"q": request.GET.get("q", "")}, now)
        return mistaken(request, asked, Mistake.of_address(request.GET.dict(), error))
    try:
        query = parse(asked.text)
    except QueryError as error:
        return mistaken(request, asked, Mistake.of_query(asked, error))
    if request.GET.get("filter") in FIELDS:
        field, values = request.GET["filter"], request.GET.getlist("value")
        return redirect(asked.link(q=choose(query, field, map(str.strip, values))))
    try:
        page = asked.page(query)
    except QueryTimeout as error:
        return mistaken(request, asked, Mistake(str(error)), status=200)
    except MISTAKES as error:
        return mistaken(request, asked, Mistake.of_address(request.GET.dict(), error))
    return render(request, "feed/feed.html", told(request, asked, query, page, now))


def told(
    request: HttpRequest, asked: Asked, query: Query, page: Page, now: datetime
) -> dict[str, object]:
    """Return what the feed template shows of a page that was found."""
    nothing = not page.events
    first_run = nothing and not asked.narrowed and not asked.after
    return frame(asked) | {
        "said": query.sentence(),
        "order": order_in_words(asked),
        "chips": [(one.text, asked.link(q=query.without(one))) for one in query.clauses],
        "outcomes": outcome_buttons(asked, query),
        "filters": filters(query),
        "rows": list(rows(asked, query, page, now)),
        "future": future(page, now) if asked.by_time else "",
        "without_future": asked.link(q=query.with_clause(NOT_FUTURE)),
        "columns": choices(page.events, asked.columns),
        "heads": heads(asked),
        "older": asked.older(page),
        "searched_to": page.searched_to and moment(page.searched_to),
        "position": page.position,
        "newest": asked.link(until=""),
        "why_not_live": asked.why_not_live(now),
        "first_run": first_run,
        "address": request.build_absolute_uri("/").rstrip("/"),
        "hints": hints(asked, query) if nothing and not first_run and not asked.after else None,
    }


def future(page: Page, now: datetime) -> str:
    """Say how many of the events on top are told to happen later than now, "" of none."""
    late = now + AGREEING
    count = len(list(takewhile(lambda event: event.occurred > late, page.events)))
    if count < 2:
        return "1 event says that it happens in the future." if count else ""
    more = "+" if count == len(page.events) and page.next else ""
    return f"{count}{more} events say that they happen in the future."


def mistaken(
    request: HttpRequest, asked: Asked, mistake: Mistake, status: int = 400
) -> HttpResponse:
    return render(request, "feed/feed.html", frame(asked) | {"error": mistake}, status=status)


def frame(asked: Asked) -> dict[str, object]:
    """Return what the page shows whether the query was understood or not."""
    chosen = asked.range.since_text, asked.range.until_text
    ranges = NAMED | {"": EVERYTHING}
    return {
        "nav": "feed",
        "asked": asked,
        "retention": retention(),
        "exports": export_links(asked),
        "ranges": [
            (title, asked.link(since=since, until=""), chosen == (since, ""))
            for since, title in ranges.items()
        ],
        "orders": [
            ("Newest first, as it occurred", asked.link(order=""), not asked.of_log),
            ("Newest first, as it arrived", asked.link(order=ARRIVAL), asked.of_log),
        ],
    }


def order_in_words(asked: Asked) -> str:
    """Return how the sentence under the box ends, where the order is not the usual one."""
    stretch = ", in one stretch of the log" if asked.is_stretch else ""
    return f"{stretch}, in the order they arrived" if asked.of_log else ""


def heads(asked: Asked) -> list[tuple[str, Column, str]]:
    """Return what stands above each column, the column, and the link that takes it away."""
    named = zip(titles(asked.columns), asked.columns, strict=True)
    return [(title, column, asked.without_column(column)) for title, column in named]


def rows(asked: Asked, query: Query, page: Page, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield each row with the heading above it, "" where the day goes on; first it is today."""
    read_payloads(page.events, asked.columns)
    # Rows are drawn for everybody: their links ask for one clause alone.
    href = cache(lambda clause: asked.link(q=query.with_clause(clause)))
    last = now.date()
    for event in page.events:
        its = event.occurred.date()
        row = refined(render_row(event, asked.columns), href)
        yield "" if its == last else f"{its:%A} {its.day} {its:%B %Y}", row
        last = its


def moment(moment: datetime) -> dict[str, str]:
    return {"iso": iso(moment), "exact": exact(moment)}


@require_safe
def event(request: HttpRequest, id: UUID) -> HttpResponse:
    return render(request, "feed/event.html", {"page": page_of(request, id), "nav": "feed"})


@require_safe
def drawer(request: HttpRequest, id: UUID) -> HttpResponse:
    """The same content without the page around it."""
    return render(request, "feed/_event.html", {"page": page_of(request, id), "drawer": True})


@require_safe
def payload(request: HttpRequest, id: UUID) -> HttpResponse:
    """The whole payload as a file."""
    found = stored(request, id)
    name = f"{found.id}.json"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(whole_payload(found), content_type="application/json", headers=disposition)


def page_of(request: HttpRequest, id: UUID) -> EventPage:
    return EventPage(stored(request, id))


def stored(request: HttpRequest, id: UUID) -> Event:
    found = find(id, request.GET.get("at", ""))
    if found is None:
        raise Http404(f"No event {id} is stored. Events are kept for {retention()}.")
    return found


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The 404 page with the sentence of the view that raised it, or the error of the API.

    A pattern of its own for /api/ would take the paths that EitherSlash mends.
    """
    if request.path.startswith("/api/"):
        say = f"There is nothing at {request.path[:80]}; /api/docs says what there is."
        return answer(404, Problem("not-found", say))
    # Django's own resolver gives a dict of the paths it tried, which is of no use to a visitor.
    say = next((told for told in exception.args if isinstance(told, str)), "")
    return render(request, "404.html", {"say": say}, status=404)


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The 400 page; of a name we do not answer to it says where to allow it."""
    host = request.META.get("HTTP_HOST", "") if isinstance(exception, DisallowedHost) else ""
    return render(None, "400.html", {"host": host[:100]}, status=400)


def broken(request: HttpRequest) -> HttpResponse:
    """The 500 page, or the 503 page when it is the database that is away."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        answer = render(None, "503.html", status=503)
        answer.headers["Retry-After"] = "3"
        return answer
    return render(None, "500.html", status=500)
