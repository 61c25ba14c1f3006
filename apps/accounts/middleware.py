"""The door of the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.accounts.access import READ_PERMISSION


class SignInRequired(LoginRequiredMiddleware):
    """Pages are for signed-in people who may read, except in local mode.

    A view with `login_required = False` (the API, the admin, the sign-in page) guards itself.
    """

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if settings.LOCAL_MODE or not getattr(view_func, "login_required", True):
            return None
        if not request.user.is_authenticated:
            return self.handle_no_permission(request, view_func)
        if request.user.has_perm(READ_PERMISSION):
            return None
        return render(request, "accounts/may_not_read.html", status=403)
