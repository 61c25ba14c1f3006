from django.urls import path

from apps.feed import export_views, health_page, views

urlpatterns = [
    path("", views.feed),
    path("export", export_views.export),
    path("health", health_page.health),
    path("events/<uuid:id>", views.event),
    path("events/<uuid:id>/drawer", views.drawer),
    path("events/<uuid:id>/payload", views.payload),
]
