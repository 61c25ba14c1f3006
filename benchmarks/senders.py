"""The load: a process of its own that sends events and says on stdout what was acknowledged.

`python -m benchmarks.senders '{"how": "posts", "port": 8000, "connections": 8, …}'`
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice

from benchmarks.events import Body, Fresh, arrays, templates

SDK_CHECKPOINT = 700  # Prefect's client pings after as many events
TEXT, PING, PONG, CLOSE = 0x1, 0x9, 0xA, 0x8
NO_MASK = b"\0\0\0\0"


@dataclass(frozen=True)
class Load:
    how: str  # "posts", "socket" or "paced"
    port: int
    connections: int = 8
    batch: int = 200  # events a request; a paced sender's, too
    events: int = 0  # in all; a paced sender counts seconds instead
    rate: float = 0.0  # events a second of a paced sender
    seconds: float = 0.0
    names: tuple[str, ...] = ()


@dataclass
class Outcome:
    acknowledged: int = 0
    seconds: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    first_id: str = ""
    last_id: str = ""
    cpu: float = 0.0  # of one core, the sender's own

    @property
    def rate(self) -> float:
        return self.acknowledged / self.seconds


def start(load: Load) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "benchmarks.senders", json.dumps(asdict(load))]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def finish(sender: "subprocess.Popen[bytes]", *, within: float) -> Outcome:
    try:
        said, _ = sender.communicate(timeout=within)
    finally:
        sender.kill()
    if sender.returncode:
        raise RuntimeError("The sender failed, see above.")
    told = json.loads(said)
    return Outcome(**told | {"refused": Counter(told["refused"])})


def send(load: Load, *, within: float = 180) -> Outcome:
    return finish(start(load), within=within)


# What follows runs in the sender's process.


class Work:
    """What is left to send, shared by all connections."""

    def __init__(self, load: Load) -> None:
        self.ids = Fresh()
        self.outcome = Outcome(first_id=str(self.ids.owns()[0]), last_id=str(self.ids.owns()[1]))
        self._bodies = arrays(load.batch, names=load.names)
        self._left = load.events // load.batch
        self._size = load.batch

    def body(self) -> bytes | None:
        if self._left == 0:
            return None
        self._left -= 1
        return self.fresh_body()

    def fresh_body(self) -> bytes:
        return next(self._bodies).fresh(self.ids)

    def answered(self, answer: bytes) -> None:
        if answer[9:12] == b"204":
            self.outcome.acknowledged += self._size
        else:
            self.outcome.refused[answer[9:12].decode()] += self._size


class Poster(asyncio.Protocol):
    """One keep-alive connection that sends its next request when the last is answered."""

    def __init__(self, work: Work, *, port: int) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self._work = work
        self._port = port
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if answer_complete(self._answer):
            self._work.answered(self._answer)
            self._answer = b""
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(error or ConnectionError("The server hung up."))

    def _send(self) -> None:
        body = self._work.body()
        if body is None:
            self.ended.set_result(None)
            self._transport.close()
        else:
            self._transport.write(request(body, port=self._port))


def request(body: bytes, *, port: int) -> bytes:
    return (
        b"POST /api/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    ) % (port, len(body)) + body


def answer_complete(answer: bytes) -> bool:
    head, found, rest = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(rest) >= int(line[15:])
    return True


async def posts(load: Load, work: Work) -> None:
    loop = asyncio.get_running_loop()
    posters = []
    for _ in range(load.connections):
        _, poster = await loop.create_connection(
            lambda: Poster(work, port=load.port), "127.0.0.1", load.port
        )
        posters.append(poster.ended)
    await asyncio.gather(*posters)


async def paced(load: Load, work: Work) -> None:
    """Send `load.rate` events a second; what was missed in a stall is not made up for."""
    pause = load.batch / load.rate
    turns = [_one_paced(load, work, first=pause * n) for n in range(load.connections)]
    await asyncio.gather(*turns)


async def _one_paced(load: Load, work: Work, *, first: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
    pause = load.connections * load.batch / load.rate
    due = time.monotonic() + first
    until = due + load.seconds
    while due < until:
        await asyncio.sleep(max(0, due - time.monotonic()))
        writer.write(request(work.fresh_body(), port=load.port))
        work.answered(await _answer(reader))
        due = max(due + pause, time.monotonic() - pause)
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    answer = await reader.readuntil(b"\r\n\r\n")
    while not answer_complete(answer):
        more = await reader.read(65_536)
        if not more:
            raise ConnectionError("The server hung up.")
        answer += more
    return answer


async def socket(load: Load, work: Work) -> None:
    each = load.events // load.connections
    ended = [_one_socket(load.port, events=each, work=work) for _ in range(load.connections)]
    await asyncio.gather(*ended)


async def _one_socket(port: int, *, events: int, work: Work) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(handshake("/api/events/in", port=port, protocol="prefect"))
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame(b'{"type":"auth","token":null}'))
    await _until(TEXT, reader, writer)
    blocks = _blocks(SDK_CHECKPOINT)
    for start in range(0, events, SDK_CHECKPOINT):
        block = next(blocks)
        for body in islice(block, events - start):
            writer.write(body.fresh(work.ids))
            await writer.drain()
        writer.write(frame(b"", PING))
        await _until(PONG, reader, writer)
        work.outcome.acknowledged += min(SDK_CHECKPOINT, events - start)
    writer.write(frame(b"\x03\xe8", CLOSE))
    await _until(CLOSE, reader, writer)
    writer.close()


def _blocks(size: int) -> Iterator[list[Body]]:
    pool = templates()
    framed = [
        Body([template], start=frame_head(len(template.body)), between=b"", end=b"")
        for template in pool
    ]
    while True:
        yield [framed[number % len(framed)] for number in range(size)]


async def _until(wanted: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    while True:
        kind, data = await read_frame(reader)
        if kind == wanted:
            return data
        if kind == PING:
            writer.write(frame(data, PONG))
        if kind == CLOSE:
            raise ConnectionError(f"The server closed the socket: {data!r}")


def handshake(path: str, *, port: int, protocol: str | None = None) -> bytes:
    chosen = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: ZXZlbnRmZWVkIGJlbmNoIQ==\r\n"
        f"Sec-WebSocket-Version: 13\r\n{chosen}\r\n"
    ).encode()


def frame(data: bytes, kind: int = TEXT) -> bytes:
    return frame_head(len(data), kind) + data


def frame_head(size: int, kind: int = TEXT) -> bytes:
    """A client's frame, masked with zeros, which costs the server what any mask does."""
    if size < 126:
        return bytes([0x80 | kind, 0x80 | size]) + NO_MASK
    if size < 65_536:
        return bytes([0x80 | kind, 0x80 | 126]) + size.to_bytes(2) + NO_MASK
    return bytes([0x80 | kind, 0x80 | 127]) + size.to_bytes(8) + NO_MASK


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, size = await reader.readexactly(2)
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2))
    elif size == 127:
        size = int.from_bytes(await reader.readexactly(8))
    return kind & 0x0F, await reader.readexactly(size)


HOW = {"posts": posts, "paced": paced, "socket": socket}


async def main(load: Load) -> Outcome:
    work = Work(load)
    started, cpu = time.monotonic(), time.process_time()
    await HOW[load.how](load, work)
    work.outcome.seconds = time.monotonic() - started
    work.outcome.cpu = (time.process_time() - cpu) / work.outcome.seconds
    return work.outcome


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    print(json.dumps(asdict(asyncio.run(main(Load(**told))))))
