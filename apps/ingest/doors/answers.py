"""Answers over HTTP."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apps.ingest.doors.asgi import Application, Receive, Scope, Send


@dataclass(frozen=True)
class Answer:
    """A status with a value that is said as JSON, or with bytes as they are, or with nothing."""

    status: int
    value: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        if self.value is None:
            return b""
        return self.value if isinstance(self.value, bytes) else json.dumps(self.value).encode()

    @property
    def fields(self) -> dict[str, str]:
        if self.status == 204:
            return dict(self.headers)
        length = {"content-length": str(len(self.body))}
        return {"content-type": "application/json", **length, **self.headers}


async def answered(send: Send, answer: Answer) -> None:
    """Send an answer."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.fields.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def not_allowed(methods: Sequence[str]) -> Application:
    """Return who tells of the methods that there are."""
    allowed = ", ".join(methods)
    answer = Answer(405, {"detail": f"What may be sent here: {allowed}."}, {"allow": allowed})

    async def say(scope: Scope, receive: Receive, send: Send) -> None:
        await answered(send, answer)

    return say
