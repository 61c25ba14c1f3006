"""The log in the admin: to be read, never changed, and never counted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter, TextFilter
from unfold.decorators import display
from unfold.utils import parse_date_str

from apps.events.models import Event, Source
from apps.events.position import BadPosition, Position
from apps.events.search import BadCursor, Cursor, Page, QueryTimeout, search
from apps.events.words import system_title, words
from apps.query import Condition, Query, QueryError, parse
from apps.query.calendar import shifted
from apps.query.outcomes import Outcome
from apps.query.terms import display_name
from apps.query.tree import Sql

MOST_CHARACTERS = 200_000
FACTS = "Events are facts: nobody adds, changes or deletes them here."


class ByEvent(TextFilter):
    title = "event name, such as prefect.flow-run.*"
    parameter_name = "event"


class ByOutcome(DropdownFilter):
    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(outcome.word, outcome.word) for outcome in Outcome]


class BySource(DropdownFilter):
    title = "source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        # Of the table of sources: asking the events which ones they have would read them all.
        return [
            (name, name) for name in Source.objects.order_by("name").values_list("name", flat=True)
        ]


@dataclass(frozen=True)
class OfSource:
    """A query about the events of one source, which may have lost its name since."""

    query: Query
    source: int

    def sql(self) -> Condition:
        terms, where, params = self.query.sql()
        narrowed = f"({where}) AND source_id = %s" if where else "source_id = %s"
        return Condition(terms, narrowed, [*params, self.source])

    def counted(self) -> Sql:
        return Sql("source_id = %s", [self.source])


class EventList(ChangeList):
    """A page of the log, found as the feed finds it: Django's own would count and offset."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Event]:
        for params in (self.params, self.filter_params):
            params.pop("after", None)
        specs, self.has_filters, remaining, _, self.has_active_filters = self.get_filters(request)
        if remaining:
            raise IncorrectLookupParameters
        self.filter_specs = specs
        self.clear_all_filters_qs = self.get_query_string(remove=self.get_filters_params())
        return self.root_queryset

    def get_results(self, request: HttpRequest) -> None:
        page = self.found(request)
        self.mistaken = page is None
        self.result_list = with_sources(page.events) if page else []
        # Alike, so that no total is said: it is not known.
        self.result_count = self.full_result_count = len(self.result_list)
        self.paginator = Older(page)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False

    def found(self, request: HttpRequest) -> Page | None:
        try:
            return search(**asked(request.GET, self.query), limit=self.list_per_page)
        except (QueryError, BadCursor, QueryTimeout) as wrong:
            messages.error(request, getattr(wrong, "say", str(wrong)))
            return None

    @property
    def older_url(self) -> str:
        """Where the list goes on; the filters' own links begin at its top again."""
        return self.get_query_string({"after": str(self.paginator.page.next)})

    def url_for_result(self, result: Any) -> str:
        return f"{super().url_for_result(result)}?at={result.at}"


def asked(given: QueryDict, text: str) -> dict[str, Any]:
    """Say the box and the filters of the list as one search; raises QueryError, BadCursor."""
    clauses = [text, *(f"{name}:{given[name]}" for name in ("event", "outcome") if given.get(name))]
    query: Any = parse(" ".join(clauses))
    if name := given.get("source"):
        source = Source.objects.filter(name=name).first()
        query = OfSource(query, source.pk if source else 0)
    after = given.get("after")
    return {
        "query": query,
        "since": midnight(given.get("occurred_from")),
        "until": midnight(given.get("occurred_to"), days=1),
        "after": Cursor.parse(after) if after else None,
    }


def midnight(text: str | None, *, days: int = 0) -> datetime | None:
    """Return the beginning of a day as the date filter writes it, or of one some days later."""
    day = parse_date_str(text) if text else None
    return shifted(datetime.combine(day, time.min, UTC), timedelta(days=days)) if day else None


def with_sources(events: list[Event]) -> list[Event]:
    """Give the events their sources in one query."""
    sources = Source.objects.in_bulk({event.source_id for event in events})
    for event in events:
        if source := sources.get(event.source_id):
            event.source = source
    return events


