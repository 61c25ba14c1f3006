"""A live viewer that keeps what it was shown, and comes back from its position when cut off."""

import json
from collections import Counter
from threading import Event, Thread
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect


class Viewer(Thread):
    def __init__(self, port: int, *, position: str) -> None:
        super().__init__(daemon=True)
        self.shown: Counter[str] = Counter()
        self.gaps: list[dict[str, Any]] = []
        self.torn: list[tuple[str, str]] = []
        self.connections = 0
        self.subscribed = Event()
        self._port = port
        self._position = position
        self._ended = Event()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self._watch()
            except (OSError, WebSocketException):
                self._ended.wait(0.05)

    def finish(self) -> None:
        self._ended.set()
        self.join(30)

    def _watch(self) -> None:
        with connect(f"ws://127.0.0.1:{self._port}/ws/feed", ping_interval=None) as socket:
            self.connections += 1
            socket.send(json.dumps(self._subscription()))
            while not self._ended.is_set():
                try:
                    self._read(json.loads(socket.recv(timeout=1)))
                except TimeoutError:
                    continue

    def _subscription(self) -> dict[str, Any]:
        query = {"q": "event:crash.test.sent", "since": None, "until": None}
        return {"t": "sub", "from": self._position, "mode": "rows", "format": "json"} | query

    def _read(self, frame: dict[str, Any]) -> None:
        if frame["t"] == "ok":
            self.subscribed.set()
        if frame["t"] == "gap":
            self.gaps.append(frame)
        if "to" in frame:
            if frame.get("from", self._position) != self._position:
                self.torn.append((self._position, frame["from"]))
            self._position = frame["to"]
        self.shown.update(row["event"]["id"] for row in frame.get("rows", ()))
