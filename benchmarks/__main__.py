"""`python -m benchmarks [part …] [--quick]`: measure, and say in one table what holds."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import automations, doors, export, idle, ingest, pages, queries, viewers, visible
from benchmarks.bench import MILLION, Bench
from benchmarks.events import average_size
from benchmarks.figures import Figure, table, target_missed
from benchmarks.machine import overshoot

PARTS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "idle": idle.measure,
    "ingest": ingest.measure,
    "doors": doors.measure,
    "visible": visible.measure,
    "viewers": viewers.measure,
    "crowd": viewers.measure_crowd,
    "pages": pages.measure,
    "export": export.measure,
    "queries": queries.measure,
    "automations": automations.measure,
}


def main() -> int:
    asked = _arguments()
    bench = Bench(quick=asked.quick, kept=asked.kept, events=asked.events)
    bench.say(f"events of {average_size():,.0f} bytes on average")
    before = overshoot()
    measured: list[tuple[Bench, list[Figure]]] = []
    for part in asked.parts or PARTS:
        bench.say(f"— {part} —")
        # Each with a yardstick of its own: the machine is not as fast all the time.
        of_part = bench.fresh()
        figures = []
        for figure in PARTS[part](of_part):
            figures.append(figure)
            bench.say(table([(figure, of_part.fraction)]).splitlines()[1])
        of_part.say_yardstick()
        measured.append((of_part, figures))
    print(f"\nA 10 ms nap overshot {before:.1f} ms at p95 before, {overshoot():.1f} ms after.\n")
    judged = [(figure, part.fraction) for part, figures in measured for figure in figures]
    print(table(judged))
    return 1 if any(target_missed(one, by) and not one.noise for one, by in judged) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="part", default=[])
    parser.add_argument("--quick", action="store_true", help="a sanity run of a few minutes")
    parser.add_argument(
        "--kept",
        type=Path,
        default=Path(tempfile.gettempdir()) / "eventfeed-bench",
        help="where many events are kept for the next run (default: %(default)s)",
    )
    parser.add_argument(
        "--events",
        type=int,
        default=MILLION,
        help="how many are stored for pages, queries and export (default: %(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
