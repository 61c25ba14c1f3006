from django.urls import path

from apps.ingest import views

urlpatterns = [
    path("rejections", views.rejections),
    path("rejections/<int:id>", views.rejection),
]
