"""The read API, its description, and what the filters suggest."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.feed.api import ApiView, EventDetail, EventList
from apps.feed.api_errors import answer_error
from apps.feed.completion import complete, understand
from apps.feed.counts_api import EventCount, EventFacets, EventHistogram
from apps.feed.export_views import EventExport
from apps.feed.metrics import Metrics
from apps.feed.prefect import automations
from apps.feed.prefect.views import Counts, Events, NextEvents
from apps.feed.saved_api import OneView, Views
from apps.feed.suggestions import suggestions

ASKING = {
    "authentication_classes": ApiView.authentication_classes,
    "permission_classes": ApiView.permission_classes,
}


class Schema(SpectacularAPIView):
    """Says what is wrong as the API does, whatever the schema is written in."""

    def get_exception_handler(self) -> Callable[..., Any]:
        return answer_error


schema = Schema.as_view(**ASKING)
drawn_docs = SpectacularSwaggerSplitView.as_view(
    url="/api/schema", template_name="feed/api_docs.html", **ASKING
)


def docs(request: HttpRequest) -> HttpResponseBase:
    """A page for people: without REST's own mark, strangers are led to the sign-in."""
    answer: HttpResponseBase = drawn_docs(request)
    return answer


urlpatterns = [
    # These ask for a token or a session themselves.
    path("api/events", login_not_required(EventList.as_view())),
    path("api/events/export", login_not_required(EventExport.as_view())),
    # Prefect's before ours: “filter” is no event's id.
    path("api/events/filter", login_not_required(Events.as_view())),
    path("api/events/filter/next", login_not_required(NextEvents.as_view())),
    path("api/events/count-by/<str:countable>", login_not_required(Counts.as_view())),
    path("api/events/count", login_not_required(EventCount.as_view())),
    path("api/events/histogram", login_not_required(EventHistogram.as_view())),
    path("api/events/facets", login_not_required(EventFacets.as_view())),
    path("api/events/<str:id>", login_not_required(EventDetail.as_view())),
    path("api/views", login_not_required(Views.as_view())),
    path("api/views/<int:id>", login_not_required(OneView.as_view())),
    path("api/automations", login_not_required(automations.Automations.as_view())),
    path("api/automations/", login_not_required(automations.Automations.as_view())),
    path("api/automations/filter", login_not_required(automations.ListedAutomations.as_view())),
    path("api/automations/count", login_not_required(automations.CountedAutomations.as_view())),
    path(
        "api/automations/related-to/<path:resource_id>",
        login_not_required(automations.RelatedAutomations.as_view()),
    ),
    path(
        "api/automations/owned-by/<path:resource_id>",
        login_not_required(automations.OwnedAutomations.as_view()),
    ),
    path("api/automations/<str:id>", login_not_required(automations.OneAutomation.as_view())),
    path("api/templates/validate", login_not_required(automations.Validated.as_view())),
    path("api/schema", login_not_required(schema)),
    path("api/docs", docs),
    path("metrics", login_not_required(Metrics.as_view())),
    path("suggest", suggestions),
    path("complete", complete),
    path("understand", understand),
]
