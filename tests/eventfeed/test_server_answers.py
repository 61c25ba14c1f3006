"""Answers of many parts: no faster than they are taken, and never whole when they are not."""

import socket

import httpx
import pytest

from eventfeed.server import MIB
from tests.eventfeed.conftest import Running
from tests.eventfeed.waiting import until

WHOLE = 1_000 * 64 * 1024
# What the kernel and the two ends may hold between them.
MOST_BETWEEN = 16 * MIB


def asking(server: Running, path: str, version: str = "1.1") -> socket.socket:
    one = socket.create_connection(("127.0.0.1", server.port))
    one.sendall(f"GET {path} HTTP/{version}\r\nHost: x\r\n\r\n".encode())
    return one


async def sent(server: Running) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{server.http}/state")).json()["sent"]


async def test_a_client_that_takes_all_gets_all(server: Running) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.get(f"{server.http}/streaming")
    assert len(answer.content) == WHOLE


async def test_a_connection_is_good_for_more_than_one_answer_of_many_parts(
    server: Running,
) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        for _ in range(2):
            answer = await client.get(f"{server.http}/streaming")
            assert len(answer.content) == WHOLE


async def test_nothing_is_made_for_a_client_that_does_not_take(server: Running) -> None:
    with asking(server, "/streaming") as slow:
        before = await until(lambda: sent(server), lambda size: size > 0)
        # It has stopped when nothing more is made while a hundred other requests are answered.
        for _ in range(100):
            after = await sent(server)
        assert before <= after < MOST_BETWEEN
        slow.settimeout(60)
        while (await sent(server)) < WHOLE:
            assert slow.recv(1_000_000)


async def test_an_answer_that_was_not_finished_has_no_end(server: Running) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        async with httpx.AsyncClient(timeout=60) as client:
            await client.get(f"{server.http}/unfinished")


async def test_nor_has_it_one_where_the_end_is_the_end_of_the_connection(server: Running) -> None:
    with asking(server, "/unfinished", version="1.0") as old:
        old.settimeout(60)
        with pytest.raises(ConnectionResetError):
            all_of(old)


def all_of(one: socket.socket) -> bytes:
    return b"".join(iter(lambda: one.recv(1_000), b""))
