import asyncio
import signal
from typing import Any

import uvloop
from django.core.management.base import BaseCommand, CommandParser

from apps.events.counters import Teller
from apps.events.recorder import recorder
from eventfeed.database import reach
from eventfeed.environment import server_at
from eventfeed.grpc_ports import GrpcPorts
from eventfeed.serving import collect_less_often
from eventfeed.startup import CannotStart


class Command(BaseCommand):
    help = "Take events by gRPC in a process of its own: Flyte's, and OpenTelemetry's logs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--forward",
            metavar="ADMIN",
            help="pass every call of Flyte's port on to the flyteadmin at this host:port",
        )

    def handle(self, *args: Any, forward: str | None, **options: Any) -> None:
        admin = server_at("--forward", forward) if forward else None
        try:
            reach()
        except CannotStart as error:
            self.stderr.write(f"{error} Waiting for it.")
        collect_less_often()
        uvloop.run(self.serve(GrpcPorts(forward=admin)))

    async def serve(self, ports: GrpcPorts) -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        teller = Teller("grpc")
        await ports.open()
        if not ports:
            raise CannotStart(" ".join(ports.said) or "Both gRPC ports are off, by the settings.")
        for line in ports.said:
            self.stdout.write(line)
        self.stdout.flush()
        teller.start()
        await stopped.wait()
        await ports.close()
        await recorder().close()
        await asyncio.to_thread(teller.stop)
