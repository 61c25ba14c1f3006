"""Who may ask the REST API."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.accounts.access import AccessAway, Caller, caller_of_sync, caller_of_user


class DatabaseAway(APIException):
    """Who is asking cannot be told now."""

    status_code = 503
    default_detail = "The database is away. Try again in a moment."
    default_code = "database-away"
    wait = 5  # DRF writes Retry-After from it.


class TokenAuthentication(BaseAuthentication):
    """Bearer, Basic and `?access_token=`; `request.auth` is the Caller. Local mode needs none."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        header = request.headers.get("Authorization")
        token = request.query_params.get("access_token")
        try:
            caller = caller_of_sync(header, token, local=settings.LOCAL_MODE)
        except AccessAway as away:
            raise DatabaseAway from away
        if caller:
            return AnonymousUser(), caller
        if header or token:
            raise AuthenticationFailed("This token is unknown, expired or revoked.")
        return None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Eventfeed"'


class CanRead(BasePermission):
    message = "This needs the scope “read”, or a signed-in user who may read."

    def has_permission(self, request: Request, view: Any) -> bool:
        caller = request.auth or caller_of_user(request.user)
        return isinstance(caller, Caller) and "read" in caller.scopes


class TokenScheme(OpenApiAuthenticationExtension):
    """How the schema describes TokenAuthentication."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "ef_…"}
