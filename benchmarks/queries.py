"""How soon the API answers when a million events are stored, or many: lists, histograms, facets."""

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import psycopg

from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.machine import Naps, p95
from benchmarks.seed import stored

WARM_UP = 5
# No index tells of it: what is found in the time there is comes, with how far back that was. Asked
# by itself, because what comes right after two seconds of reading is slower than it is else.
UNTOLD = "newest 50: number in the payload, or how far it looked"
DEEP = 20

ABOUT = """
    select resource_id, related from event where resource_id like 'prefect.flow-run.%'
    and occurred < now() - interval '10 days' order by occurred desc limit 1
"""
MIDDLE = """
    select to_timestamp(avg(extract(epoch from occurred))) from event tablesample system (1)
"""
NEWEST = "select max(occurred) from event"
# Related to a fifth of all events, and to few of them.
BY_SHARE = """
    select one ->> 'prefect.resource.id', count(*) from event tablesample system (1),
    jsonb_array_elements(related) one group by 1 order by abs(count(*) - %s), 1 limit 1
"""


@dataclass(frozen=True)
class Asking:
    """One request, and within how many milliseconds it is answered nearly always."""

    name: str
    path: str
    within: float

    @classmethod
    def of(cls, name: str, within: float, path: str = "", **fields: str) -> "Asking":
        return cls(name, f"/api/events{path}?{urlencode(fields)}", within)


def measure(bench: Bench) -> Iterator[Figure]:
    times = 10 if bench.quick else 60
    with stored(bench) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        asked = [*_lists(server.dsn, connection), *_counts(server.dsn)]
        bench.measure_yardstick(server)
        for one in asked:
            for _ in range(WARM_UP):
                _answered(connection, one.path)
        bench.say(f"{len(asked)} questions, {times} times each, in turns …")
        with Naps() as naps:
            took = _in_turns(connection, asked, times)
            untold = Asking.of(UNTOLD, 2_500, q="payload.task_run.total_run_time:>10")
            took |= _in_turns(connection, [untold], max(3, times // 10))
        bench.measure_yardstick(server)
    for one in [*asked, untold]:
        note = f"most {max(took[one.name]):.0f} ms"
        within = one.within * bench.slower
        yield Figure(
            f"{one.name}, p95", p95(took[one.name]), within, "ms", noise=naps.noise, note=note
        )


def _in_turns(
    connection: http.client.HTTPConnection, asked: list[Asking], times: int
) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {one.name: [] for one in asked}
    for _ in range(times):
        for one in asked:
            started = time.monotonic()
            _answered(connection, one.path)
            took[one.name].append((time.monotonic() - started) * 1000)
    return took


def _answered(connection: http.client.HTTPConnection, path: str) -> Any:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise AssertionError(f"{answer.status} for {path!r}: {body[:200]!r}")
    return json.loads(body)


def _lists(dsn: str, connection: http.client.HTTPConnection) -> Iterator[Asking]:
    with psycopg.connect(dsn) as database:
        run, related = database.execute(ABOUT).fetchone() or ("", [])
        (middle,) = database.execute(MIDDLE).fetchone() or (datetime.now(UTC),)
        (newest,) = database.execute(NEWEST).fetchone() or (datetime.now(UTC),)
    flow = next(one["prefect.resource.id"] for one in related if "flow." in str(one))
    hour = (newest - timedelta(hours=1)).isoformat()
    queries = {
        "nothing": "",
        "exact event": "event:prefect.flow-run.Completed",
        "event prefix": "event:prefect.task-run.*",
        "resource id": f"resource:{run}",
        "id prefix": f"resource:{run[:-24]}*",
        "related id and role": f"related(id:{flow} role:flow)",
        "label anywhere": "label.prefect.state-type:FAILED",
        "rare word": "outcome:failed warehouse",
        "common word": "running",
        "no match": "zeppelin",
        "five clauses with OR and NOT": (
            "(event:prefect.task-run.* OR event:prefect.flow-run.*) -outcome:completed"
            f" related.flow:{flow} -label.prefect.state-name:Late"
        ),
    }
    for name, query in queries.items():
        yield Asking.of(f"newest 50: {name}", 25, q=query)
    yield Asking.of("newest 50: one hour", 25, q="", since=hour)
    after = ""
    for _ in range(DEEP - 1):
        path = Asking.of("", 0, q=queries["event prefix"], after=after).path
        after = _answered(connection, path)["next"]
    yield Asking.of("page 20 of a prefix", 25, q=queries["event prefix"], after=after)
    yield Asking.of("a page in the middle", 25, q="", until=middle.isoformat())


def _counts(dsn: str) -> Iterator[Asking]:
    with psycopg.connect(dsn) as database:
        frequent, rare = (_related(database, share) for share in (2_000, 20))
    week = (datetime.now(UTC) - timedelta(days=7)).isoformat()
    histograms: dict[str, tuple[str, float]] = {
        "unfiltered": ("", 30),
        "by event": ("event:prefect.flow-run.*", 30),
        "rare related": (f"related:{rare}", 60),
        "frequent related": (f"related:{frequent}", 300),
    }
    for name, (query, within) in histograms.items():
        yield Asking.of(f"histogram: {name}", within, "/histogram", q=query, since=week)
    for name, query in {"unfiltered": "", "frequent related": f"related:{frequent}"}.items():
        yield Asking.of(f"facets: {name}", 300, "/facets", q=query, since=week)


def _related(database: psycopg.Connection, share: int) -> str:
    row = database.execute(BY_SHARE, [share]).fetchone()
    assert row
    return str(row[0])
