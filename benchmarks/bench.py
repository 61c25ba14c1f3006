"""What every part of the benchmark is given: servers to measure, and how much time to take."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import Server, running


@dataclass(frozen=True)
class Bench:
    quick: bool
    kept: Path  # what may be used again by the next run

    @property
    def runs(self) -> int:
        return 2 if self.quick else 5

    @contextmanager
    def fresh_server(self) -> Iterator[Server]:
        with (
            tempfile.TemporaryDirectory(prefix="eventfeed-bench-") as data,
            running(Path(data)) as server,
        ):
            yield server

    def say(self, line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)
