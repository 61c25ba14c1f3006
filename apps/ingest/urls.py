from django.urls import path

from apps.ingest import sns, views

urlpatterns = [
    path("sources", views.sources),
    path("sources/add", views.choose),
    path("sources/add/<slug:kind>", views.add),
    path("sources/<int:id>", views.source),
    path("sources/<int:id>/first", views.first_event),
    path("sources/<int:id>/settings", views.change),
    path("sources/<int:id>/tokens", views.token),
    path("sources/<int:id>/tokens/<int:token>/revoke", views.revoke),
    path("rejections", views.rejections),
    path("rejections/<int:id>", views.rejection),
    path("rejections/<int:id>/again", views.again),
    path("sns", sns.subscriptions),
    path("sns/<int:id>", sns.confirm),
]
