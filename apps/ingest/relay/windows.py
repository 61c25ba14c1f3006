"""Reading a span of time whole: in windows, halved until one answer holds each."""

from collections.abc import Iterator

import msgspec

from apps.ingest.relay.prefect_server import Page, PrefectServer, Window

# Of one instant, where nothing can be halved any more.
MOST_PAGES = 400
MOST_TRIES = 3


class Unsteady(Exception):
    """An instant holds more events than one page, and its pages do not add up."""


def events_in(server: PrefectServer, window: Window) -> Iterator[list[bytes]]:
    """Yield the events of a window, in order of time, as JSON, a page's worth at once."""
    waiting = [window]
    while waiting:
        now = waiting.pop()
        page = server.page(now)
        if page.total <= len(page.events):
            if page.events:
                yield _told(page)
        elif now.is_instant:
            yield _instant(server, page)
        else:
            earlier, later = now.halves()
            waiting += (later, earlier)


def _instant(server: PrefectServer, first: Page) -> list[bytes]:
    """Read more events of one microsecond than a page holds: by its pages, until they add up."""
    found: dict[str, bytes] = {}
    for _ in range(MOST_TRIES):
        page: Page | None = first
        for _ in range(MOST_PAGES):
            if page is None:
                break
            found |= {_id(raw): raw for raw in _told(page)}
            page = server.further(page) if page.next_page and page.events else None
        if len(found) >= first.total:
            break
    if len(found) < first.total:
        raise Unsteady(f"Of {first.total:,} events of one instant {len(found):,} could be read.")
    return list(found.values())


def _told(page: Page) -> list[bytes]:
    return [bytes(raw) for raw in page.events]


class _Named(msgspec.Struct):
    id: str


def _id(raw: bytes) -> str:
    return msgspec.json.decode(raw, type=_Named).id
