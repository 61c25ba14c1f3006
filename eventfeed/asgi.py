"""Who answers: the guard of local mode, static files, the doorways, our sockets, then Django."""

import asyncio
import logging
import os
from typing import Any, cast

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.urls import Resolver404, re_path, resolve

from eventfeed.pages import set_up

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventfeed.settings")
pages = set_up()  # before what imports models

from apps.events.counters import Teller  # noqa: E402
from apps.events.recorder import recorder  # noqa: E402
from apps.feed.routing import websocket_urlpatterns  # noqa: E402
from apps.ingest.doors.answers import not_allowed  # noqa: E402
from apps.ingest.doorways import HTTP, PREFIXES, SOCKETS, methods_at  # noqa: E402
from eventfeed.health import healthz, readyz  # noqa: E402
from eventfeed.local_guard import LocalGuard  # noqa: E402
from eventfeed.static_files import StaticFiles  # noqa: E402

logger = logging.getLogger(__name__)

READING = ["GET", "HEAD", "OPTIONS"]
HEALTH = {("GET", "/healthz"): healthz, ("GET", "/readyz"): readyz}


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """Answer a socket to a path that has none."""
    await send({"type": "websocket.close"})


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Flush the recorder under another server than ours, which does it by itself."""
    logger.warning("This server answers pings before events are stored; run `manage.py web`.")
    teller = Teller("web")
    teller.start()
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": message["type"] + ".complete"})
    await recorder().close()
    await asyncio.to_thread(teller.stop)
    await send({"type": "lifespan.shutdown.complete"})


# Django's stubs know of views only.
nobody = re_path("", cast("Any", refuse))
live = AuthMiddlewareStack(URLRouter([*websocket_urlpatterns, nobody]))


class Entrance:
    """Sends each request to who answers it; a path may end in a slash or not."""

    def __init__(self) -> None:
        self.http = HTTP | HEALTH
        self.by_type = {"http": self._http, "websocket": self._socket, "lifespan": lifespan}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.by_type[scope["type"]](scope, receive, send)

    async def _http(self, scope: Any, receive: Any, send: Any) -> None:
        method, path = scope["method"], bare(scope["path"])
        above, _, _ = path.rpartition("/")
        application = self.http.get((method, path)) or PREFIXES.get((method, above))
        await (application or otherwise(method, path))(scope, receive, send)

    async def _socket(self, scope: Any, receive: Any, send: Any) -> None:
        await SOCKETS.get(bare(scope["path"]), live)(scope, receive, send)


def otherwise(method: str, path: str) -> Any:
    """Return Django, unless there is only a doorway at the path, which takes no such method."""
    if not (taken := methods_at(path)):
        return pages
    if is_page(path):
        if method in READING:
            return pages
        taken += READING
    # Django would say so in a page, and write the address of a hook, a secret, into the log.
    return not_allowed(taken)


def is_page(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def bare(path: str) -> str:
    return path.rstrip("/") or "/"


application = LocalGuard(StaticFiles(Entrance()))
