"""A real receiver of webhooks on a loopback socket, good or bad."""

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Received(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answering = Callable[[BaseHTTPRequestHandler], None]


class Receiver:
    """Keeps what it was sent, and answers as it is told to."""

    def __init__(self, answering: Answering | None = None) -> None:
        self.received: list[Received] = []
        self.answering = answering or answer(200, b"thank you")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wrap(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.command, self.path, headers, body))
                receiver.answering(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = any  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def answer(status: int, body: bytes = b"", **headers: str) -> Answering:
    """Answer at once."""

    def answering(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        for name, value in headers.items():
            to.send_header(name.replace("_", "-"), value)
        to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)

    return answering


def in_turn(*answerings: Answering) -> Answering:
    """Answer in these ways one after another, and then always in the last."""
    left = list(answerings)

    def answering(to: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(to)

    return answering
