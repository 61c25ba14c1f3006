"""The paths of the live socket."""

from django.urls import path

from apps.feed.consumer import FeedConsumer

websocket_urlpatterns = [
    path("ws/feed", FeedConsumer.as_asgi()),
    path("ws/feed/", FeedConsumer.as_asgi()),
]
