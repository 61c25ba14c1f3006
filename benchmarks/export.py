"""How fast all events leave by an export, and whether the server's memory stays as it is."""

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from benchmarks import seed
from benchmarks.bench import Bench
from benchmarks.events import Body, Fresh, templates
from benchmarks.figures import Figure, Promise
from benchmarks.server import Server

MIB = 1024 * 1024
PIECE = 256 * 1024
RATE = 10_000
GROWTH = 64  # MiB, however many events it is
QUICK_BATCHES = 60
BATCH = 500

EXPORTS = {
    "NDJSON, everything": ("ndjson", ""),
    "CSV, everything": ("csv", ""),
    "NDJSON, one kind of event": ("ndjson", "event:prefect.task-run.*"),
}


def measure(bench: Bench) -> Iterator[Figure]:
    with holding(bench) as server:
        server.get("/export?q=zeppelin")
        growth = 0.0
        for name, (form, query) in EXPORTS.items():
            # They take minutes, in which a machine changes.
            bench.measure_yardstick(server)
            events, seconds, grown = take(server, form, query)
            growth = max(growth, grown)
            note = f"{events:,} events in {seconds:.1f} s"
            yield Figure(
                f"export: {name}", events / seconds, RATE, "events/s", Promise.AT_LEAST, note=note
            )
        yield Figure("export: the server's memory grows by", growth, GROWTH, "MiB", Promise.AT_MOST)


@contextmanager
def holding(bench: Bench) -> Iterator[Server]:
    """A server with a million events, or in a quick run with a few."""
    if not bench.quick:
        with seed.stored(bench) as server:
            yield server
        return
    with bench.fresh_server() as server:
        body, ids = Body(templates()[:BATCH], start=b"[", between=b",", end=b"]"), Fresh()
        for _ in range(QUICK_BATCHES):
            server.post("/api/events", body.fresh(ids))
        yield server


def take(server: Server, form: str, query: str) -> tuple[int, float, float]:
    """Take a whole export; return its lines, how long it took, and by how much memory grew."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    before = most = server.web.memory_info().rss
    started = time.monotonic()
    connection.request("GET", f"/export?format={form}&q={quote(query)}")
    answer = connection.getresponse()
    if answer.status != 200:
        raise AssertionError(f"{answer.status} for {query!r}: {answer.read(500)!r}")
    lines = 0
    while piece := answer.read(PIECE):
        lines += piece.count(b"\n")
        most = max(most, server.web.memory_info().rss)
    return lines, time.monotonic() - started, (most - before) / MIB
