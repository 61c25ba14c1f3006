"""The count beside the sentence: bounded at once, exact when asked for."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.events.counting import QueryTimeout, count
from apps.feed.asked import Asked
from apps.query import parse


@require_safe
def counted(request: HttpRequest) -> HttpResponse:
    """Answer a fragment: how many events the feed page is about."""
    exact = "exact" in request.GET
    try:
        asked = Asked.read(request.GET, timezone.now())
        query = parse(asked.text)
        found = count(query, since=asked.range.since, until=asked.range.until, exact=exact)
    except QueryTimeout:
        say = "too many to count in time" if exact else "not counted: it takes too long"
        return render(request, "feed/_counted.html", {"say": say}, status=503)
    except ValueError as error:
        return render(request, "feed/_counted.html", {"say": str(error)}, status=400)
    fields = {"q": asked.text, **dict(asked.kept), "exact": "1"}
    href = "/counted?" + urlencode({k: v for k, v in fields.items() if v}, quote_via=quote)
    told = {"events": f"{found.events:,}", "one": found.events == 1, "more": found.more}
    return render(request, "feed/_counted.html", told | {"exactly": href})
