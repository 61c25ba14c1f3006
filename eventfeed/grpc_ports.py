"""The gRPC doorways of this installation: opened in the running loop, closed before the recorder.

They are optional: without grpcio, or with a port taken, everything else works, and `said` says
what to do about it.
"""

import asyncio
import logging
import os
from importlib.util import find_spec
from typing import Any

from django.conf import settings

logger = logging.getLogger(__name__)

# Read when gRPC is imported. Our children exec at once, so nothing of gRPC has to be readied for
# them; else it writes a line to stderr at each one.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

NO_FLYTEIDL = (
    "Flyte's gRPC is off, because flyteidl is not installed: `make setup` installs it where "
    "Python is older than 3.14."
)


class GrpcPorts:
    """Flyte's and OpenTelemetry's, each where its setting says."""

    def __init__(self, *, forward: str | None = None) -> None:
        self.said: list[str] = []
        self._admin = settings.EVENTFEED_FLYTE_FORWARD if forward is None else forward
        self._forward: Any = None
        self._ports: list[Any] = []

    def __len__(self) -> int:
        return len(self._ports)

    async def open(self) -> None:
        """Open what can be opened, and say what came of it."""
        try:
            if settings.EVENTFEED_FLYTE_GRPC:
                await self._open_flyte(settings.EVENTFEED_FLYTE_GRPC)
            if settings.EVENTFEED_OTLP_GRPC:
                await self._open_otlp(settings.EVENTFEED_OTLP_GRPC)
        except ImportError as missing:
            self.said.append(f"gRPC is off ({missing}): `make setup` installs what it needs.")
        except Exception as error:
            # The pages and doors beside it are there all the same.
            logger.exception("gRPC could not be opened.")
            self.said.append(f"gRPC is off: {error!r}")

    async def close(self) -> None:
        """Finish the calls that are under way, then what they have left to be stored."""
        await asyncio.gather(*(port.close() for port in self._ports))
        if self._forward is not None:
            await self._forward.close()

    async def _open_flyte(self, address: str) -> None:
        from apps.ingest.grpc.flyte import FlyteEvents
        from apps.ingest.grpc.forward import MOST_FORWARDED, Forward
        from apps.ingest.grpc.port import Port

        setting = "EVENTFEED_FLYTE_GRPC"
        if self._admin:
            self._forward = Forward(self._admin)
            port = Port(address, self._forward, most_message=MOST_FORWARDED)
            await self._listen(port, f"Flyte, passed on to {self._admin},", setting)
        elif find_spec("flyteidl") is None:
            self.said.append(NO_FLYTEIDL)
        else:
            port = Port(address, FlyteEvents(local=is_local(address)))
            await self._listen(port, "Flyte", setting)

    async def _open_otlp(self, address: str) -> None:
        from apps.ingest.grpc.otlp import OtlpLogs
        from apps.ingest.grpc.port import Port

        port = Port(address, OtlpLogs(local=is_local(address)))
        await self._listen(port, "OpenTelemetry", "EVENTFEED_OTLP_GRPC")

    async def _listen(self, port: Any, whose: str, setting: str) -> None:
        from apps.ingest.grpc.port import CannotListen

        try:
            await port.open()
        except CannotListen as error:
            self.said.append(
                f"{whose} has no gRPC at {port.address}: {error}. "
                f"Set {setting} to another host:port, or to off."
            )
        else:
            self._ports.append(port)
            self.said.append(f"{whose} has gRPC at {port.address}")


def is_local(address: str) -> bool:
    """Whether who reaches the address needs no token, as on the pages of local mode."""
    from apps.ingest.grpc.port import is_loopback

    return settings.EVENTFEED_AUTH == "off" or (settings.EMBEDDED and is_loopback(address))
