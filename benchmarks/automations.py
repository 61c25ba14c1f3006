"""A thousand automations at 1,000 events/s; from a commit to a receiver; a million events again."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import psycopg

from benchmarks import senders
from benchmarks.bench import Bench
from benchmarks.export import holding
from benchmarks.figures import Figure, Promise
from benchmarks.machine import Naps, p95
from benchmarks.senders import Load
from benchmarks.server import Server
from benchmarks.spent import Spent

RATE = 1_000
BATCH = 20
NAMES = tuple(f"bench.kind.{number:02}" for number in range(100))
PROBE = "bench.probe"
PAUSE = 0.2
SETTLE = 3.0
WITHIN = 30.0
NEVER = float("inf")

BEHIND = """
    select count(*) from event, follower
    where name = 'automations' and (event.tx, event.seq) > (follower.tx, follower.seq)
"""
FIRED = """
    select events -> 0 ->> 'id', made
    from firing join automation on automation_id = automation.id where name = %s
"""

EACH = {"for_each": ["related.flow"]}
PRESENCE = {"type": "presence", "within": 600}
ENDED = "event:prefect.flow-run.*"
# What is tried on the past, and within how many seconds.
TRIED: dict[str, tuple[dict[str, Any], float]] = {
    "a rare word": (PRESENCE | {"query": "outcome:failed warehouse", "times": 2}, 3),
    "failed, for each flow": (PRESENCE | {"query": "outcome:failed", "times": 3} | EACH, 3),
    "absence, an eighth of all": (
        {
            **{"type": "absence", "query": "event:prefect.flow-run.Completed", "within": 600},
            **{"after": "event:prefect.flow-run.Running", "for_each": ["resource"]},
        },
        30,
    ),
    "metric, a quarter of all": (
        {
            **{"type": "metric", "query": ENDED, "metric": "success", "operator": "<"},
            **{"threshold": 0.5, "over": 3_600, "breached_for": 300, **EACH},
        },
        30,
    ),
    "everything": (PRESENCE | {"query": "", "times": 1_000} | EACH, 30),
}


def measure(bench: Bench) -> Iterator[Figure]:
    yield from _live(bench)
    yield from _past(bench)


def _live(bench: Bench) -> Iterator[Figure]:
    seconds = 15 if bench.quick else 60
    with bench.fresh_server() as server, receiving() as receiver:
        bench.say("making 1,001 automations …")
        _ask(server, f"make_thousand({receiver.url!r})")
        time.sleep(SETTLE)
        bench.say(f"{RATE:,} events/s for {seconds} s …")
        load = Load("paced", server.port, rate=RATE, batch=BATCH, seconds=seconds, names=NAMES)
        sender = senders.start(load)
        posted: dict[str, float] = {}
        behind: list[int] = []
        with (
            Naps() as naps,
            Spent(server) as spent,
            psycopg.connect(server.dsn, autocommit=True) as database,
        ):
            while sender.poll() is None:
                posted.update([_post(server)])
                behind += database.execute(BEHIND).fetchone() or (0,)
                time.sleep(PAUSE)
        sent = senders.finish(sender, within=WITHIN)
        _wait_for(lambda: posted.keys() <= receiver.seen.keys())
        with psycopg.connect(server.dsn) as database:
            fired = {id: made.timestamp() for id, made in database.execute(FIRED, [PROBE])}
        bench.measure_yardstick(server)
    noise = naps.noise
    note = f"{len(posted)} probes, {len(fired)} fired, {len(receiver.seen)} received"
    worker, others = 100 * spent.seconds["worker"] / spent.lasted, f"others {spent.others:.0%}"
    yield Figure("sent to 1,000 automations", sent.rate, RATE * 0.97, "/s", Promise.AT_LEAST, noise)
    yield Figure("worker, of a core", worker, 100, "%", Promise.AT_MOST, noise, others)
    yield Figure(
        "the follower is behind by, p95", p95(list(map(float, behind))), RATE, "events", noise=noise
    )
    to_fire = [min(fired.get(id, NEVER) - at, WITHIN) for id, at in posted.items()]
    yield Figure("2xx to firing, p95", 1000 * p95(to_fire), 1_000, "ms", noise=noise, note=note)
    to_send = [min(receiver.seen.get(id, NEVER) - at, WITHIN) for id, at in posted.items()]
    yield Figure("2xx to webhook received, p95", 1000 * p95(to_send), 2_000, "ms", noise=noise)


def _past(bench: Bench) -> Iterator[Figure]:
    with holding(bench) as server:
        bench.measure_yardstick(server)
        for name, (trigger, within) in TRIED.items():
            with Naps() as naps:
                seconds, events, taken, fired = _ask(server, f"try_on_past({trigger!r})")
            note = f"{events:,} events, {taken:,} fit, fired {fired:,} times"
            yield Figure(f"backtest: {name}", seconds, within, "s", noise=naps.noise, note=note)
            bench.measure_yardstick(server)


def _ask(server: Server, call: str) -> Any:
    """Call what benchmarks.automated has, in a process with Eventfeed's own settings."""
    code = f"import json; from benchmarks import automated; print(json.dumps(automated.{call}))"
    return json.loads(server.ask(code))


def _post(server: Server) -> tuple[str, float]:
    """Post a probe; return its id, and when its 2xx came."""
    id = str(uuid4())
    event = {
        "id": id,
        "occurred": datetime.now(UTC).isoformat(),
        "event": PROBE,
        "resource": {"prefect.resource.id": f"bench.{id}"},
        "related": [],
        "payload": {},
    }
    server.post("/api/events", json.dumps([event]).encode())
    return id, time.time()


class Receiver:
    """Takes webhooks, and notes when."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                seen.setdefault(body, time.time())
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    threading.Thread(target=receiver.server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()


def _wait_for(fact: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN
    while not fact() and time.monotonic() < until:
        time.sleep(0.1)
