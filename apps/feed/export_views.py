"""The two doors of an export: the page's link and the API, which answer the same stream.

What is wrong is said before the stream begins. Afterwards there is no way to say it but to break
off: who reads sees an answer that has no end, never one that is silently short.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator

from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from apps.events.absence import one_line
from apps.events.log import Expired, StartAgain
from apps.events.position import Position
from apps.events.search import QueryTimeout
from apps.feed.api import ApiView, range_of, read
from apps.feed.api_errors import BadParameter
from apps.feed.api_schema import EXPORT, names_in
from apps.feed.asked import Asked
from apps.feed.columns import read_columns
from apps.feed.export import Export, Wanted
from apps.feed.export_formats import FORMATS, Format
from apps.feed.mistake import Mistake
from apps.feed.views import mistaken
from apps.query import QueryError, parse

logger = logging.getLogger(__name__)

# How long a database may be away in the middle of an export before it is broken off, in seconds.
PATIENCE = 30.0
PAUSE = 0.5

AWAY = (OperationalError, InterfaceError, QueryTimeout)
UNFIT = (BadParameter, StartAgain, Expired, QueryTimeout)


@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """Answer `?q=&since=&until=&from=&to=&columns=&format=` with a file of all that matches."""
    asked = Asked.read({"q": request.GET.get("q", "")}, timezone.now())
    try:
        return streamed(request.GET)
    except QueryError as error:
        return mistaken(request, asked, Mistake.of_query(asked, error))
    except UNFIT as error:
        return mistaken(request, asked, Mistake(str(error)))


class EventExport(ApiView):
    http_method_names = ("get", "options")
    parameters = names_in(EXPORT)

    @extend_schema(**EXPORT)
    def get(self, request: Request) -> HttpResponseBase:
        return streamed(request.GET)

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        """Leave `format` and what the client accepts to the export: only mistakes are JSON."""
        return JSONRenderer(), "application/json"


def streamed(asked: QueryDict) -> StreamingHttpResponse:
    """Begin an export; raises QueryError, BadParameter and what reading raises."""
    form = read("format", asked, format_of) or FORMATS["ndjson"]
    begun = Export(wanted_of(asked), form, read("columns", asked, read_columns) or ())
    first = begun.part()
    name = f"events-{timezone.now():%Y%m%dT%H%M%SZ}.{form.name}"
    return StreamingHttpResponse(
        parts(begun, first),
        content_type=form.media,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            # A proxy that gathers it all would end what it has as if it were whole.
            "X-Accel-Buffering": "no",
        },
    )


def wanted_of(asked: QueryDict) -> Wanted:
    query = parse(asked.get("q", "").strip())
    since, until = range_of(asked)
    return Wanted(
        query,
        since=since,
        until=until,
        first=read("from", asked, Position.parse),
        last=read("to", asked, Position.parse),
    )


def format_of(text: str) -> Format:
    if text not in FORMATS:
        raise ValueError(f"“{text[:80]}” is no format; write {' or '.join(FORMATS)}.")
    return FORMATS[text]


async def parts(export: Export, first: bytes) -> AsyncGenerator[bytes, None]:
    """Yield one part after the other; while one is taken, the next is read."""
    part = first
    while part:
        coming = asyncio.ensure_future(next_part(export))
        try:
            yield part
            part = await coming
        finally:
            coming.cancel()


async def next_part(export: Export) -> bytes:
    """Read on, through a short absence of the database; break off after a long one."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return await database_sync_to_async(export.part)()
        except AWAY as away:
            if time.monotonic() > end:
                raise broken_off(export, away) from away
            await asyncio.sleep(PAUSE)
        except (StartAgain, Expired) as gone:
            raise broken_off(export, gone) from gone


def broken_off(export: Export, why: Exception) -> asyncio.CancelledError:
    """Say it to the log, and return what ends the answer without an end.

    Django takes a cancelled answer for one whose client has left, and writes nothing more.
    """
    logger.warning("An export broke off after %s events: %s", f"{export.told:,}", one_line(why))
    return asyncio.CancelledError()
