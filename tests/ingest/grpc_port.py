"""A gRPC port of ours in the test's own loop, before a recorder whose wire can be cut."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from grpc import aio

from apps.events import recorder as the_recorder
from apps.events import sources
from apps.events.away import in_database
from apps.events.models import Event, Rejection
from apps.events.recorder import Recorder
from apps.ingest.grpc.port import Port
from tests.events.wire import Wire, wire

ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@asynccontextmanager
async def cuttable_recorder(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    """Make the recorder of this process one that does not hold for long, and yield its wire."""
    async with wire() as cuttable:
        ours = Recorder(cuttable.dsn)
        ours.HOLD = 1.0
        monkeypatch.setattr(the_recorder, "_recorder", ours)
        # Sources of the tests before are gone.
        monkeypatch.setattr(sources, "_known", {})
        yield cuttable
        cuttable.mend()
        await ours.close()


@asynccontextmanager
async def port_of(handler: Any, **options: Any) -> AsyncIterator[Any]:
    """Open a port and yield a channel to it."""
    async with (
        opened(Port("127.0.0.1:0", handler, **options)) as port,
        aio.insecure_channel(port.address, options=ANY_SIZE) as channel,
    ):
        yield channel


@asynccontextmanager
async def opened(port: Port) -> AsyncIterator[Port]:
    await port.open()
    try:
        yield port
    finally:
        await port.close()


async def stored() -> list[Event]:
    """Return what was sent to us, without what we tell of ourselves."""
    sent = Event.objects.exclude(system="eventfeed").order_by("tx", "seq")
    return await in_database(lambda: list(sent))


async def rejections() -> list[Rejection]:
    return await in_database(lambda: list(Rejection.objects.order_by("id")))


async def refused(call: Any) -> aio.AioRpcError:
    """Return the error that a call ends with."""
    with pytest.raises(aio.AioRpcError) as error:
        await call
    return error.value
