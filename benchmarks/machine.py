"""What this machine can do today: its bare COPY rate and how late it wakes a sleeper."""

import threading
import time
from statistics import quantiles

import msgspec
import psycopg

from benchmarks.events import Fresh, arrays

YARDSTICK = 50_000  # rows a second where the promised figures were set
NOISE_MS = 100
NAP = 0.010
BATCH = 500


def p95(values: list[float]) -> float:
    return quantiles(values, n=100)[94] if len(values) > 1 else values[0]


def p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98] if len(values) > 1 else values[0]


def bare_copy_rate(dsn: str, *, rows: int) -> float:
    """Rows a second into a table with the event's columns, but no index and no terms."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "create table bare_copy (id uuid, occurred timestamptz, event text,"
            " resource_id text, resource jsonb, related jsonb, payload jsonb, follows uuid)"
        )
        try:
            return _copy(connection, rows=rows)
        finally:
            connection.execute("drop table bare_copy")


def _copy(connection: psycopg.Connection, *, rows: int) -> float:
    batches = [_batch(BATCH) for _ in range(8)]
    started = time.monotonic()
    for number in range(rows // BATCH):
        with connection.cursor().copy("copy bare_copy from stdin") as copy:
            copy.write(batches[number % len(batches)])
    return rows / (time.monotonic() - started)


def _batch(size: int) -> bytes:
    told = msgspec.json.decode(next(arrays(size)).fresh(Fresh()))
    return "".join(_row(event) for event in told).encode()


def _row(event: dict) -> str:
    jsons = [msgspec.json.encode(event[part]) for part in ("resource", "related", "payload")]
    escaped = [json.decode().replace("\\", "\\\\") for json in jsons]
    plain = [event["id"], event["occurred"], event["event"]]
    return (
        "\t".join([*plain, event["resource"]["prefect.resource.id"], *escaped, event["follows"]])
        + "\n"
    )


class Naps:
    """Counts, while it is open, by how many milliseconds a 10 ms sleep overshoots."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._nap, daemon=True)

    def _nap(self) -> None:
        while not self._over.is_set():
            started = time.monotonic()
            time.sleep(NAP)
            self.late.append((time.monotonic() - started - NAP) * 1000)

    def __enter__(self) -> "Naps":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def p95(self) -> float:
        return p95(self.late)

    @property
    def noise(self) -> bool:
        return self.p95 > NOISE_MS


def overshoot(seconds: float = 1.0) -> float:
    """The p95 of a moment in which we ourselves do nothing."""
    with Naps() as naps:
        time.sleep(seconds)
    return naps.p95
