"""The paths of the sockets that tell: ours, and Prefect's."""

from typing import Any, cast

from django.urls import path

from apps.feed.consumer import FeedConsumer
from apps.feed.prefect.out import stream_out

out = cast("Any", stream_out)  # Django's stubs know of views only

websocket_urlpatterns = [
    path("ws/feed", FeedConsumer.as_asgi()),
    path("ws/feed/", FeedConsumer.as_asgi()),
    path("api/events/out", out),
    path("api/events/out/", out),
]
