"""The read API: the feed as JSON for programs, by the same query."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.http import Http404, HttpResponse, QueryDict
from django.utils import timezone
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts.api import CanRead, TokenAuthentication
from apps.events.models import Event
from apps.events.position import BadPosition, Position
from apps.events.search import BadCursor, Cursor, Page, search, search_log
from apps.feed.api_errors import BadParameter, answer_error, as_json
from apps.feed.api_schema import EVENT, LIST, names_in
from apps.feed.chain import by_id
from apps.feed.moments import BadMoment, in_order, moment
from apps.feed.rows import iso
from apps.feed.told import told, told_in_full
from apps.query import parse

LIMIT = 50
MOST = 200
ORDERS = ("occurred", "arrival")

T = TypeVar("T")


class ApiView(APIView):
    """Answers JSON, to tokens and to signed-in people."""

    parameters: Collection[str] | None = None
    """All that may stand in the URL; None where others say so."""

    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (CanRead,)
    renderer_classes = (JSONRenderer,)
    schema = AutoSchema()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.parameters is not None:
            known_only(request.GET, self.parameters, "parameter")

    def get_exception_handler(self) -> Callable[..., Any]:
        return answer_error


class EventList(ApiView):
    parameters = names_in(LIST)

    @extend_schema(**LIST)
    def get(self, request: Request) -> HttpResponse:
        page = asked_page(request.GET)
        return as_json(
            {
                "events": told_in_full(page.events),
                "next": page.next and str(page.next),
                "searched_to": page.searched_to and iso(page.searched_to),
                "position": str(page.position),
            }
        )


class EventDetail(ApiView):
    parameters = names_in(EVENT)

    @extend_schema(**EVENT)
    def get(self, request: Request, id: str) -> HttpResponse:
        event = event_of(id, at=read("at", request.GET, Position.parse))
        one = told(event, source=event.source.name, payload=event.payload)
        others = also_at(event)
        return as_json(one | {"also_at": others} if others else one)


def asked_page(asked: QueryDict) -> Page:
    """Read the page the URL asks for; raises BadParameter, QueryError and what reading raises."""
    query = parse(asked.get("q", ""))
    first, last = read("from", asked, Position.parse), read("to", asked, Position.parse)
    limit = read("limit", asked, limit_of) or LIMIT
    if first or last or read("order", asked, order_of) == "arrival":
        return search_log(
            query,
            first=first,
            last=last,
            after=read("after", asked, Position.parse),
            limit=limit,
            in_full=True,
        )
    since, until = range_of(asked)
    return search(
        query,
        since=since,
        until=until,
        after=read("after", asked, Cursor.parse),
        limit=limit,
        in_full=True,
    )


def known_only(
    asked: Iterable[str], known: Collection[str], what: str, *, told: Collection[str] = ()
) -> None:
    """Raise BadParameter for the first name that is neither read nor told by us."""
    for name in asked:
        if name not in known and name not in told:
            say = f"“{name[:80]}” is no {what}; write {', '.join(sorted(known))}."
            raise BadParameter(name[:80], say)


def read(name: str, asked: QueryDict, reader: Callable[[str], T]) -> T | None:
    """Return a parameter as the reader reads it, None when it is not given."""
    text = asked.get(name, "")
    try:
        return reader(text) if text else None
    except (BadCursor, BadMoment, BadPosition, ValueError) as error:
        raise BadParameter(name, str(error)) from error


def range_of(asked: QueryDict) -> tuple[datetime | None, datetime | None]:
    """Read both ends of the range; raises BadParameter."""
    since, until = read("since", asked, moment_of), read("until", asked, moment_of)
    try:
        in_order(since, until)
    except BadMoment as error:
        raise BadParameter("until", str(error)) from error
    return since, until


def moment_of(text: str) -> Any:
    return moment(text, timezone.now())


def limit_of(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise ValueError(f"“{text[:80]}” is no limit; write a number from 1 to {MOST}.")
    return int(text)


def order_of(text: str) -> str:
    if text not in ORDERS:
        raise ValueError(f"“{text[:80]}” is no order; write {' or '.join(ORDERS)}.")
    return text


def event_of(id: str, *, at: Position | None) -> Event:
    """Return the event, the first received when several have the id; raises Http404."""
    events = Event.objects.filter(id=id_of(id)).select_related("source")
    if at:
        events = events.filter(tx=at.tx, seq=at.seq)
    event = events.order_by("received").first()
    if event is None:
        raise Http404(f"No event {id} is kept.")
    return event


def also_at(event: Event) -> list[str]:
    """Return the positions of other events with the same id, the first received first."""
    same = by_id().filter(id=event.id).exclude(tx=event.tx, seq=event.seq)
    return [other.at for other in same[:MOST]]


def id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404(f"“{text[:80]}” is no event id, which is a UUID.") from error
