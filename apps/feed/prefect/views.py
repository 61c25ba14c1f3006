"""What Prefect's clients ask by HTTP: pages of events, and counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from django.conf import settings
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from apps.events.log import HEADER
from apps.events.search import QueryTimeout
from apps.feed.api import ApiView
from apps.feed.api_errors import RETRY_SECONDS, as_json
from apps.feed.prefect.bodies import Invalid, Refused, read_body
from apps.feed.prefect.counts import COUNTABLES, Counted, counted
from apps.feed.prefect.events import received_events
from apps.feed.prefect.filters import EventFilter
from apps.feed.prefect.pages import (
    TOO_LONG,
    BadToken,
    Page,
    Token,
    first_page,
    is_too_long,
    next_page,
)

LIMIT = 50
MOST = 200


class Asked(msgspec.Struct):
    filter: EventFilter | None = None
    limit: Annotated[int, msgspec.Meta(ge=0, le=MOST)] = LIMIT


class PrefectView(ApiView):
    """Speaks as Prefect's server does, also of mistakes; its own description is Prefect's."""

    schema = None  # type: ignore[assignment]  # left out of ours

    def get_exception_handler(self) -> Callable[..., Any]:
        return answer_error


class Events(PrefectView):
    """`POST /api/events/filter`."""

    def post(self, request: Request) -> HttpResponse:
        asked = read_body(request.body, Asked)
        page = first_page(asked.filter or EventFilter(), asked.limit)
        response = as_page(request, page)
        response[HEADER] = page.log
        return response


class NextEvents(PrefectView):
    """`GET /api/events/filter/next?page-token=…`."""

    def get(self, request: Request) -> HttpResponse:
        token = request.GET.get("page-token")
        if token is None:
            where = ["query", "page-token"]
            raise Invalid([{"type": "missing", "loc": where, "msg": "Field required"}])
        return as_page(request, next_page(Token.parse(token)))


class Counts(PrefectView):
    """`POST /api/events/count-by/day`, `time`, `event` and `resource`."""

    def post(self, request: Request, countable: str) -> HttpResponse:
        asked = read_body(request.body, Counted)
        if countable not in COUNTABLES:
            say = f"Input should be {', '.join(COUNTABLES)}"
            detail = {"type": "enum", "loc": ["path", "countable"], "msg": say, "input": countable}
            raise Invalid([detail])
        return as_json(counted(asked, countable))


def as_page(request: HttpRequest | Request, page: Page) -> HttpResponse:
    return as_json(
        {
            "events": received_events(page.events),
            "total": page.total,
            "next_page": page.next and link_to(request, page.next),
        }
    )


def link_to(request: HttpRequest | Request, token: Token) -> str:
    """Return the whole address: clients follow it as it is."""
    # What ends TLS in front of us does not say so; the addresses one may come from do.
    secure = f"https://{request.get_host()}"
    origin = secure if secure in settings.CSRF_TRUSTED_ORIGINS else request.build_absolute_uri("/")
    asked = urlencode({"page-token": str(token)})
    return f"{origin.rstrip('/')}/api/events/filter/next?{asked}"


def answer_error(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Answer what a view raised where these clients look; None for what nobody expected."""
    match error:
        case Invalid():
            return as_json(
                {
                    "exception_message": "Invalid request received.",
                    "exception_detail": error.detail,
                    "request_body": error.body,
                },
                status=422,
            )
        case Refused():
            return as_json({"detail": str(error)}, status=422)
        case BadToken():
            return as_json({"detail": "Forbidden"}, status=403)
        case QueryTimeout():
            return said(503, str(error))
        case OperationalError() if is_too_long(error):
            return said(422, TOO_LONG)
        case OperationalError() | InterfaceError():
            return said(503, "The database is away. Try again in a moment.", RETRY_SECONDS)
        case NotAuthenticated() | AuthenticationFailed():
            response = said(401, "Unauthorized")
            response["WWW-Authenticate"] = error.auth_header  # type: ignore[union-attr]
            return response
        case APIException():
            return said(error.status_code, str(error.detail), getattr(error, "wait", None))
    return None


def said(status: int, say: str, retry_after: float | None = None) -> HttpResponse:
    """Say it under both names that clients look at."""
    response = as_json({"exception_message": say, "detail": say}, status=status)
    if retry_after:
        response["Retry-After"] = str(int(retry_after))
    return response
