from django.urls import path

from apps.feed.automations import destinations, firing_pages, pages

urlpatterns = [
    path("automations", pages.automations),
    path("automations/new", pages.new),
    path("automations/preview", pages.preview),
    path("automations/try", pages.tried),
    path("automations/destinations", destinations.destinations),
    path("automations/destinations/new", destinations.new),
    path("automations/destinations/<int:id>", destinations.destination),
    path("automations/destinations/<int:id>/<str:what>", destinations.done),
    path("automations/firings/<uuid:id>", firing_pages.firing),
    path("automations/firings/<uuid:id>/<str:what>", firing_pages.done),
    path("automations/<uuid:id>", pages.automation),
    path("automations/<uuid:id>/edit", pages.edit),
    path("automations/<uuid:id>/<str:what>", pages.done),
]
