from django.urls import path

from apps.feed import health_page, views

urlpatterns = [
    path("", views.feed),
    path("health", health_page.health),
    path("events/<uuid:id>", views.event),
    path("events/<uuid:id>/drawer", views.drawer),
    path("events/<uuid:id>/payload", views.payload),
]
