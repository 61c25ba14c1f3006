"""The one shape in which the API says what is wrong, whoever made the mistake."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from django.core.exceptions import PermissionDenied
from django.db.utils import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework.exceptions import APIException

from apps.events.log import Expired, StartAgain
from apps.events.search import QueryTimeout
from apps.query import QueryError

RETRY_SECONDS = 5


@dataclass(frozen=True)
class Problem:
    """What was wrong; `position` is where in the field, as [start, end]."""

    code: str
    message: str
    field: str | None = None
    position: tuple[int, int] | None = None
    suggestion: str | None = None


class BadParameter(Exception):
    """A parameter of the URL is not what it should be."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class BadQuery(Exception):
    """A query that is no parameter `q` of the URL is not what it should be."""

    def __init__(self, field: str, wrong: QueryError) -> None:
        super().__init__(wrong.say)
        self.field = field
        self.wrong = wrong


def answer_error(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Answer what a view raised; None for what nobody expected."""
    match error:
        case QueryError():
            return answer_query(error, "q")
        case BadQuery():
            return answer_query(error.wrong, error.field)
        case BadParameter():
            return answer(400, Problem("parameter", str(error), error.field))
        case PermissionDenied():
            return answer(403, Problem("permission-denied", str(error)))
        case Http404():
            return answer(404, Problem("not-found", str(error)))
        case StartAgain():
            return answer(409, Problem("start-again", str(error)))
        case Expired():
            return answer(410, Problem("expired", str(error)))
        case QueryTimeout():
            return answer(503, Problem("timeout", str(error), "q"))
        case OperationalError() | InterfaceError():
            say = "The database is away. Try again in a moment."
            return answer(503, Problem("database", say), retry_after=RETRY_SECONDS)
        case APIException():
            return answer_refusal(error)
    return None


def answer_query(wrong: QueryError, field: str) -> HttpResponse:
    where = (wrong.start, wrong.end)
    return answer(400, Problem("query", wrong.say, field, where, wrong.suggestion))


def answer_refusal(error: APIException) -> HttpResponse:
    """Answer what Django REST framework or the check of who is asking has raised."""
    problem = Problem(str(error.get_codes()).replace("_", "-"), str(error.detail))
    response = answer(error.status_code, problem, retry_after=getattr(error, "wait", None))
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    return response


def answer(status: int, problem: Problem, *, retry_after: float | None = None) -> HttpResponse:
    response = as_json({"error": asdict(problem)}, status=status)
    if retry_after:
        response["Retry-After"] = str(int(retry_after))
    return response


def as_json(value: Any, *, status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(value), content_type="application/json", status=status)
