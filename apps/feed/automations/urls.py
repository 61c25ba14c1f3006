from types import ModuleType

from django.urls import URLPattern, path

from apps.feed.automations import destinations, editing, firing_pages, pages


def deeds(at: str, pages: ModuleType) -> list[URLPattern]:
    """What the buttons of a page do; at any other word there is no page."""
    return [path(f"{at}/{what}", pages.done, {"what": what}) for what in pages.DEEDS]


urlpatterns = [
    path("automations", pages.automations),
    path("automations/new", editing.new),
    path("automations/preview", editing.preview),
    path("automations/try", editing.tried),
    path("automations/sample", editing.sampled),
    path("automations/destinations", destinations.destinations),
    path("automations/destinations/new", destinations.new),
    path("automations/destinations/<int:id>", destinations.destination),
    *deeds("automations/destinations/<int:id>", destinations),
    path("automations/firings/<uuid:id>", firing_pages.firing),
    *deeds("automations/firings/<uuid:id>", firing_pages),
    path("automations/<uuid:id>", pages.automation),
    path("automations/<uuid:id>/edit", editing.edit),
    *deeds("automations/<uuid:id>", pages),
]
