"""How fast events are committed, how far followers fall behind, how wide the index is."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import psycopg

from benchmarks import senders
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Promise
from benchmarks.machine import Naps
from benchmarks.senders import Load, Outcome
from benchmarks.server import Server
from benchmarks.spent import Spent

CATCH_UP_WITHIN = 120


@dataclass(frozen=True)
class Way:
    name: str
    load: Load
    promised: float
    slowest: float | None = None


@dataclass(frozen=True)
class Run:
    outcome: Outcome
    late: float  # p95 of the naps beside it, ms
    noise: bool
    behind: int
    catch_up: float  # seconds
    others: float  # what programs that have no part in it took of a core


def measure(bench: Bench) -> Iterator[Figure]:
    with bench.fresh_server() as server:
        for way in ways(server.port, quick=bench.quick):
            bench.say(f"{way.name} …")
            senders.send(way.load)  # warm-up
            wait_for_followers(server.dsn, within=CATCH_UP_WITHIN)
            runs = [_run(bench, server, way.load) for _ in range(bench.runs)]
            yield from _figures(way, runs)
        yield _lexemes(server.dsn)


def ways(port: int, *, quick: bool) -> list[Way]:
    many, few = (4_000, 1_200) if quick else (40_000, 9_600)
    return [
        Way("posts, 200 a batch", Load("posts", port, batch=200, events=many), 5_000),
        Way("posts, one event each", Load("posts", port, batch=1, events=few), 1_500, 1_200),
        Way("socket", Load("socket", port, events=many), 5_000),
    ]


def _run(bench: Bench, server: Server, load: Load) -> Run:
    bench.measure_yardstick(server)
    with Naps() as naps, Spent(server) as spent:
        outcome = senders.send(load)
        behind, started = most_behind(server.dsn), time.monotonic()
        wait_for_followers(server.dsn, within=CATCH_UP_WITHIN)
        caught_up = time.monotonic()
    run = Run(outcome, naps.p95, naps.noise, behind, caught_up - started, spent.others)
    stored = stored_of(server.dsn, outcome)
    if stored != outcome.acknowledged:
        raise AssertionError(f"{outcome.acknowledged:,} acknowledged, {stored:,} stored.")
    bench.say(
        f"  {outcome.rate:,.0f}/s, refused {dict(outcome.refused)}, a 10 ms nap overshot"
        f" {run.late:.0f} ms at p95, {behind:,} behind, {run.catch_up:.1f} s to catch up"
        f"{' · noise' if run.noise else ''}"
    )
    bench.say(f"    of a core: {spent.told(outcome.acknowledged)}")
    return run


def _figures(way: Way, runs: list[Run]) -> Iterator[Figure]:
    clean = [run for run in runs if not run.noise]
    counted = clean or runs
    rates = [run.outcome.rate for run in counted]
    note = f"{len(clean)}/{len(runs)} clean, others {median(r.others for r in runs):.0%} of a core"
    at_least, noise = Promise.AT_LEAST, not clean
    yield Figure(way.name, median(rates), way.promised, "/s", at_least, noise, note)
    if way.slowest:
        yield Figure(f"{way.name}, slowest", min(rates), way.slowest, "/s", at_least, noise)
    yield Figure(f"{way.name}, behind", max(run.behind for run in runs), unit="events")
    yield Figure(f"{way.name}, catch-up", max(run.catch_up for run in runs), unit="s")


def most_behind(dsn: str) -> int:
    """How many events the slowest follower has not seen."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "select max((select count(*) from event e where (e.tx, e.seq) > (f.tx, f.seq)))"
            " from follower f"
        ).fetchone()
    return (row and row[0]) or 0


def wait_for_followers(dsn: str, *, within: float) -> None:
    until = time.monotonic() + within
    while most_behind(dsn) and time.monotonic() < until:
        time.sleep(0.25)


def stored_of(dsn: str, outcome: Outcome) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "select count(*) from event where id between %s and %s",
            (outcome.first_id, outcome.last_id),
        ).fetchone()
    assert row
    return row[0]


def _lexemes(dsn: str) -> Figure:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "select (select avg(length(terms)) from (select terms from event limit 5000) few),"
            " sum(pg_table_size(relid)) / (select count(*) from event),"
            " sum(pg_indexes_size(relid)) / (select count(*) from event)"
            " from pg_partition_tree('event') where isleaf"
        ).fetchone()
    assert row
    note = f"{row[1]:,.0f} bytes an event in the table, {row[2]:,.0f} in its indexes"
    return Figure("lexemes an event", float(row[0]), note=note)
