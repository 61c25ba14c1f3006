"""What we ask of a Prefect server: its events of a span of time, and how many it has.

Its filter API answers at most 50 events, paged by OFFSET in an order without a tie-breaker: pages
of a window that does not hold still lose events. So a window is only trusted when one answer holds
it whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import msgspec

from apps.events.log import HEADER

PAGE = 50
# More buckets than these are refused.
MOST_BUCKETS = 1_000
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
T = TypeVar("T")
MICROSECOND = timedelta(microseconds=1)
# Before this nobody ran Prefect 3; the server's own default looks back 180 days only.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class ServerAway(Exception):
    """The server cannot be reached, or cannot answer now: ask again later."""


class ServerRefuses(Exception):
    """The server answers, and says no: asking again changes nothing."""


@dataclass(frozen=True)
class Window:
    """A span of time, both ends belonging to it, as Prefect's filter has it."""

    since: datetime
    until: datetime

    def halves(self) -> tuple[Window, Window]:
        middle = self.since + (self.until - self.since) / 2
        return Window(self.since, middle), Window(middle + MICROSECOND, self.until)

    @property
    def is_instant(self) -> bool:
        return self.until <= self.since


class Page(msgspec.Struct):
    events: list[msgspec.Raw]
    total: int
    next_page: str | None = None


class Guard(msgspec.Struct):
    token: str


class Bucket(msgspec.Struct):
    start_time: datetime
    end_time: datetime
    count: int


class PrefectServer:
    """One server's event API. `api` is its address with `/api`, as PREFECT_API_URL has it.

    Of one that tells the log named `ours` nothing is taken: it is Eventfeed itself.
    """

    def __init__(
        self,
        api: str,
        *,
        auth: httpx.Auth | None = None,
        transport: httpx.BaseTransport | None,
        ours: str | None = None,
    ) -> None:
        self.api = api.rstrip("/")
        self.ours = ours
        self._client = httpx.Client(
            auth=auth, timeout=TIMEOUT, transport=transport, follow_redirects=False
        )
        self._guarded = False

    def close(self) -> None:
        self._client.close()

    def first(self) -> datetime | None:
        """Return when the oldest event it keeps occurred, None when it keeps none."""
        page = self._filter(Window(LONG_AGO, datetime.now(UTC)), limit=1)
        return _occurred(page.events[0]) if page.events else None

    def page(self, window: Window) -> Page:
        """Return the events of a window; not all of them when `total` is larger."""
        return self._filter(window, limit=PAGE)

    def further(self, page: Page) -> Page:
        """Return the next page, whose order nobody promises: for one instant's events only."""
        assert page.next_page
        token = httpx.URL(page.next_page).params.get("page-token", "")
        answer = self._ask("GET", "/events/filter/next", params={"page-token": token})
        return self._read(answer, Page)

    def counts(self, window: Window, *, unit: str) -> Sequence[Bucket]:
        """Return how many events it has in each hour or minute of a window."""
        body = {"filter": _filter(window), "time_unit": unit, "time_interval": 1}
        answer = self._ask("POST", "/events/count-by/time", json=body)
        return self._read(answer, list[Bucket])

    def _filter(self, window: Window, *, limit: int) -> Page:
        body = {"filter": _filter(window) | {"order": "ASC"}, "limit": limit}
        return self._read(self._ask("POST", "/events/filter", json=body), Page)

    def _read(self, answer: bytes, type: type[T]) -> T:
        try:
            return msgspec.json.decode(answer, type=type)
        except msgspec.MsgspecError as error:
            raise ServerRefuses(
                f"{self.api} is not the API of a Prefect server: {error}"
            ) from error

    def _ask(self, method: str, path: str, **told: Any) -> bytes:
        try:
            self._find_guard()
            answer = self._client.request(method, self.api + path, **told)
        except httpx.InvalidURL as error:
            raise ServerRefuses(f"{self.api} is no address: {error}.") from error
        except httpx.HTTPError as error:
            say = str(error) or type(error).__name__
            raise ServerAway(f"{self.api} does not answer: {say}") from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise ServerAway(f"{self.api}{path} answers {answer.status_code}.")
        if answer.status_code != 200:
            self._guarded = False
            raise ServerRefuses(
                f"{self.api}{path} answers {answer.status_code}: {answer.text[:200]}"
            )
        if self.ours and answer.headers.get(HEADER) == self.ours:
            raise ServerRefuses(f"{self.api} is this Eventfeed itself, which has all its events.")
        return answer.content

    def _find_guard(self) -> None:
        """Take the token that a server with CSRF protection wants behind each request."""
        if self._guarded:
            return
        client = str(uuid4())
        answer = self._client.get(f"{self.api}/csrf-token", params={"client": client})
        if answer.status_code == 200:
            self._client.headers["Prefect-Csrf-Token"] = self._read(answer.content, Guard).token
            self._client.headers["Prefect-Csrf-Client"] = client
        self._guarded = True


def _filter(window: Window) -> dict[str, Any]:
    occurred = {"since": window.since.isoformat(), "until": window.until.isoformat()}
    return {"occurred": occurred}


class _Timed(msgspec.Struct):
    occurred: datetime


def _occurred(raw: msgspec.Raw) -> datetime:
    return msgspec.json.decode(raw, type=_Timed).occurred
