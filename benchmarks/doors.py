"""How fast the doors of OpenLineage, OpenTelemetry and Flyte take events, and how fast we read."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import psycopg

from benchmarks.bench import Bench
from benchmarks.callers import Calls, call
from benchmarks.dialects import BATCH, RECORDS
from benchmarks.figures import Figure, Promise
from benchmarks.ingest import CATCH_UP_WITHIN, wait_for_followers
from benchmarks.machine import Naps
from benchmarks.senders import Outcome
from benchmarks.server import Server
from benchmarks.spent import Spent

# Drafts a second of a core, decoding included.
ADAPTERS = {
    "OpenLineage": 8_000,
    "OTLP JSON": 20_000,
    "OTLP protobuf": 20_000,
    "Flyte JSON": 20_000,
    "Flyte protobuf": 10_000,
}
READING = "from benchmarks.reading import reading_rate;"


@dataclass(frozen=True)
class Door:
    name: str
    calls: Calls
    promised: float


def measure(bench: Bench) -> Iterator[Figure]:
    with bench.fresh_server() as server:
        for name, promised in ADAPTERS.items():
            yield _adapter(bench, server, name, promised)
        for door in doors(server, quick=bench.quick):
            bench.say(f"{door.name} …")
            call(door.calls)  # warm-up
            runs = [_run(bench, server, door.calls) for _ in range(bench.runs)]
            yield _figure(door, runs)


def doors(server: Server, *, quick: bool) -> list[Door]:
    times = 1 if quick else 6
    http, grpc = server.port, server.flyte_port
    return [
        Door("OpenLineage posts, one event each", Calls("OpenLineage", http, 1_000 * times), 1_000),
        Door(
            f"OpenLineage posts, {BATCH} a batch",
            Calls("OpenLineage, 100 a batch", http, 30 * times),
            2_500,
        ),
        Door(
            f"OTLP/HTTP posts, {RECORDS} a batch", Calls("OTLP protobuf", http, 12 * times), 5_000
        ),
        Door(
            "Flyte gRPC, 8 channels of 8 calls",
            Calls("Flyte protobuf", grpc, 2_000 * times, in_flight=8, grpc=True),
            2_000,
        ),
    ]


def _adapter(bench: Bench, server: Server, name: str, promised: float) -> Figure:
    rates = []
    for _ in range(bench.runs):
        bench.measure_yardstick(server)
        rates.append(float(server.ask(f"{READING} print(reading_rate({name!r}))")))
    return Figure(f"{name}, read", median(rates), promised, "/s", Promise.AT_LEAST)


@dataclass(frozen=True)
class Run:
    outcome: Outcome
    noise: bool
    others: float


def _run(bench: Bench, server: Server, calls: Calls) -> Run:
    wait_for_followers(server.dsn, within=CATCH_UP_WITHIN)
    bench.measure_yardstick(server)
    before = events_in(server.dsn)
    with Naps() as naps, Spent(server) as spent:
        outcome = call(calls)
    stored = events_in(server.dsn) - before
    if stored != outcome.acknowledged:
        raise AssertionError(f"{outcome.acknowledged:,} acknowledged, {stored:,} stored.")
    bench.say(
        f"  {outcome.rate:,.0f}/s, refused {dict(outcome.refused)}, caller {outcome.cpu:.0%},"
        f" a 10 ms nap overshot {naps.p95:.0f} ms at p95{' · noise' if naps.noise else ''}"
    )
    bench.say(f"    of a core: {spent.told(outcome.acknowledged)}")
    return Run(outcome, naps.noise, spent.others)


def _figure(door: Door, runs: list[Run]) -> Figure:
    clean = [run for run in runs if not run.noise]
    rate = median(run.outcome.rate for run in clean or runs)
    others = median(run.others for run in runs)
    note = f"{len(clean)}/{len(runs)} clean, others {others:.0%} of a core"
    return Figure(door.name, rate, door.promised, "/s", Promise.AT_LEAST, not clean, note)


def events_in(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select count(*) from event").fetchone()
    assert row
    return int(row[0])
