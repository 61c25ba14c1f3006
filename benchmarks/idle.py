"""What a fresh Eventfeed costs while nothing happens, PostgreSQL included."""

import time
from collections.abc import Iterator

import psutil

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Promise
from benchmarks.server import cpu_seconds

MEGABYTE = 1_000_000


def measure(bench: Bench) -> Iterator[Figure]:
    settle, watch = (5, 10) if bench.quick else (30, 60)
    with bench.fresh_server() as server:
        bench.say(f"left alone for {settle} s, then watched for {watch} s …")
        time.sleep(settle)
        processes = server.processes()
        before = {process.pid: cpu_seconds(process) for process in processes}
        time.sleep(watch)
        spent = {process: cpu_seconds(process) - before[process.pid] for process in processes}
        for process, seconds in sorted(spent.items(), key=lambda item: -item[1])[:6]:
            bench.say(f"  {seconds / watch:.2%} {pss(process):4.0f} MB  {_title(process)}")
        total = sum(pss(process) for process in processes)
    yield Figure("idle, CPU", 100 * sum(spent.values()) / watch, 2, "%", Promise.AT_MOST)
    yield Figure("idle, memory (PSS)", total, 300, "MB", Promise.AT_MOST)


def pss(process: psutil.Process) -> float:
    """Proportional set size in MB: shared pages are shared out."""
    return process.memory_full_info().pss / MEGABYTE


def _title(process: psutil.Process) -> str:
    return " ".join(process.cmdline())[:70] or process.name()
