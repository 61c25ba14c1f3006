"""What every page may say about where it stands."""

from collections import Counter
from dataclasses import dataclass

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest

from apps.feed.models import View
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


@dataclass(frozen=True)
class Pinned:
    """A view in the navigation; where another there is called the same, it says whose it is."""

    view: View
    whose: str


def pinned(request: HttpRequest) -> list[Pinned]:
    """Return the views that somebody has pinned; none while that cannot be told."""
    try:
        views = [pin.view for pin in Asker.of(request).pins()[:MOST_PINNED]]
    except (OperationalError, InterfaceError):
        return []
    called = Counter(view.name for view in views)
    return [Pinned(view, _whose(view) if called[view.name] > 1 else "") for view in views]


def _whose(view: View) -> str:
    return view.owner.get_username() if view.owner else "nobody’s"
