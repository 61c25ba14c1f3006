"""A hundred open pages while 500 events a second arrive, and what they cost; then a crowd.

The crowd is of programs: 200 sockets with fifty queries while 1,000 events a second arrive.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median

import psycopg

from benchmarks import senders
from benchmarks.audience import Audience, Seats, Seen
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Promise
from benchmarks.idle import pss
from benchmarks.machine import Naps
from benchmarks.senders import Load, Outcome
from benchmarks.server import Server, cpu_seconds

VIEWERS = 100
RATE = 500
NAMES = tuple(f"orders.lane{number:02}.moved" for number in range(50))  # 2 % each
SAMPLE_EVERY = 5
SETTLE = 5
STEADY_AFTER = 120  # growth counts from here on: "in the last three of five minutes"

# Query → the lanes it must show, said apart from any code of the query's own.
QUERIES: dict[str, range] = {
    "event:orders.lane00.moved": range(1),
    "event:[orders.lane01.moved,orders.lane02.moved]": range(1, 3),
    "lane03": range(3, 4),
    "event:orders.lane04.*": range(4, 5),
    "event:[orders.lane05.*,orders.lane06.moved,orders.lane07.moved]": range(5, 8),
    "event:orders.lane1* -event:[orders.lane14.*,orders.lane15.*,orders.lane16.*] "
    "-lane17 -lane18 -lane19": range(10, 14),
    "event:[orders.lane20.*,orders.lane21.*,orders.lane22.*]": range(20, 23),
    '"orders lane23 moved"': range(23, 24),
    "event:[orders.lane24.*,orders.lane25.*]": range(24, 26),
    "lane26 -resource:nobody": range(26, 27),
}


FORMS = (
    "event:orders.lane{lane:02}.moved",
    "lane{lane:02}",
    "event:orders.lane{lane:02}.* -outcome:failed",
    '"orders lane{lane:02}"',
    "event:orders.lane{before:02}.moved OR event:orders.lane{lane:02}.moved",
)


def fifty() -> dict[str, range]:
    """Fifty queries, each of 2 or 4 % of the events, written in every way."""
    written = [(FORMS[lane % len(FORMS)], lane) for lane in range(50)]
    return {
        form.format(lane=lane, before=lane - 1): range(lane - (" OR " in form), lane + 1)
        for form, lane in written
    }


@dataclass(frozen=True)
class Crowd:
    """Who looks on, at what, and how fast it happens."""

    viewers: int
    queries: Mapping[str, range]
    rate: int
    batch: int
    seconds: int
    format: str


@dataclass(frozen=True)
class Watched:
    """What they saw of what was sent, and the web process's sizes meanwhile, in MB."""

    seen: Seen
    sent: Outcome
    missed: int
    sizes: list[float]
    noise: bool


def measure(bench: Bench) -> Iterator[Figure]:
    seconds = 30 if bench.quick else 300
    pages = Crowd(VIEWERS, QUERIES, rate=RATE, batch=10, seconds=seconds, format="html")
    watched = _watched(bench, pages)
    yield from _live_figures(pages, watched)
    yield Figure("seen twice", watched.seen.twice, 0, "rows", Promise.AT_MOST)
    yield Figure("frames that do not follow", watched.seen.torn, 0, promise=Promise.AT_MOST)
    yield from _memory_figures(watched.sizes)


def measure_crowd(bench: Bench) -> Iterator[Figure]:
    seconds = 20 if bench.quick else 120
    programs = Crowd(200, fifty(), rate=1_000, batch=20, seconds=seconds, format="json")
    yield from _live_figures(programs, _watched(bench, programs))


def _watched(bench: Bench, crowd: Crowd) -> Watched:
    told = f"{crowd.viewers} viewers, {len(crowd.queries)} queries, {crowd.rate:,} events/s"
    with bench.fresh_server() as server:
        bench.say(f"{told} for {crowd.seconds} s …")
        position = server.ask("from apps.events.log import head_sync; print(head_sync())")
        seats = Seats(server.port, tuple(crowd.queries), crowd.viewers, position, crowd.format)
        audience = Audience(seats)
        load = Load(
            "paced",
            server.port,
            rate=crowd.rate,
            batch=crowd.batch,
            seconds=crowd.seconds,
            names=NAMES,
        )
        try:
            sender = senders.start(load)
            with Naps() as naps:
                sizes, busy = _watch(bench, server, seconds=crowd.seconds)
            sent = senders.finish(sender, within=60)
            time.sleep(SETTLE)
            seen = audience.end()
        finally:
            audience.leave()
        missed = _missed(server.dsn, seen, crowd.queries)
    bench.say(f"  the web process took {busy:.0%} of a core, the sender {sent.cpu:.0%}")
    return Watched(seen, sent, missed, sizes, naps.noise)


def _watch(bench: Bench, server: Server, *, seconds: int) -> tuple[list[float], float]:
    """The web process's size in MB every few seconds, and its share of a core."""
    started, before = time.monotonic(), cpu_seconds(server.web)
    sizes = []
    while time.monotonic() < started + seconds:
        time.sleep(SAMPLE_EVERY)
        sizes.append(pss(server.web))
        if len(sizes) % 12 == 0:
            bench.say(f"  {sizes[-1]:.0f} MB")
    return sizes, (cpu_seconds(server.web) - before) / (time.monotonic() - started)


def _missed(dsn: str, seen: Seen, queries: Mapping[str, range]) -> int:
    """Rows that a query should have shown and some viewer of it did not get, or the reverse."""
    missed = 0
    with psycopg.connect(dsn) as connection:
        for lanes, answers in zip(queries.values(), seen.rows, strict=True):
            found = connection.execute(
                "select seq from event where event = any(%s)", ([NAMES[n] for n in lanes],)
            )
            expected = {seq for (seq,) in found}
            missed += max(len(expected ^ set(answer)) for answer in answers)
    return missed


def _live_figures(crowd: Crowd, watched: Watched) -> Iterator[Figure]:
    seen, of = watched.seen, f"{crowd.viewers} viewers"
    for error, number in list({e: seen.errors.count(e) for e in seen.errors}.items())[:5]:
        yield Figure(f"viewers' error: {error}", number, 0, promise=Promise.AT_MOST)
    rate = crowd.rate * 0.95
    yield Figure(f"sent to {of}", watched.sent.rate, rate, "/s", Promise.AT_LEAST, noise=True)
    note = f"p50 {seen.late_p50 * 1000:.0f} ms, most {seen.late_most * 1000:.0f} ms"
    late = seen.late_p99 * 1000
    yield Figure(f"seen by {of}, p99", late, 1_000, "ms", noise=watched.noise, note=note)
    gaps = f"gaps: {seen.gaps}" if seen.gaps else ""
    yield Figure(f"missed by {of}", watched.missed, 0, "rows", Promise.AT_MOST, note=gaps)
    yield Figure(f"frames to one of {of}", seen.frames_a_second, 10.5, "/s", Promise.AT_MOST)


def _memory_figures(sizes: list[float]) -> Iterator[Figure]:
    yield Figure("web process (PSS)", max(sizes), 250, "MB", Promise.AT_MOST)
    if steady := sizes[STEADY_AFTER // SAMPLE_EVERY :]:
        few = len(steady) // 6
        growth = median(steady[-few:]) - median(steady[:few])
        yield Figure("web process grew in 3 minutes by", growth, 5, "MB", Promise.AT_MOST)
