from django.urls import path

from apps.feed import counted, export_views, facets, health_page, histogram, saved_pages, views

urlpatterns = [
    path("", views.feed),
    path("counted", counted.counted),
    path("histogram", histogram.draw),
    path("facets", facets.facets),
    path("export", export_views.export),
    path("views", saved_pages.views),
    path("views/counts", saved_pages.counts),
    path("views/<int:id>", saved_pages.opened),
    path("views/<int:id>/<str:what>", saved_pages.done),
    path("health", health_page.health),
    path("events/<uuid:id>", views.event),
    path("events/<uuid:id>/drawer", views.drawer),
    path("events/<uuid:id>/payload", views.payload),
]
