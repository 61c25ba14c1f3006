"""Who may change automations: staff, or in local mode who is at the machine. Readers may look."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.feed.saved import Asker

View = Callable[..., HttpResponseBase]


def may_change(request: HttpRequest) -> bool:
    return Asker.of(request).staff


def name_of(request: HttpRequest) -> str | None:
    """Return who is signed in; in local mode nobody has to be."""
    return Asker.of(request).name


def for_changers(view: View) -> View:
    """Let through who may change automations; others are told that they may not."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_change(request):
            raise PermissionDenied("This needs a user who is staff.")
        return view(request, *args, **kwargs)

    return guarded
