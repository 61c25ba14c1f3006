from django.urls import path

from apps.feed.automations import destinations, editing, firing_pages, pages

urlpatterns = [
    path("automations", pages.automations),
    path("automations/new", editing.new),
    path("automations/preview", editing.preview),
    path("automations/try", editing.tried),
    path("automations/sample", editing.sampled),
    path("automations/destinations", destinations.destinations),
    path("automations/destinations/new", destinations.new),
    path("automations/destinations/<int:id>", destinations.destination),
    path("automations/destinations/<int:id>/<str:what>", destinations.done),
    path("automations/firings/<uuid:id>", firing_pages.firing),
    path("automations/firings/<uuid:id>/<str:what>", firing_pages.done),
    path("automations/<uuid:id>", pages.automation),
    path("automations/<uuid:id>/edit", editing.edit),
    path("automations/<uuid:id>/<str:what>", pages.done),
]
