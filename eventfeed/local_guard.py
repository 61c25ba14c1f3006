"""Keeps other web pages out where nobody signs in.

In local mode whoever reaches the port may read and send, and a browser reaches it for any page
its owner visits. So Host must be a name we know (else a foreign name could point here), and what
changes something, or opens a socket, must come from a page of ours. Where people sign in, Django
looks after the rest, and what remains is the socket: a browser sends its cookie for any page.
"""

import json
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

HARMLESS = {"GET", "HEAD", "OPTIONS"}


class LocalGuard:
    """Says to everything inside whether this is local mode, and refuses trespassers there."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.inner(scope, receive, send)
            return
        scope["eventfeed.local"] = settings.LOCAL_MODE
        if sentence := trespass(scope):
            await _refuse(scope, send, sentence)
        else:
            await self.inner(scope, receive, send)


def trespass(scope: Any) -> str | None:
    """Return what is wrong with where the request comes from, None when nothing is."""
    headers = dict(scope["headers"])
    host = headers.get(b"host", b"").decode("latin-1")
    if settings.LOCAL_MODE and not _is_known(host):
        return f"This server is not {host!r}. Name it in EVENTFEED_ALLOWED_HOSTS if it is."
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin and _must_be_ours(scope) and not _is_ours(origin, host):
        return f"Pages of {origin!r} may not send to this server."
    return None


def _is_known(host: str) -> bool:
    return _is_among(host, tuple(settings.ALLOWED_HOSTS))


@lru_cache(100)
def _is_among(host: str, known: tuple[str, ...]) -> bool:
    return validate_host(split_domain_port(host)[0], known)


def _must_be_ours(scope: Any) -> bool:
    if scope["type"] == "websocket":
        return True
    return settings.LOCAL_MODE and scope["method"] not in HARMLESS


def _is_ours(origin: str, host: str) -> bool:
    return urlsplit(origin).netloc.lower() == host.lower() or (
        origin in settings.CSRF_TRUSTED_ORIGINS
    )


async def _refuse(scope: Any, send: Any, sentence: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4403, "reason": sentence})
        return
    body = json.dumps({"detail": sentence}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
