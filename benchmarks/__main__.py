"""`python -m benchmarks [part …] [--quick]`: measure, and say in one table what holds."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import doors, idle, ingest, pages, viewers, visible
from benchmarks.bench import Bench
from benchmarks.events import average_size
from benchmarks.figures import Figure, table, target_missed
from benchmarks.machine import YARDSTICK, overshoot

PARTS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "idle": idle.measure,
    "ingest": ingest.measure,
    "doors": doors.measure,
    "visible": visible.measure,
    "viewers": viewers.measure,
    "pages": pages.measure,
}


def main() -> int:
    asked = _arguments()
    bench = Bench(quick=asked.quick, kept=asked.kept)
    bench.say(f"events of {average_size():,.0f} bytes on average")
    before = overshoot()
    figures = []
    for part in asked.parts or PARTS:
        bench.say(f"— {part} —")
        for figure in PARTS[part](bench):
            figures.append(figure)
            bench.say(table([figure], fraction=bench.fraction).splitlines()[1])
    slowest, fastest = min(bench.copy_rates), max(bench.copy_rates)
    print(f"\nBare COPY: {slowest:,.0f} to {fastest:,.0f} rows/s in {len(bench.copy_rates)} tries.")
    print(f"Targets are those of {YARDSTICK:,} by {bench.fraction:.2f}.")
    print(f"A 10 ms nap overshot {before:.1f} ms at p95 before, {overshoot():.1f} ms after.\n")
    print(table(figures, fraction=bench.fraction))
    return 1 if any(target_missed(f, bench.fraction) and not f.noise for f in figures) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="part", default=[])
    parser.add_argument("--quick", action="store_true", help="a sanity run of a few minutes")
    parser.add_argument(
        "--kept",
        type=Path,
        default=Path(tempfile.gettempdir()) / "eventfeed-bench",
        help="where the million events are kept for the next run (default: %(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
