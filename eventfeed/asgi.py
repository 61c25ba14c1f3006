"""Who answers: the guard of local mode, static files, the doorways, our sockets, then Django."""

import asyncio
import logging
import os
from typing import Any, cast

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.urls import re_path

from eventfeed.pages import set_up

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventfeed.settings")
pages = set_up()  # before what imports models

from apps.events.counters import Teller  # noqa: E402
from apps.events.recorder import recorder  # noqa: E402
from apps.feed.routing import websocket_urlpatterns  # noqa: E402
from apps.ingest.doorways import HTTP, PREFIXES, SOCKETS  # noqa: E402
from eventfeed.health import healthz, readyz  # noqa: E402
from eventfeed.local_guard import LocalGuard  # noqa: E402
from eventfeed.static_files import StaticFiles  # noqa: E402

logger = logging.getLogger(__name__)

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
        application = self.http.get((method, path)) or PREFIXES.get((method, above)) or pages
        await application(scope, receive, send)

    async def _socket(self, scope: Any, receive: Any, send: Any) -> None:
        await SOCKETS.get(bare(scope["path"]), live)(scope, receive, send)


def bare(path: str) -> str:
    return path.rstrip("/") or "/"


application = LocalGuard(StaticFiles(Entrance()))
