"""The load on a door: a process of its own that sends messages and says what was acknowledged.

`python -m benchmarks.callers '{"dialect": "OTLP JSON", "port": 8200, "messages": 100, …}'`
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.dialects import MADE, fresh
from benchmarks.senders import Outcome, answer_complete, finish

ACCEPTED = {b"200", b"201", b"204"}


@dataclass(frozen=True)
class Calls:
    dialect: str
    port: int
    messages: int
    connections: int = 8
    in_flight: int = 1  # on each connection; more than one only by gRPC
    grpc: bool = False


def call(calls: Calls, *, within: float = 180) -> Outcome:
    command = [sys.executable, "-m", "benchmarks.callers", json.dumps(asdict(calls))]
    return finish(subprocess.Popen(command, stdout=subprocess.PIPE), within=within)


# What follows runs in the caller's process.


class Left:
    """How many messages are left to send, shared by all connections."""

    def __init__(self, calls: Calls) -> None:
        self.messages = fresh(calls.dialect)
        self.outcome = Outcome(refused=Counter())
        self._left = calls.messages

    def next(self) -> bytes | None:
        if self._left == 0:
            return None
        self._left -= 1
        return self.messages.body()

    def accepted(self) -> None:
        self.outcome.acknowledged += self.messages.events

    def refused(self, status: str) -> None:
        self.outcome.refused[status] += self.messages.events


async def post(calls: Calls, left: Left) -> None:
    dialect = MADE[calls.dialect]
    reader, writer = await asyncio.open_connection("127.0.0.1", calls.port)
    head = (
        f"POST {dialect.path} HTTP/1.1\r\nHost: 127.0.0.1:{calls.port}\r\n"
        f"Content-Type: {dialect.content_type}\r\nContent-Length: "
    ).encode()
    while (body := left.next()) is not None:
        writer.write(head + str(len(body)).encode() + b"\r\n\r\n" + body)
        status = await _status(reader)
        if status in ACCEPTED:
            left.accepted()
        else:
            left.refused(status.decode())
    writer.close()


async def _status(reader: asyncio.StreamReader) -> bytes:
    answer = await reader.readuntil(b"\r\n\r\n")
    while not answer_complete(answer):
        more = await reader.read(65_536)
        if not more:
            raise ConnectionError("The server hung up.")
        answer += more
    return answer[9:12]


async def call_grpc(calls: Calls, left: Left) -> None:
    from grpc import aio

    # Without a pool of its own each channel would share one connection with the others.
    own = [("grpc.use_local_subchannel_pool", 1)]
    async with aio.insecure_channel(f"127.0.0.1:{calls.port}", options=own) as channel:
        method = channel.unary_unary(MADE[calls.dialect].path, None, None)
        await asyncio.gather(*(_one_after_the_other(method, left) for _ in range(calls.in_flight)))


async def _one_after_the_other(method: Callable[..., Any], left: Left) -> None:
    from grpc import aio

    while (body := left.next()) is not None:
        try:
            await method(body, wait_for_ready=True)
        except aio.AioRpcError as error:
            left.refused(error.code().name)
        else:
            left.accepted()


async def main(calls: Calls) -> Outcome:
    left = Left(calls)
    way = call_grpc if calls.grpc else post
    started, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(way(calls, left) for _ in range(calls.connections)))
    left.outcome.seconds = time.monotonic() - started
    left.outcome.cpu = (time.process_time() - cpu) / left.outcome.seconds
    return left.outcome


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(main(Calls(**json.loads(sys.argv[1])))))))
