"""The API of counts: how many events, when, and of which kinds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse, QueryDict
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from apps.events.counting import (
    FACETS,
    Asking,
    BadField,
    Facet,
    Histogram,
    QueryTimeout,
    Sample,
    default_range,
    facet_of,
    histogram,
)
from apps.events.counting import count as counted
from apps.feed.api import ApiView, range_of, read
from apps.feed.api_errors import BadParameter, as_json
from apps.feed.api_schema import names_in
from apps.feed.counts_schema import COUNT, FACETS_OF, HISTOGRAM
from apps.feed.facets import clause_of
from apps.feed.rows import iso
from apps.query import Query, parse

MOST_FIELDS = 20
YES_OR_NO = {"1": True, "true": True, "0": False, "false": False}


class EventCount(ApiView):
    parameters = names_in(COUNT)

    @extend_schema(**COUNT)
    def get(self, request: Request) -> HttpResponse:
        query, since, until = asked(request.GET)
        exact = read("exact", request.GET, yes_or_no) or False
        found = counted(query, since=since, until=until, exact=exact)
        return as_json({"count": found.events, "more": found.more})


class EventHistogram(ApiView):
    parameters = names_in(HISTOGRAM)

    @extend_schema(**HISTOGRAM)
    def get(self, request: Request) -> HttpResponse:
        query, since, until = asked(request.GET)
        by = request.GET.get("by") or "outcome"
        try:
            found = histogram(query, since=since, until=until, by=by)
        except BadField as error:
            raise BadParameter("by", str(error)) from error
        return as_json(told_histogram(found))


class EventFacets(ApiView):
    parameters = names_in(FACETS_OF)

    @extend_schema(**FACETS_OF)
    def get(self, request: Request) -> HttpResponse:
        query, since, until = asked(request.GET)
        fields = list(dict.fromkeys(request.GET.getlist("field"))) or FACETS
        if len(fields) > MOST_FIELDS:
            raise BadParameter("field", f"Ask for at most {MOST_FIELDS} facets at once.")
        within = default_range(query, since, until, timezone.now())
        asking = Asking(query, within)
        facets = [one_facet(asking, field) for field in fields]
        return as_json(ends_of(within.since, within.until) | {"facets": facets})


def asked(url: QueryDict) -> tuple[Query, datetime | None, datetime | None]:
    """Read what every count is of; raises QueryError, BadParameter."""
    query = parse(url.get("q", ""))
    return query, *range_of(url)


def yes_or_no(text: str) -> bool:
    if text not in YES_OR_NO:
        raise ValueError(f"“{text[:80]}” is neither true nor false.")
    return YES_OR_NO[text]


def one_facet(asking: Asking, field: str) -> dict[str, Any]:
    """Tell a facet, or in its place why there is none: the others do not suffer from it."""
    try:
        return told_facet(facet_of(asking, field))
    except BadField as error:
        raise BadParameter("field", str(error)) from error
    except QueryTimeout as error:
        nothing = {"values": [], "distinct": 0, "sample": None}
        return {"field": field, **nothing, "error": str(error)}


def told_facet(found: Facet) -> dict[str, Any]:
    return {
        "field": found.field,
        "values": [
            {
                "value": value.text,
                "count": value.events,
                "query": clause_of(found.field, value),
            }
            for value in found.values
        ],
        "distinct": found.distinct,
        "sample": told_sample(found.sample),
        "error": None,
    }


def told_histogram(found: Histogram) -> dict[str, Any]:
    series = [{"value": one.value, "rest": one.rest, "counts": one.counts} for one in found.series]
    return {
        **ends_of(found.range.since, found.range.until),
        "step": int(found.step.total_seconds()),
        "by": found.by,
        "series": series,
        "sample": told_sample(found.sample),
    }


def told_sample(sample: Sample | None) -> dict[str, int] | None:
    return sample and {"read": sample.read, "of": sample.of}


def ends_of(since: datetime | None, until: datetime | None) -> dict[str, str | None]:
    return {"since": iso(since) if since else None, "until": iso(until) if until else None}
