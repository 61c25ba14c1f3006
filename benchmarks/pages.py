"""How soon the feed page answers when a million events are stored, or many more."""

import http.client
import time
from collections.abc import Iterator
from urllib.parse import quote

import psycopg

from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.machine import Naps, p95
from benchmarks.seed import stored

WARM_UP = 5


def measure(bench: Bench) -> Iterator[Figure]:
    times = 40 if bench.quick else 100
    with stored(bench) as server:
        bench.measure_yardstick(server)
        pages = _pages(server.dsn)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for query in pages.values():
            for _ in range(WARM_UP):
                _first_response(connection, query)
        bench.say(f"{len(pages)} pages, {times} times each, in turns …")
        with Naps() as naps:
            took = _in_turns(connection, pages, times=times)
    for name, query in pages.items():
        note = f"most {max(took[name]):.0f} ms  {query}"
        within = 60 * bench.slower
        yield Figure(
            f"page: {name}, p95", p95(took[name]), within, "ms", noise=naps.noise, note=note
        )


def _in_turns(
    connection: http.client.HTTPConnection, pages: dict[str, str], *, times: int
) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(times):
        for name, query in pages.items():
            took[name].append(_first_response(connection, query))
    return took


def _first_response(connection: http.client.HTTPConnection, query: str) -> float:
    """Milliseconds until the whole page is here."""
    started = time.monotonic()
    connection.request("GET", f"/?q={quote(query)}" if query else "/")
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise AssertionError(f"{answer.status} for {query!r}")
    return (time.monotonic() - started) * 1000


def _pages(dsn: str) -> dict[str, str]:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "select resource_id, related from event where resource_id like 'prefect.flow-run.%'"
            " and occurred < now() - interval '10 days' order by occurred desc limit 1"
        ).fetchone()
    assert row
    run, related = row
    flow = next(one["prefect.resource.id"] for one in related if "flow." in str(one))
    return {
        "no filter": "",
        "event prefix": "event:prefect.task-run.*",
        "resource": f"resource:{run}",
        "related resource": f"related:{flow}",
        "word": "warehouse",
        "absent word": "zeppelin",
        "run's id prefix": f"resource:{run[:-24]}*",
        "resource prefix": "resource:prefect.flow-run.*",
        "failed, rare": "outcome:failed",
    }
