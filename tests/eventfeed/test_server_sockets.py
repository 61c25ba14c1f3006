import asyncio
import signal
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from tests.eventfeed.conftest import Running
from tests.eventfeed.waiting import PATIENCE, until

MIB = 1024 * 1024


async def state(server: Running) -> dict[str, Any]:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{server.http}/state")).json()


async def seen(server: Running) -> list[str]:
    return (await state(server))["seen"]


async def release(server: Running) -> None:
    async with httpx.AsyncClient() as client:
        await client.post(f"{server.http}/release")


async def test_a_ping_is_answered_after_the_messages_before_it(server: Running) -> None:
    async with connect(f"{server.ws}/acknowledging") as socket:
        await socket.send("an event")
        pong = asyncio.ensure_future(await socket.ping())
        await until(lambda: seen(server), lambda seen: seen == ["8"])
        assert not pong.done()
        await release(server)
        await asyncio.wait_for(pong, PATIENCE)


async def test_a_close_is_answered_after_the_messages_before_it(server: Running) -> None:
    socket = await connect(f"{server.ws}/acknowledging", close_timeout=PATIENCE)
    await socket.send("an event")
    closing = asyncio.create_task(socket.close(1001, "at exit"))
    await until(lambda: seen(server), lambda seen: seen == ["8"])
    assert not closing.done()
    await release(server)
    await asyncio.wait_for(closing, PATIENCE)
    assert await seen(server) == ["8", "closing 1001 at exit", "disconnected"]
    assert socket.protocol.close_rcvd is not None
    assert socket.protocol.close_rcvd.code == 1000


async def test_what_comes_behind_a_close_is_not_heard(server: Running) -> None:
    await release(server)
    async with connect(f"{server.ws}/acknowledging") as socket:
        await socket.close()
    assert (await seen(server))[-2:] == ["closing 1000 ", "disconnected"]


async def test_an_application_that_does_not_ask_is_answered_for(server: Running) -> None:
    socket = await connect(f"{server.ws}/stock", close_timeout=PATIENCE)
    await socket.send("never taken")
    await asyncio.wait_for(await socket.ping(), PATIENCE)
    await asyncio.wait_for(socket.close(), PATIENCE)


async def test_a_message_may_have_16_mib(server: Running) -> None:
    await release(server)
    async with connect(f"{server.ws}/acknowledging") as socket:
        await socket.send(bytes(16 * MIB))
        await asyncio.wait_for(await socket.ping(), PATIENCE)
    assert (await seen(server))[0] == str(16 * MIB)


async def test_a_larger_message_ends_with_1009(server: Running) -> None:
    async with connect(f"{server.ws}/acknowledging") as socket:
        await asyncio.wait({asyncio.create_task(socket.send(bytes(16 * MIB + 1)))})
        await asyncio.wait_for(socket.wait_closed(), PATIENCE)
    assert socket.close_code == 1009


async def test_a_socket_is_not_read_faster_than_it_is_handled(server: Running) -> None:
    async with connect(f"{server.ws}/acknowledging", ping_interval=None) as socket:
        sending = asyncio.create_task(send_many(socket, 6_000))
        await until(lambda: seen(server), bool)
        done, _ = await asyncio.wait({sending}, timeout=2)
        assert not done  # 60 MB do not fit in the buffers between us
        await release(server)
        await asyncio.wait_for(sending, PATIENCE)
        await until(lambda: seen(server), lambda seen: len(seen) == 6_000)


async def test_a_socket_that_is_not_read_is_not_dropped_for_its_silence(server: Running) -> None:
    # The server of these tests pings after 0.2 s and expects its answer within 0.5 s.
    async with connect(f"{server.ws}/acknowledging", ping_interval=None) as socket:
        sending = asyncio.create_task(send_many(socket, 6_000))
        await asyncio.wait({sending}, timeout=3)
        await release(server)
        await asyncio.wait_for(sending, PATIENCE)
        await asyncio.wait_for(await socket.ping(), PATIENCE)


async def send_many(socket: Any, count: int) -> None:
    for _ in range(count):
        await socket.send(bytes(10_000))


async def test_sending_waits_for_a_slow_viewer(server: Running) -> None:
    async with connect(f"{server.ws}/talking", max_queue=1, close_timeout=0) as socket:
        stuck = await until(lambda: still(server), bool)
        assert stuck < 20 * MIB
        received = 0
        while received < stuck + 10 * MIB:
            received += len(await asyncio.wait_for(socket.recv(), PATIENCE))


async def test_a_patient_application_keeps_a_reader_that_answers_no_ping(server: Running) -> None:
    async with connect(f"{server.ws}/waiting", max_queue=1, ping_interval=None) as socket:
        await asyncio.sleep(2)
        for _ in range(50):
            await asyncio.wait_for(socket.recv(), PATIENCE)


async def test_why_a_socket_is_closed_is_told_as_far_as_there_is_room(server: Running) -> None:
    async with connect(f"{server.ws}/refusing") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), PATIENCE)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "é" * 61)


async def still(server: Running) -> int:
    """Return what has been sent when no more is."""
    before = (await state(server))["sent"]
    await asyncio.sleep(0.3)
    return before if before and before == (await state(server))["sent"] else 0


async def test_a_socket_nobody_serves_any_more_is_closed(server: Running) -> None:
    async with connect(f"{server.ws}/leaving") as socket:
        with pytest.raises(ConnectionClosedOK):
            await asyncio.wait_for(socket.recv(), PATIENCE)


async def test_an_application_that_fails_ends_its_socket_with_1011(server: Running) -> None:
    async with connect(f"{server.ws}/failing") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011


async def test_at_sigterm_what_has_arrived_is_handled_first(server: Running) -> None:
    async with httpx.AsyncClient() as client, connect(f"{server.ws}/acknowledging") as socket:
        await client.get(f"{server.http}/state")  # opens the connection that is used below
        await socket.send("an event")
        pong = asyncio.ensure_future(await socket.ping())
        await until(lambda: seen(server), lambda seen: seen == ["8"])
        server.process.send_signal(signal.SIGTERM)
        await until(lambda: is_listening(server), lambda listening: not listening)
        assert not pong.done()
        await client.post(f"{server.http}/release")
        await asyncio.wait_for(pong, PATIENCE)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert await asyncio.to_thread(server.process.wait, PATIENCE) == 0
    assert server.output.read() == "flushed\n"


async def is_listening(server: Running) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True
