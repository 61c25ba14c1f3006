from django.urls import path

from apps.ingest import sns, views
from apps.ingest.hooks import pages
from apps.ingest.relay import pages as relays

urlpatterns = [
    # A POST one step below /hooks is a delivery and never comes here.
    path("hooks", pages.hooks),
    path("hooks/new", pages.new),
    path("hooks/<int:id>", pages.hook),
    path("hooks/<slug:slug>", pages.at_slug),
    path("hooks/form/preview", pages.tried),
    path("hooks/<int:id>/edit", pages.change),
    path("hooks/<int:id>/<slug:what>", pages.done),
    path("sources", views.sources),
    path("sources/add", views.choose),
    path("sources/add/<slug:kind>", views.add),
    path("sources/relays", relays.relays),
    path("sources/relays/<int:id>/switch", relays.switch),
    path("sources/relays/<int:id>/remove", relays.remove),
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
