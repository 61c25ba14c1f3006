"""Links in what is sent: they need the address where people open Eventfeed."""

from django.conf import settings
from django.http import HttpRequest


def unknown_address(request: HttpRequest) -> str:
    """Return what the address may be that nobody has said, "" where it is known."""
    return "" if settings.EVENTFEED_ADDRESS else request.build_absolute_uri("/").rstrip("/")
