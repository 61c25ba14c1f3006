"""What the filters of the feed page suggest while someone types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from apps.events.words import words
from apps.feed.api_errors import Problem, answer, as_json
from apps.feed.rows import iso
from apps.resources import suggest


@require_GET
def suggestions(request: HttpRequest) -> HttpResponse:
    """Answer `?field=event|resource&text=` with values for the filter, last seen first."""
    field = request.GET.get("field", "")
    if field not in SUGGEST:
        say = f"“{field[:80]}” has no suggestions; write {' or '.join(SUGGEST)}."
        return answer(400, Problem("parameter", say, "field"))
    return as_json({"suggestions": list(SUGGEST[field](request.GET.get("text", "")))})


def events(text: str) -> Iterator[dict[str, Any]]:
    for name in suggest.names(text):
        said = "" if name.is_prefix else words(name.name).text
        yield {"value": name.name, "text": said, "kind": "", "last_seen": iso(name.last_seen)}


def resources(text: str) -> Iterator[dict[str, Any]]:
    for found in suggest.resources(text):
        yield {
            "value": found.id,
            "text": found.display_name,
            "kind": found.kind,
            "last_seen": iso(found.last_seen),
        }


SUGGEST = {"event": events, "resource": resources}
