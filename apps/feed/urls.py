from django.urls import path

from apps.feed import views

urlpatterns = [
    path("", views.feed),
    path("events/<uuid:id>", views.event),
    path("events/<uuid:id>/drawer", views.drawer),
    path("events/<uuid:id>/payload", views.payload),
]
