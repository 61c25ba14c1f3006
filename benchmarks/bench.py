"""What every part of the benchmark is given: servers to measure, and how much time to take."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import log10
from pathlib import Path
from statistics import median

from benchmarks.machine import YARDSTICK, bare_copy_rate
from benchmarks.server import Server, running

MILLION = 1_000_000


@dataclass(frozen=True)
class Bench:
    quick: bool
    kept: Path  # what may be used again by the next run
    events: int = MILLION  # how many are stored where many are
    copy_rates: list[float] = field(default_factory=list)

    @property
    def slower(self) -> float:
        """How many times as long a question may take: three times for ten times the events."""
        return 3 ** max(0.0, log10(self.events / MILLION))

    @property
    def fraction(self) -> float:
        """What part of the promised figures this machine is held to, as it is today."""
        return min(1.0, median(self.copy_rates) / YARDSTICK)

    def fresh(self) -> "Bench":
        """Return the same with no yardstick measured yet."""
        return replace(self, copy_rates=[])

    def say_yardstick(self) -> None:
        slowest, fastest = min(self.copy_rates), max(self.copy_rates)
        self.say(
            f"bare COPY: {slowest:,.0f} to {fastest:,.0f} rows/s in {len(self.copy_rates)} tries;"
            f" targets are those of {YARDSTICK:,} by {self.fraction:.2f}"
        )

    def measure_yardstick(self, server: Server) -> None:
        self.copy_rates.append(bare_copy_rate(server.dsn, rows=10_000))

    @property
    def runs(self) -> int:
        return 2 if self.quick else 5

    @contextmanager
    def fresh_server(self) -> Iterator[Server]:
        with (
            tempfile.TemporaryDirectory(prefix="eventfeed-bench-") as data,
            running(Path(data)) as server,
        ):
            self.measure_yardstick(server)
            yield server

    def say(self, line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)
