"""Stylesheets and scripts, straight from the packages they lie in: nothing is collected first."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from whitenoise import WhiteNoise

YEAR = 365 * 24 * 60 * 60


class VersionedStorage(StaticFilesStorage):
    """Writes a file's version into its address, so that browsers may keep it for good."""

    def url(self, name: str | None) -> str:
        address: str = super().url(name)
        found = finders.find(name) if name else None
        return f"{address}?v={version_of(found)}" if isinstance(found, str) else address


def version_of(path: str) -> str:
    status = Path(path).stat()
    return f"{status.st_mtime_ns:x}{status.st_size:x}"


class StaticFiles:
    """Answers for what lies under STATIC_URL, and passes everything else on."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.files = Finder()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(settings.STATIC_URL):
            await self._answer(scope, send)
        else:
            await self.inner(scope, receive, send)

    async def _answer(self, scope: Any, send: Any) -> None:
        found = self.files.find_file(scope["path"])
        if found is None:
            return await _send(send, 404, [("Content-Type", "text/plain")], b"Not found\n")
        response = found.get_response(scope["method"], _as_environ(scope))
        headers = [*response.headers, ("Cache-Control", _lifetime(scope))]
        if response.file is None:
            return await _send(send, response.status, headers, b"")
        with response.file as file:
            return await _send(send, response.status, headers, file.read())


class Finder(WhiteNoise):
    """WhiteNoise over Django's finders, looking at the disk each time."""

    def __init__(self) -> None:
        super().__init__(None, autorefresh=True, max_age=None, allow_all_origins=False)

    def candidate_paths_for_url(self, url: str) -> Iterator[str]:
        found = finders.find(url.removeprefix(settings.STATIC_URL))
        if isinstance(found, str) and os.path.isfile(found):  # noqa: PTH113
            yield found


def _lifetime(scope: Any) -> str:
    """An address with a version never means another file; one without is asked for anew."""
    has_version = "v" in parse_qs(scope["query_string"].decode("latin-1"))
    return f"max-age={YEAR}, public, immutable" if has_version else "no-cache"


def _as_environ(scope: Any) -> dict[str, str]:
    """Return the headers as WhiteNoise looks for them."""
    return {
        "HTTP_" + name.decode("latin-1").upper().replace("-", "_"): value.decode("latin-1")
        for name, value in scope["headers"]
    }


async def _send(send: Any, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    if "content-length" not in {name.lower() for name, _ in headers}:
        raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": int(status), "headers": raw})
    await send({"type": "http.response.body", "body": body})
