"""Who may change what Eventfeed is set up with: staff, or in local mode who is at the machine."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

View = Callable[..., HttpResponse]


def may_write(request: HttpRequest) -> bool:
    return settings.LOCAL_MODE or request.user.is_staff


def name_of(request: HttpRequest) -> str | None:
    """Return who is signed in; in local mode nobody has to be."""
    return request.user.get_username() if request.user.is_authenticated else None


def for_writers(view: View) -> View:
    """Let through who may write; others are told that they may not."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may_write(request):
            raise PermissionDenied("This needs a user who is staff.")
        return view(request, *args, **kwargs)

    return guarded
