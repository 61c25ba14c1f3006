"""The facets beside the rows: what the events are of, with links that change the query."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.events.counting import (
    FACETS,
    Asking,
    QueryTimeout,
    Sample,
    Value,
    default_range,
    facet_of,
    label_of,
)
from apps.events.rollups import LONGEST_NAME
from apps.events.words import system_title
from apps.feed.asked import Asked, choose, chosen
from apps.feed.rows import exact
from apps.feed.within import Within
from apps.query import Query, clause, parse
from apps.query import Value as Said
from apps.query.glob import Glob

TITLES = {
    "event": "Event",
    "outcome": "Outcome",
    "source": "Source",
    "system": "System",
    "kind": "Kind of resource",
    "role": "Role",
    "label": "Label",
}
# What a facet is called in the query, where that is not its own name.
FIELDS = {"kind": "resource", "role": "related.role"}
ANYTHING = Said("*")
# How a value without a character is drawn.
EMPTY = "(empty)"


@dataclass(frozen=True)
class Line:
    """One value of a facet; links are empty where no query can ask for it."""

    text: str
    events: str
    share: int
    """Of the most frequent value, in percent."""
    include: str
    exclude: str
    chosen: bool
    excluded: bool
    values: str
    """Where the values of a label's key are."""


@dataclass(frozen=True)
class Box:
    """A facet as it is drawn, or why there is none."""

    field: str
    title: str
    lines: list[Line]
    more: int = 0
    estimate: str = ""
    error: str = ""


@require_safe
def facets(request: HttpRequest) -> HttpResponse:
    """Answer a fragment: every facet, or those of `field`."""
    now = timezone.now()
    template = "feed/_facets.html" if "part" in request.GET else "feed/facets.html"
    try:
        asked = Asked.read(request.GET, now)
        query = parse(asked.text)
        within = default_range(query, asked.range.since, asked.range.until, now)
        asking = Asking(query, within)
        fields = request.GET.getlist("field") or FACETS
        boxes = [box(asked, query, asking, field) for field in fields[: len(FACETS)]]
    except ValueError as error:
        return render(request, template, {"error": str(error)}, status=400)
    return render(
        request,
        template,
        {
            "asked": asked,
            "boxes": boxes,
            "within": Within.of(asked, query, now),
            "alone": "field" in request.GET,
            "since": exact(within.since) if within.since else "",
        },
    )


def box(asked: Asked, query: Query, asking: Asking, field: str) -> Box:
    """Count a facet and say each value with its links; what takes too long says so itself."""
    title = label_of(field) or TITLES.get(field, field)
    try:
        found = facet_of(asking, field)
    except QueryTimeout:
        return Box(field, title, [], error="This takes too long to count.")
    most = max((value.events for value in found.values), default=1)
    lines = [line(asked, query, field, value, most) for value in found.values]
    more = max(0, found.distinct - len(lines))
    return Box(field, title, lines, more, estimate_of(found.sample))


def line(asked: Asked, query: Query, field: str, value: Value, most: int) -> Line:
    name, said = field_of(field, value), said_of(field, value)
    typed = [one.typed for one in said]
    include = exclude = ""
    is_chosen = is_excluded = False
    if said:
        without = clause(name, *said, negated=True)
        is_chosen = set(typed) <= set(chosen(query, name))
        is_excluded = any(one.text == without for one in query.clauses)
        include = asked.link(q=included(query, name, typed, is_chosen))
        exclude = asked.link(q=excluded(query, without))
    return Line(
        text=(system_title(value.text) if field == "system" else value.text) or EMPTY,
        events=f"{value.events:,}",
        share=max(1, round(100 * value.events / max(most, 1))),
        include=include,
        exclude=exclude,
        chosen=is_chosen,
        excluded=is_excluded,
        values=values_of(asked, value.text) if field == "label" else "",
    )


def included(query: Query, name: str, typed: list[str], is_chosen: bool) -> str:
    """Return the text of the query with these values chosen, or no longer."""
    there = chosen(query, name)
    if is_chosen:
        return choose(query, name, [one for one in there if one not in typed])
    return choose(query, name, [one for one in there if not _holds(one, typed)] + typed)


def _holds(one: str, typed: list[str]) -> bool:
    """Whether a glob that is chosen holds a value already, which then is to narrow it."""
    return Said.of_typed(one).is_glob and all(map(Glob.parse(one).matches, typed))


def excluded(query: Query, without: str) -> str:
    """Return the text of the query with the negated clause, or without it when it is there."""
    for one in query.clauses:
        if one.text == without:
            return query.without(one)
    return query.with_clause(without)


def clause_of(field: str, value: Value) -> str | None:
    """Return the clause that asks for a value of a facet, None when no clause can."""
    said = said_of(field, value)
    return clause(field_of(field, value), *said) if said else None


def field_of(field: str, value: Value) -> str:
    return f"label.{value.text}" if field == "label" else FIELDS.get(field, field)


def said_of(field: str, value: Value) -> list[Said]:
    """Return a value as a query says it; of a name that was cut, what it begins with."""
    if field == "label":
        return [ANYTHING]
    if field == "kind":
        return [Said(one) for one in value.asked]
    if field == "event" and len(value.text) > LONGEST_NAME:
        return [Said(f"{value.text[:LONGEST_NAME]}*")] if "*" not in value.text else []
    return [Said(one, quoted=True) for one in value.asked]


def values_of(asked: Asked, key: str) -> str:
    """Return where the fragment with the values of a label's key is."""
    fields = {"q": asked.text, **dict(asked.kept), "field": f"label.{key}"}
    return "/facets?" + urlencode({k: v for k, v in fields.items() if v}, quote_via=quote)


def estimate_of(sample: Sample | None) -> str:
    if sample is None:
        return ""
    return f"Estimated from about {sample.read:,} of {sample.of:,} events."
