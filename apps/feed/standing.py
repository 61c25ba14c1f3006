"""What every page may say about where it stands."""

from django.conf import settings
from django.http import HttpRequest


def standing(request: HttpRequest) -> dict[str, object]:
    """Tell templates whether nobody has to sign in, and who gets in when that is by a setting."""
    told: dict[str, object] = {"local_mode": settings.LOCAL_MODE}
    if settings.EVENTFEED_AUTH == "off":
        told["open_to"] = settings.ALLOWED_HOSTS
    return told
