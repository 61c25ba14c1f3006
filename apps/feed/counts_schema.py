"""The API of counts in OpenAPI. The serializers only describe."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.feed.api_schema import MISTAKES, parameter

QUERY = parameter("q", "The query, as in the box of the feed page.")
RANGE = [
    QUERY,
    parameter("since", "The earliest `occurred`; what `q` says, else 24 hours before `until`."),
    parameter("until", "The end of the range; now unless given."),
]


class Sample(serializers.Serializer):
    read = serializers.IntegerField(help_text="About so many events were looked at…")
    of = serializers.IntegerField(help_text="…of so many in the range; the counts are scaled.")


class Count(serializers.Serializer):
    count = serializers.IntegerField()
    more = serializers.BooleanField(help_text="Whether there are more than `count`.")


class Series(serializers.Serializer):
    value = serializers.CharField(
        allow_null=True, help_text="Null for the rest, and for events without the label."
    )
    rest = serializers.BooleanField(help_text="Whether it is of all other values together.")
    counts = serializers.ListField(
        child=serializers.IntegerField(), help_text="One a bucket, the oldest first."
    )


class Histogram(serializers.Serializer):
    since = serializers.DateTimeField(help_text="Where the first bucket begins.")
    until = serializers.DateTimeField(help_text="Where the last bucket ends.")
    step = serializers.IntegerField(help_text="The length of a bucket in seconds.")
    by = serializers.CharField()
    series = Series(many=True)
    sample = Sample(allow_null=True, help_text="Set when the counts are an estimate.")


class FacetValue(serializers.Serializer):
    value = serializers.CharField()
    count = serializers.IntegerField()
    query = serializers.CharField(
        allow_null=True, help_text="The clause that asks for it; null when none can."
    )


class Facet(serializers.Serializer):
    field = serializers.CharField()
    values = FacetValue(many=True, help_text="The ten most frequent.")
    distinct = serializers.IntegerField(help_text="How many values there are.")
    sample = Sample(allow_null=True, help_text="Set when the counts are an estimate.")
    error = serializers.CharField(allow_null=True, help_text="Why this one could not be told.")


class Facets(serializers.Serializer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    facets = Facet(many=True)


COUNT: dict[str, Any] = {
    "operation_id": "count_events",
    "summary": "How many events",
    "description": "Of everything kept unless a range is given; up to 10,000 unless more is known.",
    "parameters": [
        QUERY,
        parameter("since", "The earliest `occurred`: ISO 8601, or `now-15m`, `now-7d`."),
        parameter("until", "The latest `occurred`, likewise."),
        parameter("exact", "Count to the end, in up to 20 seconds.", type=bool),
    ],
    "responses": {200: Count} | MISTAKES,
}
HISTOGRAM: dict[str, Any] = {
    "operation_id": "histogram_of_events",
    "summary": "Events by time",
    "description": "In at most about 120 buckets; the range is widened to whole ones.",
    "parameters": [
        *RANGE,
        parameter(
            "by",
            "What to stack by: `outcome`, `event`, `source`, `system` or `label.KEY`. The seven"
            " most frequent values have a series each.",
        ),
    ],
    "responses": {200: Histogram} | MISTAKES,
}
FACETS_OF: dict[str, Any] = {
    "operation_id": "facets_of_events",
    "summary": "Events by their values",
    "parameters": [
        *RANGE,
        parameter(
            "field",
            "`event`, `outcome`, `source`, `system`, `kind`, `role`, `label` (its keys) or"
            " `label.KEY`; may be given several times. All but the last unless given.",
        ),
    ],
    "responses": {200: Facets} | MISTAKES,
}
