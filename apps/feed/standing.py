"""What every page may say about where it stands."""

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest

from apps.feed.models import Pin
from apps.feed.saved import MOST_PINNED, Asker


def standing(request: HttpRequest) -> dict[str, object]:
    """Tell templates whether nobody has to sign in, and who gets in when that is by a setting."""
    told: dict[str, object] = {
        "local_mode": settings.LOCAL_MODE,
        # Asked by the pages that have a navigation.
        "pinned_views": lambda: pinned(request),
    }
    if settings.EVENTFEED_AUTH == "off":
        told["open_to"] = settings.ALLOWED_HOSTS
    return told


def pinned(request: HttpRequest) -> list[Pin]:
    """Return the views that somebody has pinned; none while that cannot be told."""
    try:
        return [*Asker.of(request).pins()[:MOST_PINNED]]
    except (OperationalError, InterfaceError):
        return []
