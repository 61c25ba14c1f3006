from django.urls import path

from apps.ingest import sns, views

urlpatterns = [
    path("rejections", views.rejections),
    path("rejections/<int:id>", views.rejection),
    path("sns", sns.subscriptions),
    path("sns/<int:id>", sns.confirm),
]
