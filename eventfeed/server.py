"""Daphne in this process, with what a log of record needs and Daphne does not do.

Stock Daphne answers a ping and a close frame by itself, before the application has seen the
messages in front of them. An application that opts in (`acknowledge` in its `websocket.accept`)
gets them in order among its messages instead, and answers them when it has stored what came
before: `eventfeed.ping` by `eventfeed.pong`, `eventfeed.closing` by `websocket.close`.
"""

import asyncio
import errno
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache, partial
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import unquote

import eventfeed.event_loop  # isort: skip  # noqa: F401 - before daphne installs another
from daphne import http_protocol, server, ws_protocol
from daphne.utils import HEADER_NAME_RE, INVALID_HEADER_VALUE_BYTES
from twisted.internet import reactor  # installed by eventfeed.event_loop
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.logger import LogPublisher, globalLogBeginner
from zope.interface import implementer

from eventfeed.refused import Refusal, Refused, in_json
from eventfeed.startup import CannotStart

Message = dict[str, Any]

MIB = 1024 * 1024
MOST_FRAME = 16 * MIB
MOST_IN_FLIGHT = 64 * MIB
MOST_WAITING_MESSAGES = 200
MOST_WAITING_BYTES = 8 * MIB
# How long a refused sender may go on sending, so that it comes to read the answer.
LINGER_SECONDS = 5
LEAVE_SECONDS = 5
SERVICE_RESTART = 1012
LONGEST_REASON = 123  # bytes of a close frame beside its code: RFC 6455, section 5.5

FORBIDDEN = re.compile(b"[%s]" % re.escape(bytes(INVALID_HEADER_VALUE_BYTES)))

EXTENSIONS: dict[str, dict[str, Any]] = {"eventfeed.acknowledge": {}}


