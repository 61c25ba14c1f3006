"""Where this process may go: to the open internet, elsewhere only when it was allowed.

What is looked at is each connection as it is made, whatever library makes it and whatever a name
stood for before: Python tells its audit hooks of every connect, and an exception prevents it.
"""

import ipaddress
import socket
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

NAT64 = ipaddress.ip_network("64:ff9b::/96")
LAST_32_BITS = 0xFFFF_FFFF
# No library that sends a message needs a program, or a port of its own.
NEVER = frozenset(
    {
        *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"),
        *("os.startfile", "pty.spawn", "socket.bind"),
    }
)
CODE = tuple(
    str(Path(folder)) + "/"
    for folder in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib")),
        str(Path(__file__).resolve().parents[3]),
        "/usr/share/zoneinfo",
    }
)
# What is read of the system when a message is put together.
SYSTEM = frozenset({"/etc/mime.types", "/dev/null", "/dev/urandom"})
WRITES = "wax+"


class NotAllowed(PermissionError):
    """An address, or anything else, that who sends a message may not have."""


@dataclass
class Going:
    """One request: whether it may go to private addresses, and where it was kept from going."""

    private: bool = False
    refused: list[str] = field(default_factory=list)


_going: ContextVar[Going | None] = ContextVar("going", default=None)


@contextmanager
def going(*, private: bool) -> Iterator[Going]:
    """Say what the request may that is made inside."""
    going = Going(private)
    token = _going.set(going)
    try:
        yield going
    finally:
        _going.reset(token)


def guard() -> None:
    """Keep this process to it from now on; nothing takes that back."""
    sys.addaudithook(_heard)


def is_open(address: str) -> bool:
    """Tell whether an address is one of the open internet, however it is written."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        # A name: what it stands for would be found out after this look.
        return False
    return all(one.is_global and not one.is_multicast for one in _meant(ip))


def _meant(ip: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """Return an address with those that are inside of it."""
    if isinstance(ip, IPv4Address):
        return [ip]
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    if ip.sixtofour:
        return [ip, ip.sixtofour]
    if ip.teredo:
        return [ip, *ip.teredo]
    if ip in NAT64:
        return [IPv4Address(int(ip) & LAST_32_BITS)]
    return [ip]


def _heard(event: str, args: tuple[Any, ...]) -> None:
    if event in NEVER:
        raise NotAllowed(f"{event} is not for who sends a message.")
    if look := LOOKS.get(event):
        look(args)


def _connects(args: tuple[Any, ...]) -> None:
    sock, address = args
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        _refuse(str(address))
    host, port, *_ = address
    now = _going.get()
    if not (now and now.private) and not is_open(str(host)):
        _refuse(f"{host}:{port}")


def _sends(args: tuple[Any, ...]) -> None:
    """Look where a datagram goes; one on a connection has no address."""
    if args[1] is not None:
        _connects(args)


def _opens(args: tuple[Any, ...]) -> None:
    """Let a message be put together without any file but those that programs are made of."""
    path, mode, _ = args
    if _going.get() is None or isinstance(path, int):
        return
    name = path.decode(errors="replace") if isinstance(path, bytes) else str(path)
    is_written = isinstance(mode, str) and any(letter in mode for letter in WRITES)
    if is_written or not (name in SYSTEM or name.startswith(CODE) or name.startswith("<")):
        raise NotAllowed(f"{name} is a file of this machine.")


def _refuse(address: str) -> None:
    if now := _going.get():
        now.refused.append(address)
    raise NotAllowed(f"{address} is not an address of the open internet.")


LOOKS: dict[str, Callable[[tuple[Any, ...]], None]] = {
    "socket.connect": _connects,
    "socket.sendto": _sends,
    "socket.sendmsg": _sends,
    "open": _opens,
}