@dataclass(frozen=True)
class Older:
    """Stands where Django has a paginator with numbered pages, which must count."""

    page: Page | None
    template_name: str = "admin/events/event/older.html"


@admin.register(Event)
class EventAdmin(ModelAdmin):
    list_display = (
        "shown_occurred",
        "shown_outcome",
        "in_words",
        "shown_event",
        "shown_resource",
        "source",
    )
    list_display_links = ("shown_occurred", "in_words")
    list_filter: ClassVar = [ByEvent, ByOutcome, BySource, ("occurred", RangeDateFilter)]
    list_filter_submit = True
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    search_fields = ("event",)
    search_help_text = (
        "As in the box of the feed: outcome:failed any:nightly-orders -event:*.heartbeat"
    )
    actions = None
    fields = (
        "id",
        "event",
        "in_words",
        "shown_outcome",
        "message",
        "warnings",
        "occurred_exactly",
        "received_exactly",
        "shown_resource_id",
        "shown_labels",
        "shown_related",
        "shown_payload",
        "follows_link",
        "shown_system",
        "source",
        "at",
    )
    readonly_fields = fields

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EventList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Event | None:
        """Find the event of this id; `?at=` says which, where one id was told with two times."""
        try:
            events = Event.objects.filter(pk=UUID(unquote(object_id))).order_by("received")
            if at := request.GET.get("at"):
                _, tx, seq = Position.parse(at)
                events = events.filter(tx=tx, seq=seq)
        except (ValueError, BadPosition):
            return None
        return events.first()

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise PermissionDenied(FACTS)

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            raise PermissionDenied(FACTS)
        return super().change_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise PermissionDenied(FACTS)

    def get_view_on_site_url(self, obj: Event | None = None) -> str | None:
        return f"/events/{obj.pk}?at={obj.at}" if obj else None

    @display(description="Occurred")
    def shown_occurred(self, event: Event) -> str:
        return localize(event.occurred.astimezone(UTC))

    @display(description="Occurred")
    def occurred_exactly(self, event: Event) -> str:
        return exact(event.occurred)

    @display(description="Received")
    def received_exactly(self, event: Event) -> str:
        return exact(event.received)

    @display(
        description="Outcome",
        label={
            "failed": "danger",
            "completed": "success",
            "running": "info",
            "waiting": "warning",
        },
    )
    def shown_outcome(self, event: Event) -> str:
        return event.outcome_word

    @display(description="What happened")
    def in_words(self, event: Event) -> str:
        return words(event.event, event.resource).text

    @display(description="Event")
    def shown_event(self, event: Event) -> SafeString:
        return format_html_join(
            SafeString(".<wbr>"), "{}", ([part] for part in event.event.split("."))
        )

    @display(description="Resource")
    def shown_resource(self, event: Event) -> str:
        return display_name(event.resource)

    @display(description="System")
    def shown_system(self, event: Event) -> str:
        return system_title(event.system)

    @display(description="Resource id")
    def shown_resource_id(self, event: Event) -> SafeString:
        return format_html('<span class="anywhere">{}</span>', event.resource_id)

    @display(description="Labels")
    def shown_labels(self, event: Event) -> SafeString:
        return as_json(event.resource)

    @display(description="Related resources")
    def shown_related(self, event: Event) -> SafeString:
        return as_json(event.related)

    @display(description="Payload")
    def shown_payload(self, event: Event) -> SafeString:
        return as_json(event.payload)

    @display(description="Follows")
    def follows_link(self, event: Event) -> SafeString | str:
        if event.follows is None:
            return "nothing"
        url = reverse("admin:events_event_change", args=[event.follows])
        return format_html('<a href="{}">{}</a>', url, event.follows)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False


def exact(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"


def as_json(value: object) -> SafeString:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    cut = len(text) - MOST_CHARACTERS
    return format_html(
        '<pre class="sent" tabindex="0">{}</pre>{}',
        text[:MOST_CHARACTERS],
        f"… {cut:,} characters more; the event page has all of it." if cut > 0 else "",
    )