class Server(server.Server):
    """Serves one ASGI application on sockets that listen already."""

    def __init__(
        self,
        application: Callable[..., Awaitable[None]],
        *,
        sockets: Sequence[socket.socket],
        most_body: int,
        most_in_flight: int = MOST_IN_FLIGHT,
        refusal: Refusal = in_json,
        on_ready: Callable[[], None] = lambda: None,
        on_finish: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(
            application,
            endpoints=sockets,
            ready_callable=on_ready,
            server_name="",
            websocket_max_message_size=MOST_FRAME,
            websocket_max_frame_size=MOST_FRAME,
            # A day, and then code 1000, would end a subscriber for good.
            websocket_timeout=-1,
            # Ten seconds would throw away what a sender has left in the queue.
            application_close_timeout=60,
        )
        self.most_body = most_body
        self.most_in_flight = most_in_flight
        self.in_flight = 0
        self.refusal = refusal
        self.on_finish = on_finish

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM, and then finish what has been begun."""
        # To a publisher without readers: what matters is said by the standard library's loggers.
        globalLogBeginner.beginLoggingTo(
            [LogPublisher()],  # type: ignore[list-item]  # mypy cannot see zope's interfaces
            redirectStandardIO=False,
            discardBuffer=True,
        )
        self.connections: dict[Any, dict[str, Any]] = {}
        self.http_factory = HTTPFactory(self)
        self.ws_factory = WebSocketFactory(self, server=self.server_name)
        self.ws_factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,
            openHandshakeTimeout=self.websocket_handshake_timeout,
            maxMessagePayloadSize=self.websocket_max_message_size,
            maxFramePayloadSize=self.websocket_max_frame_size,
            # Says 1009 to who sends too much, where dropping the connection would say nothing.
            failByDrop=False,
        )
        self.listeners = [self._adopt(one) for one in self.endpoints]
        asyncio.set_event_loop(reactor._asyncioEventloop)
        reactor.callLater(1, self.application_checker)
        reactor.callLater(2, self.timeout_checker)
        reactor.callWhenRunning(self.ready_callable)
        reactor.addSystemEventTrigger("before", "shutdown", self.kill_all_applications)
        reactor.run()

    def _adopt(self, one: socket.socket) -> Any:
        with one:  # Twisted takes a copy; ours would go on listening when that one stops
            return reactor.adoptStreamPort(one.fileno(), one.family, self.http_factory)

    def create_application(self, protocol: Any, scope: Message) -> asyncio.Queue[Message] | None:
        scope["asgi"] = {"version": "3.0"}
        scope["extensions"] = EXTENSIONS
        is_socket = scope["type"] == "websocket"
        queue: asyncio.Queue[Message] = Backlog(protocol) if is_socket else asyncio.Queue()
        application = asyncio.ensure_future(
            self.application(scope, queue.get, partial(self.handle_reply, protocol))
        )
        self.connections[protocol]["application_instance"] = application
        application.add_done_callback(protocol.application_ended)
        return queue

    async def handle_reply(self, protocol: Any, message: Message) -> None:
        # The one part of an answer that has only one waits for nobody.
        if message["type"] == "websocket.send" or message.get("more_body"):
            await protocol.outflow.flowing.wait()
        connection = self.connections.get(protocol)
        if connection is not None and "disconnected" not in connection:
            protocol.handle_reply(message)

    def kill_all_applications(self) -> Deferred[None]:
        """Let applications finish, then what they feed; the reactor waits for it to stop."""
        return Deferred.fromFuture(asyncio.ensure_future(self._finish()))

    async def _finish(self) -> None:
        for listener in self.listeners:
            listener.stopListening()
        sockets = [one for one in self.connections if isinstance(one, WebSocketProtocol)]
        for protocol in sockets:
            protocol.go_away()
        await self._end_applications()
        if self.on_finish is not None:
            await self.on_finish()
        for protocol in sockets:
            protocol.serverClose(SERVICE_RESTART)
        # Twisted writes when the loop turns next, and drops at shutdown what it has not written.
        await asyncio.sleep(0.1)

    async def _end_applications(self) -> None:
        # A connection that is still sending its request has no application.
        found = (one.get("application_instance") for one in self.connections.values())
        if not (running := {one for one in found if one is not None and not one.done()}):
            return
        _, late = await asyncio.wait(running, timeout=LEAVE_SECONDS)
        for application in late:
            application.cancel()
        await asyncio.gather(*late, return_exceptions=True)


class HTTPFactory(http_protocol.HTTPFactory):
    def buildProtocol(self, addr: IAddress | None) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = WebRequest
        return protocol

    def startFactory(self) -> None:
        """Open no access log, and keep no clock for its lines."""

    def stopFactory(self) -> None:
        pass

    def log(self, request: Any) -> None:
        pass


class WebRequest(http_protocol.WebRequest):
    """A request whose body is bounded while it comes in: Daphne reads it whole before it is told.

    What is too large is answered at once. The rest is read and thrown away for a while, since a
    sender whose connection is reset never reads the answer.
    """

    def __init__(self, channel: Any, queued: object = False) -> None:
        super().__init__(channel, queued, parsePOSTFormSubmission=False)
        self._received = 0
        self._refused = False
        self._outflow: Outflow | None = None

    @property
    def outflow(self) -> "Outflow":
        """Whether the client takes what we send; asked for by answers of many parts."""
        if self._outflow is None:
            self._outflow = Outflow()
            if self.channel is not None:  # else nobody is there to wait for
                self.registerProducer(self._outflow, True)
        return self._outflow

    def gotLength(self, length: int | None) -> None:
        # Twisted writes bodies over 100 kB to a file.
        self.content = BytesIO()
        self._check(length or 0, self.server.in_flight + (length or 0))

    def handleContentChunk(self, data: bytes) -> None:
        if self._refused:
            return
        self._received += len(data)
        self.server.in_flight += len(data)
        self._check(self._received, self.server.in_flight)
        if not self._refused:
            self.content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self._refused:
            self.channel.loseConnection()
            return
        self.content.seek(0)
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.split(b"?", 1)[0]
        self.process()

    def process(self) -> None:
        """Hand the request on, its body in one piece: 170 µs a request, and 210 by Daphne's way."""
        if self.requestHeaders.hasHeader(b"Upgrade"):
            super().process()
            return
        self.request_start = time.time()
        headers = _clean(self.requestHeaders.getAllRawHeaders())
        if headers is None or not self.uri.isascii():
            self.basic_error(400, b"Bad Request", "Invalid header or address")
            return
        self.client_addr = [self.client.host, self.client.port]
        self.application_queue = self.server.create_application(
            self,
            {
                "type": "http",
                "http_version": self.clientproto[5:].decode(),
                "method": self.method.decode(),
                "path": unquote(self.path.decode()),
                "raw_path": self.path,
                "root_path": "",
                "scheme": "http",
                "query_string": self.uri.partition(b"?")[2],
                "headers": headers,
                "client": self.client_addr,
                "server": [self.host.host, self.host.port],
            },
        )
        self.application_queue.put_nowait(
            {"type": "http.request", "body": self.content.getvalue(), "more_body": False}
        )

    def handle_reply(self, message: Message) -> None:
        """Send a part of the answer, without what Daphne does for its log of accesses."""
        if self.finished or self.channel is None:
            return
        if message["type"] == "http.response.start":
            self._response_started = True
            self.setResponseCode(message["status"])
            for name, value in message.get("headers", ()):
                self.responseHeaders.addRawHeader(name, value)
            # Shorter than the minute after which an idle connection is closed here, so that
            # no client sends into a closing one.
            self.responseHeaders.addRawHeader(b"Keep-Alive", b"timeout=50")
            return
        self.write(message.get("body", b""))
        if not message.get("more_body"):
            self.finish()

    def application_ended(self, application: asyncio.Future[None]) -> None:
        """Break off an answer that was begun and not ended: it must not look whole.

        By a reset, because without chunks closing the connection is how an answer ends.
        """
        if self._response_started and not self.finished and self.channel is not None:
            self.channel.transport.abortConnection()

    def finish(self) -> None:
        self._let_go()
        if self._outflow is not None and self.channel is not None:
            self.unregisterProducer()
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        self._let_go()
        if self._outflow is not None:
            self._outflow.resumeProducing()  # whoever waits to send learns that it is over
        super().connectionLost(reason)

    def _check(self, body: int, in_flight: int) -> None:
        if body > self.server.most_body:
            limit = f"{self.server.most_body:,} bytes"
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body may have up to {limit}.")
        elif in_flight > self.server.most_in_flight:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Too much is being sent at this moment.")

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        self._refused = True
        self._let_go()
        self.content = BytesIO()
        # Else the channel would tell the sender to go on.
        self.requestHeaders.removeHeader(b"Expect")
        self.channel.transport.write(self._refusal(status, sentence))
        reactor.callLater(LINGER_SECONDS, self.channel.transport.loseConnection)

    def _refusal(self, status: HTTPStatus, sentence: str) -> bytes:
        # Twisted tells a request its own first line only when the body is whole.
        method, path = (
            said.decode("latin-1") for said in (self.channel._command, self.channel._path)
        )
        content_type = (self.getHeader("content-type") or "").strip()
        refused = Refused(method, path.partition("?")[0], content_type, status, sentence)
        headers, body = self.server.refusal(refused)
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            *(f"{name}: {value}" for name, value in headers.items()),
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def setResponseCode(self, code: int, message: bytes | None = None) -> None:
        # Twisted's own table ends before 422.
        super().setResponseCode(code, message or _phrase(code))

    def _let_go(self) -> None:
        self.server.in_flight -= self._received
        self._received = 0


def _clean(raw: Iterable[tuple[bytes, Sequence[bytes]]]) -> list[tuple[bytes, bytes]] | None:
    """Return the headers as ASGI has them, None when one is against the rules of HTTP."""
    headers: list[tuple[bytes, bytes]] = []
    for name, values in raw:
        lower = _lower_name(name)
        if lower is None:
            return None
        # A proxy takes "a_b" and "a-b" for different names, and Django for the same one.
        if b"_" not in lower:
            headers.extend((lower, value) for value in values)
    return None if any(FORBIDDEN.search(value) for _, value in headers) else headers


@lru_cache(1_000)
def _lower_name(name: bytes) -> bytes | None:
    return name.lower() if HEADER_NAME_RE.fullmatch(name) else None


@lru_cache(1_000)
def _phrase(code: int) -> bytes | None:
    try:
        return HTTPStatus(code).phrase.encode()
    except ValueError:
        return None


class WebSocketProtocol(ws_protocol.WebSocketProtocol):
    """A socket that answers for the application only what it has not asked to answer itself."""

    application_queue: "Backlog"

    def __init__(self) -> None:
        super().__init__()
        self.outflow = Outflow()
        self._acknowledges = False
        self._is_closing = False

    def onOpen(self) -> None:
        # The HTTP channel is still what the transport tells when its buffer is full.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.outflow, True)
        super().onOpen()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self._is_closing or self.muted:
            return
        if self._acknowledges:
            # As bytes, text too: who acknowledges reads them itself, and says what is no text.
            self.last_ping = time.time()
            self.application_queue.put_nowait({"type": "websocket.receive", "bytes": payload})
        else:
            super().onMessage(payload, isBinary)

    def onPing(self, payload: bytes) -> None:
        if not self._acknowledges:
            super().onPing(payload)
        elif not self._is_closing:
            self.last_ping = time.time()
            self.application_queue.put_nowait({"type": "eventfeed.ping", "data": payload})

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool | None:
        if not self._acknowledges or self.state != self.STATE_OPEN:
            return super().onCloseFrame(code, reasonRaw)
        if not self._is_closing:
            self._is_closing = True
            self.remoteCloseCode = code
            self.application_queue.put_nowait(
                {
                    "type": "eventfeed.closing",
                    "code": code or self.CLOSE_STATUS_CODE_NULL,
                    "reason": (reasonRaw or b"").decode(errors="replace"),
                }
            )
        return None

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.outflow.resumeProducing()  # whoever waits to send learns that it is over
        super().onClose(wasClean, code, reason)

    def handle_reply(self, message: Message) -> None:
        match message["type"]:
            case "eventfeed.pong":
                self.sendPong(message["data"])
            case "websocket.accept":
                self._acknowledges = bool(message.get("acknowledge"))
                self.utf8validateIncoming = not self._acknowledges
                if message.get("patient"):
                    # Who reads slowly answers a ping as slowly; TCP notices who is gone.
                    self.autoPingTimeout = 0
                super().handle_reply(message)
            case "websocket.close" if self.state == self.STATE_OPEN:
                self.serverClose(message.get("code"), message.get("reason"))
            case _:
                super().handle_reply(message)

    def serverClose(self, code: int | None = None, reason: str | None = None) -> None:
        if self.state != self.STATE_OPEN:
            return
        # Not by sendClose, which refuses 1008, 1009, 1011 and 1012 to an application.
        self.sendCloseFrame(
            code=code or self.CLOSE_STATUS_CODE_NORMAL,
            reasonUtf8=(reason or "").encode()[:LONGEST_REASON].decode(errors="ignore").encode(),
            isReply=self._is_closing,
        )
        if self._is_closing:
            self.wasClean = True
            self.dropConnection()

    def application_ended(self, application: asyncio.Future[None]) -> None:
        """Leave no socket open that nobody reads from."""
        if not application.cancelled() and application.exception() is None:
            self.serverClose(SERVICE_RESTART if self.muted else None)

    def go_away(self) -> None:
        """Read no more; the application sees the end after what it has been sent already."""
        if hasattr(self, "application_queue"):
            self.transport.pauseProducing()
            self.muted = True
            self.application_queue.put_nowait(
                {"type": "websocket.disconnect", "code": SERVICE_RESTART}
            )

    def pause_reading(self) -> None:
        self.transport.pauseProducing()
        # The answer to our own ping waits behind what we do not read now.
        if self.autoPingTimeoutCall is not None:
            self._cancelAutoPingTimeoutCall()

    def resume_reading(self) -> None:
        if not self.muted and self.state in (self.STATE_OPEN, self.STATE_CLOSING):
            self.transport.resumeProducing()

    def check_timeouts(self) -> None:
        if self.state == self.STATE_OPEN and self.application_queue.is_paused:
            self.last_ping = time.time()
        super().check_timeouts()


class WebSocketFactory(ws_protocol.WebSocketFactory):
    protocol = WebSocketProtocol


class Backlog(asyncio.Queue[Message]):
    """Messages the application has not taken yet; above a bound the socket is not read."""

    def __init__(self, protocol: WebSocketProtocol) -> None:
        super().__init__()
        self.is_paused = False
        self._protocol = protocol
        self._bytes = 0

    def _put(self, message: Message) -> None:
        super()._put(message)
        self._bytes += _size(message)
        if not self.is_paused and self._is_over(MOST_WAITING_MESSAGES, MOST_WAITING_BYTES):
            self.is_paused = True
            self._protocol.pause_reading()

    def _get(self) -> Message:
        message = super()._get()
        self._bytes -= _size(message)
        if self.is_paused and not self._is_over(MOST_WAITING_MESSAGES / 2, MOST_WAITING_BYTES / 2):
            self.is_paused = False
            self._protocol.resume_reading()
        return message

    def _is_over(self, messages: float, size: float) -> bool:
        return self.qsize() > messages or self._bytes > size


def _size(message: Message) -> int:
    return len(message.get("text") or message.get("bytes") or b"")


@implementer(IPushProducer)
class Outflow:
    """Whether a socket's peer takes what we send; applications wait while it does not."""

    def __init__(self) -> None:
        self.flowing = asyncio.Event()
        self.flowing.set()

    def pauseProducing(self) -> None:
        self.flowing.clear()

    def resumeProducing(self) -> None:
        self.flowing.set()

    def stopProducing(self) -> None:
        self.flowing.set()


OTHER_HOST = "Write an address of this machine with --host, or 0.0.0.0 for all of them."
WHAT_TO_DO = {
    errno.EADDRINUSE: "End the program that uses the port, or choose another with --port.",
    errno.EADDRNOTAVAIL: OTHER_HOST,
    errno.EACCES: "Ports below 1024 need a permission: choose one above with --port.",
}


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, or say who cannot."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return _listening(socket.socket(family, kind), address)
    except UnicodeError as error:
        raise CannotStart(f"Cannot listen on {host}:{port}: no name. {OTHER_HOST}") from error
    except OSError as error:
        raise CannotStart(
            f"Cannot listen on {host}:{port}: {error.strerror}. {what_to_do(error)}"
        ) from error


def what_to_do(error: OSError) -> str:
    """Return what helps the person whose address cannot be listened on."""
    if isinstance(error, socket.gaierror):  # its numbers are not errno's
        return OTHER_HOST
    return WHAT_TO_DO.get(error.errno or 0, "Choose another --host or --port.")


def _listening(one: socket.socket, address: Any) -> socket.socket:
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(address)
        one.listen(511)
        one.setblocking(False)
    except OSError:
        one.close()
        raise
    return one
