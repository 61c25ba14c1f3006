"""Senders that never give up, and keep the ids of what was acknowledged to them."""

import http.client
import json
from contextlib import ExitStack
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from websockets.exceptions import WebSocketException
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect

BATCH = 20
MOST = 5_000
AGAIN_AFTER = 0.05


class Sender(Thread):
    """Sends batch after batch, each until it is acknowledged."""

    def __init__(self, port: int, *, pause: float = 0.005) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.acknowledged: set[str] = set()
        self.failures = 0
        self.refusal: str | None = None
        self._pause = pause
        self._ended = Event()

    def run(self) -> None:
        while not self._ended.is_set() and len(self.acknowledged) < MOST:
            batch = [an_event() for _ in range(BATCH)]
            while not self._sent(batch) and not self.refusal:
                self.failures += 1
                self._ended.wait(AGAIN_AFTER)
            if self.refusal:
                return
            self.acknowledged |= {event["id"] for event in batch}
            self._ended.wait(self._pause)

    def finish(self) -> None:
        """Have the last batch acknowledged, then end."""
        self._ended.set()
        self.join(60)
        assert not self.is_alive(), f"{self} never had its last batch acknowledged"
        assert self.refusal is None, self.refusal

    def _sent(self, batch: list[dict[str, Any]]) -> bool:
        raise NotImplementedError


class Poster(Sender):
    """POST /api/events over one connection."""

    def _sent(self, batch: list[dict[str, Any]]) -> bool:
        try:
            status, said = self._post(json.dumps(batch))
        except (OSError, http.client.HTTPException):
            del self._connection
            return False
        if status not in (204, 503):
            self.refusal = f"{status}: {said[:500]!r}"
        return status == 204

    def _post(self, body: str) -> tuple[int, bytes]:
        if not hasattr(self, "_connection"):
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        json_type = {"Content-Type": "application/json"}
        self._connection.request("POST", "/api/events", body, json_type)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


class SocketSender(Sender):
    """The socket as Prefect's client uses it: events, then a ping, and its pong is the word."""

    reconnects = -1

    def run(self) -> None:
        with ExitStack() as self._sockets:
            self._socket: ClientConnection | None = None
            super().run()

    def _sent(self, batch: list[dict[str, Any]]) -> bool:
        try:
            socket = self._socket = self._socket or self._connected()
            for event in batch:
                socket.send(json.dumps(event))
            # Set by a close, too, which is no word: then the state says so.
            return socket.ping(ack_on_close=True).wait(30) and socket.state is State.OPEN
        except (OSError, WebSocketException):
            self._sockets.close()
            self._socket = None
            return False

    def _connected(self) -> ClientConnection:
        self.reconnects += 1
        joining = connect(
            f"ws://127.0.0.1:{self.port}/api/events/in",
            subprotocols=["prefect"],  # type: ignore[list-item]
            ping_interval=None,
            open_timeout=30,
        )
        socket = self._sockets.enter_context(joining)
        socket.send('{"type":"auth","token":null}')
        socket.recv(timeout=30)
        return socket


def an_event() -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "crash.test.sent",
        "resource": {"prefect.resource.id": "crash.test"},
        "related": [],
        "payload": {"text": "x" * 800},
    }
