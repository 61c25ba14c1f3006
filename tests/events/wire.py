"""A wire to PostgreSQL that a test can cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from eventfeed.database import dsn


class Wire:
    """Carries bytes between clients and the database until it is cut."""

    def __init__(self) -> None:
        self.port = 0
        self.is_cut = False
        self.refused = 0
        self.cut_before_answer_to: bytes | None = None
        self.flowing = asyncio.Event()
        self.flowing.set()
        # Something was asked while nothing flowed.
        self.asked = asyncio.Event()
        self._carriers: set[asyncio.Task[None]] = set()

    def dsn(self) -> str:
        """The database of the test, through this wire."""
        return make_conninfo(dsn(), host="127.0.0.1", port=self.port)

    def cut(self) -> None:
        self.is_cut = True
        for carrier in self._carriers:
            carrier.cancel()

    def mend(self) -> None:
        self.is_cut = False

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            self.refused += 1
            writer.close()
            return
        there, back = await _to_database()
        asking = asyncio.create_task(self._ask(reader, back))
        answering = asyncio.create_task(_carry(there, writer))
        self._carriers |= {asking, answering}
        with suppress(asyncio.CancelledError):
            await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
        for carrier in (asking, answering):
            carrier.cancel()
            self._carriers.discard(carrier)
        back.close()
        writer.close()

    async def _ask(self, reader: asyncio.StreamReader, database: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self.flowing.is_set():
                self.asked.set()
            await self.flowing.wait()
            database.write(data)
            await database.drain()
            if self.cut_before_answer_to and self.cut_before_answer_to in data:
                self.cut_before_answer_to = None
                return


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def _to_database() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    said = conninfo_to_dict(dsn())
    host, port = str(said.get("host", "localhost")), said.get("port")
    if host.startswith("/"):
        return await asyncio.open_unix_connection(Path(host) / f".s.PGSQL.{port or 5432}")
    return await asyncio.open_connection(host, int(port or 5432))


@asynccontextmanager
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    async with await asyncio.start_server(wire.connect, "127.0.0.1", 0) as server:
        wire.port = server.sockets[0].getsockname()[1]
        yield wire
        wire.cut()
