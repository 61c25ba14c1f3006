"""An address on which gRPC is spoken, in the loop that opens it."""

import ipaddress
import socket
from socket import SOCK_STREAM as STREAM
from typing import Any

from grpc import aio

from apps.ingest.grpc.room import MEBIBYTE

OPTIONS = [
    ("grpc.max_send_message_length", -1),
    # Else two processes would share a port, and each call would reach one of them by chance.
    ("grpc.so_reuseport", 0),
    # Clients behind load balancers ping often; gRPC's own patience is a ping in 5 minutes.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
]
# After it is decompressed too: gRPC stops there.
MOST_MESSAGE = 64 * MEBIBYTE
LEAVE_SECONDS = 5


class CannotListen(Exception):
    """Somebody else has the address, or nobody can have it; says why."""


class Port:
    """A gRPC server on one address. What it has not finished when it closes, is cancelled."""

    def __init__(self, address: str, handler: Any, *, most_message: int = MOST_MESSAGE) -> None:
        self.host, _, port = address.rpartition(":")
        self.number = int(port)
        self._handler = handler
        self._options = [("grpc.max_receive_message_length", most_message), *OPTIONS]

    @property
    def address(self) -> str:
        return f"{self.host}:{self.number}"

    async def open(self) -> None:
        """Listen and serve; raises CannotListen."""
        self._probe()
        self._server = aio.server(handlers=[self._handler], options=self._options)
        try:
            self.number = self._server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise CannotListen(str(error)) from error
        await self._server.start()

    async def close(self) -> None:
        """Take no more calls, and finish those that are under way."""
        await self._server.stop(LEAVE_SECONDS)

    def _probe(self) -> None:
        """Look whether the address is free: gRPC would write its own lines to stderr."""
        try:
            host = self.host.strip("[]")
            family, kind, *_, address = socket.getaddrinfo(host, self.number, type=STREAM)[0]
            with socket.socket(family, kind) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind(address)
                one.listen()
        except OSError as error:
            raise CannotListen(error.strerror or str(error)) from error


def is_loopback(address: str) -> bool:
    """Whether nobody but programs of this machine can reach `host:port`."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
