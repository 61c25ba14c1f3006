"""What every page may say about where it stands."""

from django.conf import settings
from django.http import HttpRequest


def standing(request: HttpRequest) -> dict[str, bool]:
    """Tell templates whether only this machine can reach Eventfeed."""
    return {"local_mode": settings.LOCAL_MODE}
