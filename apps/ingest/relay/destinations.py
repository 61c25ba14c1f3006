"""Where our own requests may go: to the world, and to private addresses only when allowed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx


class NotAllowed(httpcore.ConnectError):
    """A private address that nobody has allowed."""


class CheckedBackend(httpcore.SyncBackend):
    """Connects to what a name stands for at this moment, after looking at each address."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = frozenset(allowed)

    def connect_tcp(self, host: str, port: int, *told: Any, **more: Any) -> httpcore.NetworkStream:
        if host in self.allowed:
            return super().connect_tcp(host, port, *told, **more)
        # The address that was looked at is the one that is called: a name can change in between.
        return super().connect_tcp(global_address(host, port), port, *told, **more)


def global_address(host: str, port: int) -> str:
    """Return the first address of a host; raises NotAllowed unless all are in the open internet."""
    try:
        found = [entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError as error:
        raise httpcore.ConnectError(f"{host} has no address: {error}") from error
    for address in found:
        if not ipaddress.ip_address(str(address)).is_global:
            say = f"{host} is a private address; EVENTFEED_ALLOWED_DESTINATIONS may name it."
            raise NotAllowed(say)
    return str(found[0])


def transport(*, allowed: Iterable[str]) -> httpx.HTTPTransport:
    """Return a transport that keeps to this; proxies of the environment are not asked."""
    made = httpx.HTTPTransport()
    # httpx has no public way to give its pool another backend.
    made._pool = httpcore.ConnectionPool(
        ssl_context=httpx.create_ssl_context(), network_backend=CheckedBackend(allowed)
    )
    return made
