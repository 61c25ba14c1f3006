"""The web server of this installation: its socket, its application, its end."""

import asyncio
import gc
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings

from eventfeed.grpc_ports import GrpcPorts
from eventfeed.server import Server, listen

ANY_HOST = ("", "0.0.0.0", "::")  # noqa: S104


@dataclass
class Website:
    """A socket that listens already, so that a taken port is known before anything starts."""

    socket: socket.socket
    host: str
    ip: str
    port: int
    grpc: GrpcPorts = field(default_factory=GrpcPorts)

    @classmethod
    def at(cls, host: str, port: int) -> "Website":
        listening = listen(host, port)
        ip, port = listening.getsockname()[:2]
        return cls(listening, host, ip, port)

    @property
    def address(self) -> str:
        host = "127.0.0.1" if self.host in ANY_HOST else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def known_as(self) -> str:
        """The address for those who are not at this machine, where one is known."""
        names = [
            name
            for name in settings.ALLOWED_HOSTS
            if name not in settings.LOOPBACK_HOSTS and not name.startswith(".")
        ]
        if self.host in ANY_HOST and names:
            return f"http://{names[0]}:{self.port}"
        return self.address

    @property
    def is_local(self) -> bool:
        """Whether nobody but programs of this machine can reach it and the data is ours."""
        return settings.EMBEDDED and ipaddress.ip_address(self.ip).is_loopback

    def serve(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve until SIGINT or SIGTERM."""
        settings.LOCAL_MODE = settings.LOCAL_MODE or self.is_local
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.host not in ANY_HOST and host not in settings.ALLOWED_HOSTS:
            settings.ALLOWED_HOSTS.append(host)
        # Imported here: it sets up the application, which takes a moment.
        from apps.events.counters import Teller
        from apps.ingest.doorways import most_body, refusal
        from eventfeed.asgi import application

        self._teller = Teller("web")
        collect_less_often()
        Server(
            application,
            sockets=[self.socket],
            most_body=most_body(),
            refusal=refusal,
            on_ready=lambda: self._begin(on_ready),
            on_finish=self._end,
        ).run()

    def _begin(self, on_ready: Callable[[], None]) -> None:
        self._opening = asyncio.ensure_future(self._open(on_ready))

    async def _open(self, on_ready: Callable[[], None]) -> None:
        await self.grpc.open()
        self._teller.start()
        on_ready()

    async def _end(self) -> None:
        from apps.events.recorder import recorder

        await self._opening
        await self.grpc.close()
        await recorder().close()
        await asyncio.to_thread(self._teller.stop)


def collect_less_often() -> None:
    """Leave what start-up made to itself, and look for cycles in the rest less often.

    Each event makes many objects and hardly a cycle. Measured on posts of one event each: 420
    instead of 505 µs of this process an event; in batches of 200, 107 instead of 122.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
