from django.contrib import admin
from django.urls import include, path

handler400 = "apps.feed.views.not_understood"
handler404 = "apps.feed.views.missing"
handler500 = "apps.feed.views.broken"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("apps.accounts.urls")),
    path("", include("apps.feed.api_urls")),
    path("", include("apps.feed.urls")),
    path("", include("apps.feed.automations.urls")),
    path("", include("apps.ingest.urls")),
]
