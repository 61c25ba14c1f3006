"""Live viewers in a process of their own: they check every frame and count every row.

`python -m benchmarks.audience '{"port": 8000, "queries": […], "viewers": 100, "position": "…"}'`
prints "ready", reads until its stdin ends, then prints what the viewers saw.
"""

import asyncio
import json
import subprocess
import sys
import time
from array import array
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime

import msgspec

from benchmarks.machine import p99
from benchmarks.senders import CLOSE, PING, PONG, TEXT, frame, handshake, read_frame

READY_WITHIN = 60


@dataclass(frozen=True)
class Seats:
    port: int
    queries: tuple[str, ...]
    viewers: int
    position: str
    format: str = "html"


@dataclass
class Seen:
    """Rows are told by their `seq`, by query, for the viewers that agree on them."""

    rows: list[list[list[int]]]  # query → the different sets of rows its viewers saw
    twice: int
    torn: int  # frames whose `from` is not the last `to`
    gaps: dict[str, int]  # why → frames
    errors: list[str]
    frames_a_second: float  # of the busiest viewer
    late_p50: float
    late_p99: float
    late_most: float


class Audience:
    def __init__(self, seats: Seats) -> None:
        command = [sys.executable, "-m", "benchmarks.audience", json.dumps(asdict(seats))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("The audience did not find its seats, see above.")

    def end(self) -> Seen:
        told, _ = self._process.communicate(timeout=120)
        return msgspec.json.decode(told, type=Seen)

    def leave(self) -> None:
        self._process.kill()
        self._process.wait()


# What follows runs in the viewers' process.


class Row(msgspec.Struct):
    at: str
    occurred: datetime


class Frame(msgspec.Struct):
    t: str
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    rows: list[Row] = []
    why: str | None = None
    say: str | None = None


decode = msgspec.json.Decoder(Frame).decode


class Viewer:
    def __init__(self, seats: Seats, *, query: int) -> None:
        self.query = query
        self.rows: set[int] = set()
        self.late = array("f")
        self.twice = self.torn = self.frames = 0
        self.gaps: Counter[str] = Counter()
        self.errors: list[str] = []
        self.ready = asyncio.Event()
        self._seats = seats
        self._position: str | None = None

    async def watch(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._seats.port)
        writer.write(handshake("/ws/feed", port=self._seats.port))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(frame(self._subscription()))
        while True:
            kind, data = await read_frame(reader)
            if kind == TEXT:
                self._read(decode(data), now=time.time())
            elif kind == PING:
                writer.write(frame(data, PONG))
            elif kind == CLOSE:
                self.errors.append(f"closed: {data!r}")
                return

    def _subscription(self) -> bytes:
        told = {
            "t": "sub",
            "q": self._seats.queries[self.query],
            "since": None,
            "until": None,
            "from": self._seats.position,
            "mode": "rows",
            "format": self._seats.format,
        }
        return json.dumps(told).encode()

    def _read(self, told: Frame, *, now: float) -> None:
        if told.t == "error":
            self.errors.append(told.say or "?")
        if told.t == "ok":
            self._position = told.from_
            self.ready.set()
        if told.t == "gap":
            self.gaps[told.why or "?"] += 1
        if told.t in ("rows", "gap", "counts"):
            self.frames += 1
            self.torn += told.from_ != self._position
        self._position = told.to or self._position
        for row in told.rows:
            self._see(row, now)

    def _see(self, row: Row, now: float) -> None:
        seq = int(row.at.rpartition(".")[2])
        self.twice += seq in self.rows
        self.rows.add(seq)
        self.late.append(now - row.occurred.timestamp())


async def main(seats: Seats) -> Seen:
    viewers = [Viewer(seats, query=n % len(seats.queries)) for n in range(seats.viewers)]
    watching = [asyncio.create_task(viewer.watch()) for viewer in viewers]
    async with asyncio.timeout(READY_WITHIN):
        await asyncio.gather(*(viewer.ready.wait() for viewer in viewers))
    print("ready", flush=True)
    started = time.monotonic()
    await asyncio.to_thread(sys.stdin.read)
    took = time.monotonic() - started
    for task in watching:
        task.cancel()
    ended = await asyncio.gather(*watching, return_exceptions=True)
    broken = [repr(e) for e in ended if isinstance(e, Exception)]
    return _seen(seats, viewers, took=took, broken=broken)


def _seen(seats: Seats, viewers: list[Viewer], *, took: float, broken: list[str]) -> Seen:
    late = sorted(seconds for viewer in viewers for seconds in viewer.late) or [float("inf")]
    return Seen(
        rows=[
            [list(rows) for rows in {frozenset(v.rows) for v in viewers if v.query == query}]
            for query in range(len(seats.queries))
        ],
        twice=sum(viewer.twice for viewer in viewers),
        torn=sum(viewer.torn for viewer in viewers),
        gaps=dict(sum((viewer.gaps for viewer in viewers), Counter())),
        errors=broken + [error for viewer in viewers for error in viewer.errors],
        frames_a_second=max(viewer.frames for viewer in viewers) / took,
        late_p50=late[len(late) // 2],
        late_p99=p99(late),
        late_most=late[-1],
    )


if __name__ == "__main__":
    seen = asyncio.run(main(Seats(**json.loads(sys.argv[1]))))
    sys.stdout.buffer.write(msgspec.json.encode(seen))
