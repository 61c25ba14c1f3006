"""Answers over HTTP."""

import json
from collections.abc import Mapping

from apps.ingest.doors.asgi import Send

NO_HEADERS: Mapping[str, str] = {}


async def answer(
    send: Send, status: int, value: object, headers: Mapping[str, str] = NO_HEADERS
) -> None:
    """Answer with a JSON value."""
    body = json.dumps(value).encode()
    fields = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    await _send(send, status, fields, body)


async def answer_no_content(send: Send) -> None:
    await _send(send, 204, {}, b"")


async def _send(send: Send, status: int, fields: Mapping[str, str], body: bytes) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
