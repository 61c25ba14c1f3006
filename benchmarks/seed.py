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

# What each copy is made of, as text, in which a run's id is replaced.
PATTERN = """
create unlogged table pattern as
select *, resource::text as resource_told, related::text as related_told, terms::text as terms_told
from event where resource::text || related::text like '%%' || %s || '%%'
"""
ONE_COPY = """
insert into event (id, occurred, received, event, resource_id, resource, related, payload,
                   follows, outcome, system, source_id, warnings, message, terms, terms_version)
select gen_random_uuid(), at, at + interval '1 s', event, replace(resource_id, %(old)s, %(new)s),
       replace(resource_told, %(old)s, %(new)s)::jsonb,
       replace(related_told, %(old)s, %(new)s)::jsonb,
       payload, follows, outcome, system, source_id, warnings, message,
       replace(terms_told, %(old)s, %(new)s)::tsvector, terms_version
from (select *, occurred - (%(copy)s - random()) * %(step)s * interval '1 hour' as at
      from pattern offset 0) told
order by at
"""

# Only the counts need all of them; to the other followers most are copies.
SKIP = """
update follower set (tx, seq) = (select tx, seq from event order by tx desc, seq desc limit 1)
where name <> %s
"""
TERMS = "select pg_get_indexdef('event_terms'::regclass)"
PARTITIONS = "select relid::regclass::text from pg_partition_tree('event') where isleaf"
MOST_LOG = "4GB"


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

    def say(line: str) -> None:
        bench.say(f"  {line} after {time.monotonic() - started:.0f} s")

    bench.say(f"making {bench.events:,} events, once for all runs …")
    for body in _bodies():
        server.post("/api/events", body)
    wait_for_followers(server.dsn, within=60)
    with psycopg.connect(server.dsn, autocommit=True) as connection, ThreadPoolExecutor(2) as two:
        connection.execute(f"alter system set max_wal_size = '{MOST_LOG}'")
        connection.execute("select pg_reload_conf()")
        connection.execute(PATTERN, [RUN_PREFIX])
        with _without_terms(connection) as index:
            copies = bench.events // POSTED - 1
            made = two.map(lambda copy: _copy(server.dsn, copy, copies), range(copies, 0, -1))
            for done, _ in enumerate(made, start=1):
                connection.execute(SKIP, [COUNTED_BY])
                if done % (copies // 20 + 1) == 0:
                    say(f"{done * POSTED:,} stored")
            partitions = [row[0] for row in connection.execute(PARTITIONS)]
            built = two.map(lambda name: _index(server.dsn, index, name), partitions)
            for done, _ in enumerate(built, start=1):
                if done % (len(partitions) // 10 + 1) == 0:
                    say(f"{done} of {len(partitions)} partitions indexed")
        connection.execute("drop table pattern")
        wait_for_followers(server.dsn, within=bench.events / 1_000)
        say("counted")
        connection.execute("vacuum analyze event")
        connection.execute("alter system reset max_wal_size")
        connection.execute("select pg_reload_conf()")
        connection.execute("checkpoint")
    say("done")


def _bodies() -> Iterator[bytes]:
    pool = templates()
    failed = [template for template in pool if b'"FAILED"' in template.body]
    usual = [template for template in pool if template not in failed]
    ids = Fresh(run_prefix=RUN_PREFIX)
    for batch in range(POSTED // BATCH):
        chosen = [usual[(batch * 7 + n) % len(usual)] for n in range(BATCH)]
        chosen[: batch < FAILED] = failed[: batch < FAILED]
        yield Body(chosen, start=b"[", between=b",", end=b"]").fresh(ids)


@contextmanager
def _without_terms(connection: psycopg.Connection) -> Iterator[str]:
    """Go without the index of terms, which is built much faster when all is there."""
    (made_by,) = connection.execute(TERMS).fetchone() or ("",)
    connection.execute("drop index event_terms")
    yield made_by
    # It takes over those that its partitions have.
    connection.execute(made_by.replace(" ON ONLY ", " ON "))


def _index(dsn: str, made_by: str, partition: str) -> None:
    _, shape = made_by.split(" ON ONLY public.event ")
    with psycopg.connect(dsn) as connection:
        connection.execute("set maintenance_work_mem = '1GB'")
        connection.execute(f"create index {partition}_terms_idx on {partition} {shape}")


def _copy(dsn: str, copy: int, copies: int) -> None:
    told = {
        "old": RUN_PREFIX,
        "new": hashlib.sha256(copy.to_bytes(4)).hexdigest()[: len(RUN_PREFIX)],
        "copy": copy,
        "step": DAYS * 24 / copies,
    }
    with psycopg.connect(dsn) as connection:
        connection.execute(ONE_COPY, told)
