"""Many events of the last twenty days: some are posted, the rest are made of them in SQL."""

import hashlib
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from benchmarks.bench import Bench
from benchmarks.events import Body, Fresh, templates
from benchmarks.ingest import wait_for_followers
from benchmarks.server import CHECKOUT, Server, running

POSTED = 20_000
BATCH = 500
DAYS = 20
FAILED = 4  # of those posted: one in 5,000
RUN_PREFIX = "0badcafe"  # each copy's runs get another
COUNTED_BY = "rollups"
FRESH_FOR = 5 * 24 * 3600  # then the oldest come near their retention
SHAPED_BY = [
    "apps/events/migrations/*.py",
    "apps/events/partitions.py",
    "apps/events/rollups.py",
    "apps/query/terms.py",
    "benchmarks/events.py",
    "benchmarks/seed.py",
]

ONE_COPY = """
insert into event (id, occurred, received, event, resource_id, resource, related, payload,
                   follows, outcome, system, source_id, warnings, message, terms, terms_version)
select gen_random_uuid(), at, at + interval '1 s', event, replace(resource_id, %(old)s, %(new)s),
       replace(resource::text, %(old)s, %(new)s)::jsonb,
       replace(related::text, %(old)s, %(new)s)::jsonb,
       payload, follows, outcome, system, source_id, warnings, message,
       replace(terms::text, %(old)s, %(new)s)::tsvector, terms_version
from (select *, occurred - (%(copy)s - random()) * %(step)s * interval '1 hour' as at
      from event where resource::text || related::text like '%%' || %(old)s || '%%'
      offset 0) posted
order by at
"""


@contextmanager
def stored(bench: Bench) -> Iterator[Server]:
    """A server that holds so many events as the bench asks, made now or kept by an earlier run."""
    data = bench.kept / f"{bench.events}-{_fingerprint()}"
    made = data / "made"
    if not made.exists() or time.time() - made.stat().st_mtime > FRESH_FOR:
        for former in bench.kept.glob(f"{bench.events}-*"):
            shutil.rmtree(former)
        with running(data) as server:
            _make(bench, server)
        made.touch()
    with running(data) as server:
        yield server


def _fingerprint() -> str:
    files = sorted(file for pattern in SHAPED_BY for file in CHECKOUT.glob(pattern))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _make(bench: Bench, server: Server) -> None:
    started = time.monotonic()
    bench.say(f"making {bench.events:,} events, once for all runs …")
    for body in _bodies():
        server.post("/api/events", body)
    wait_for_followers(server.dsn, within=60)
    copies = bench.events // POSTED - 1
    with ThreadPoolExecutor(2) as two:
        made = two.map(lambda copy: _copy(server.dsn, copy, copies), range(copies, 0, -1))
        for done, _ in enumerate(made, start=1):
            if done % (copies // 10 + 1) == 0:
                bench.say(f"  {done * POSTED:,} after {time.monotonic() - started:.0f} s")
    bench.say(f"  inserted after {time.monotonic() - started:.0f} s, now vacuum and analyze …")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        # Only the counts need all of them; to the others most are copies.
        connection.execute(
            "update follower set (tx, seq) ="
            " (select tx, seq from event order by tx desc, seq desc limit 1)"
            " where name <> %s",
            [COUNTED_BY],
        )
        wait_for_followers(server.dsn, within=bench.events / 1_000)
        connection.execute("vacuum analyze event")
        connection.execute("checkpoint")
    bench.say(f"  done after {time.monotonic() - started:.0f} s")


def _bodies() -> Iterator[bytes]:
    pool = templates()
    failed = [template for template in pool if b'"FAILED"' in template.body]
    usual = [template for template in pool if template not in failed]
    ids = Fresh(run_prefix=RUN_PREFIX)
    for batch in range(POSTED // BATCH):
        chosen = [usual[(batch * 7 + n) % len(usual)] for n in range(BATCH)]
        chosen[: batch < FAILED] = failed[: batch < FAILED]
        yield Body(chosen, start=b"[", between=b",", end=b"]").fresh(ids)


def _copy(dsn: str, copy: int, copies: int) -> None:
    told = {
        "old": RUN_PREFIX,
        "new": hashlib.sha256(copy.to_bytes(4)).hexdigest()[: len(RUN_PREFIX)],
        "copy": copy,
        "step": DAYS * 24 / copies,
    }
    with psycopg.connect(dsn) as connection:
        connection.execute(ONE_COPY, told)
