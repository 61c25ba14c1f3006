import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from eventfeed.server import Server, listen
from tests.eventfeed.conftest import Running
from tests.eventfeed.patient_app import application
from tests.eventfeed.waiting import until

MIB = 1024 * 1024  # the limit of the server of these tests; 3 MIB for all bodies in flight


async def test_a_body_within_the_limit_reaches_the_application(server: Running) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{server.http}/post", content=bytes(MIB))
    assert answer.json() == {"size": MIB}


async def test_a_body_that_says_to_be_too_large_gets_413(server: Running) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{server.http}/post", content=bytes(MIB + 1))
        seen = (await client.get(f"{server.http}/state")).json()["seen"]
    assert answer.status_code == 413
    sentence = "A body may have up to 1,048,576 bytes."
    assert answer.json() == {"detail": sentence, "exception_message": sentence}
    assert seen == []


async def test_a_body_that_turns_out_too_large_gets_413(server: Running) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{server.http}/post", content=pieces(20))
    assert answer.status_code == 413


async def test_a_sender_of_far_too_much_still_reads_why(server: Running) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(f"{server.http}/post", content=bytes(40 * MIB))
    assert answer.status_code == 413


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(64 * 1024)


async def test_all_bodies_together_are_bounded_too(server: Running) -> None:
    half_sent = [unfinished_post(server.port, MIB - 1) for _ in range(3)]
    try:
        refused = await until(lambda: post(server, b"x" * 10), lambda a: a.status_code == 503)
        assert refused.headers["Retry-After"] == "1"
    finally:
        for one in half_sent:
            one.close()
    await until(lambda: post(server, b"x" * 10), lambda answer: answer.status_code == 200)


def unfinished_post(port: int, size: int) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", port))
    one.sendall(b"POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (size + 1))
    one.sendall(bytes(size))
    return one


async def post(server: Running, body: bytes) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(f"{server.http}/post", content=body)


async def test_who_asks_before_sending_is_refused_before_sending(server: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        b"POST /post HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n"
    )
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    writer.close()
    assert head.startswith(b"HTTP/1.1 413 ")


async def test_answers_say_how_long_the_connection_is_kept(server: Running) -> None:
    assert (await post(server, b"")).headers["Keep-Alive"] == "timeout=50"


def test_no_socket_is_ended_for_its_age() -> None:
    with listen("127.0.0.1", 0) as listening:
        server = Server(application, sockets=[listening], most_body=MIB)
    assert server.websocket_timeout == -1


@pytest.mark.parametrize(
    ("request_line", "header"),
    [
        (b"GET /state HTTP/1.1", b"X-\x80: name that is not ASCII"),
        (b"GET /state HTTP/1.1", b"X-Value: a vertical\x0btab"),
        (b"GET /st\xc3\xa4te HTTP/1.1", b"X-Value: fine"),
        (b"GET /state?q=\xc3\xa4 HTTP/1.1", b"X-Value: fine"),
        (b"GET  HTTP/1.1 x", b"X-Value: fine"),
    ],
)
async def test_what_is_no_http_gets_400(
    server: Running, request_line: bytes, header: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request_line + b"\r\nHost: x\r\n" + header + b"\r\n\r\n")
    assert (await asyncio.wait_for(reader.readline(), 60)).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_a_header_with_an_underscore_cannot_pass_for_one_without(server: Running) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            f"{server.http}/headers", headers={"X_Forwarded_For": "forged", "X-Kept": "yes"}
        )
    assert answer.json()["x-kept"] == "yes"
    assert "forged" not in answer.text
