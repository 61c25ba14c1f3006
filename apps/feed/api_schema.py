"""The read API in OpenAPI. The serializers only describe: the answers are encoded as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers

from apps.query.outcomes import Outcome


class Labels(serializers.DictField):
    child = serializers.CharField()


class Event(serializers.Serializer):
    id = serializers.UUIDField()
    occurred = serializers.DateTimeField(help_text="By the sender's clock, UTC.")
    event = serializers.CharField(help_text="The name, `prefect.flow-run.Completed`.")
    resource = Labels(help_text="Labels of what it happened to, with `prefect.resource.id`.")
    related = serializers.ListField(
        child=Labels(), help_text="Labels of what else it concerns, with `prefect.resource.role`."
    )
    payload = serializers.DictField()
    follows = serializers.UUIDField(allow_null=True, help_text="The event it came after.")
    received = serializers.DateTimeField(help_text="By our clock, UTC.")
    system = serializers.CharField(help_text="Whose event it is, `prefect` or `openlineage`.")
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="The configured sender it came through."
    )
    outcome = serializers.ChoiceField(choices=[outcome.word for outcome in Outcome])
    message = serializers.CharField(allow_null=True, help_text="The one thing worth reading.")
    warnings = serializers.ListField(
        child=serializers.CharField(), help_text="What was odd about it but kept."
    )
    position = serializers.CharField(help_text="Its place in the log, for `from`, `to` and `at`.")


class EventAlone(Event):
    also_at = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Where others with the same id are, for `at`; left out when there is none.",
    )


class EventPage(serializers.Serializer):
    events = Event(many=True)
    next = serializers.CharField(
        allow_null=True, help_text="Ask on with `after=`; null when there is no more."
    )
    searched_to = serializers.DateTimeField(
        allow_null=True,
        help_text="Set when time ran out before the page was full: how far back was searched.",
    )
    position = serializers.CharField(
        help_text="Where the log ended before the page was read; follow `/ws/feed` from here."
    )


class Problem(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(allow_null=True, help_text="The parameter that is wrong.")
    position = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="Where in it, [start, end]."
    )
    suggestion = serializers.CharField(allow_null=True, help_text="What may have been meant.")


class Error(serializers.Serializer):
    error = Problem()


def parameter(name: str, description: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, **({"type": str} | more), description=description)


def names_in(described: Mapping[str, Any]) -> frozenset[str]:
    """Return what the parameters of a description are called."""
    return frozenset([one.name for one in described["parameters"]])


MISTAKES = dict.fromkeys((400, 401, 403, 409, 410, 503), Error)
LIST: dict[str, Any] = {
    "operation_id": "list_events",
    "summary": "Events, newest first",
    "description": "In the order they occurred, or of the log when `from`, `to` or `order` say so.",
    "parameters": [
        parameter(
            "q",
            "The query, as in the box of the feed page.",
            examples=[OpenApiExample("failed runs", "event:prefect.flow-run.* outcome:failed")],
        ),
        parameter("since", "The earliest `occurred`: ISO 8601, or `now-15m`, `now-7d`."),
        parameter("until", "The latest `occurred`, likewise."),
        parameter("after", "Where the page before ended: its `next`."),
        parameter("limit", "How many, 50 unless said, at most 200.", type=int),
        parameter(
            "order", "By the senders' clocks, or as they arrived.", enum=("occurred", "arrival")
        ),
        parameter("from", "Only what arrived after this position of the log."),
        parameter("to", "Only what arrived up to this position of the log."),
    ],
    "responses": {200: EventPage} | MISTAKES,
}
EXPORT: dict[str, Any] = {
    "operation_id": "export_events",
    "summary": "All events that match, as a file",
    "description": "Newest first and without a limit, streamed. NDJSON is one event a line, as "
    "`/api/events/{id}` tells it, for `manage.py import --as eventfeed`. An answer that could not "
    "be finished has no proper end, so that clients report it as incomplete.",
    "parameters": [
        *(one for one in LIST["parameters"] if one.name not in ("after", "limit", "order")),
        parameter("format", "How it is written, NDJSON unless said.", enum=("ndjson", "csv")),
        parameter(
            "columns",
            "What CSV has columns of besides its own: labels and places in the payload, by commas,"
            " `label.team,payload.order.total`. NDJSON has all of them anyway.",
        ),
    ],
    "responses": {
        (200, "application/x-ndjson"): OpenApiTypes.STR,
        (200, "text/csv"): OpenApiTypes.STR,
    }
    | MISTAKES,
}
EVENT: dict[str, Any] = {
    "operation_id": "get_event",
    "summary": "One event",
    "description": "The first received, where several have the id.",
    "parameters": [parameter("at", "The position of the one meant.")],
    "responses": {200: EventAlone, 404: Error} | MISTAKES,
}
