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
        sizes = {process: pss(process) for process in processes}
        for process in sorted(processes, key=sizes.__getitem__, reverse=True):
            share, size = spent[process] / watch, sizes[process]
            bench.say(f"  {share:.2%} of a core, {size:3.0f} MB: {_title(process)}")
    yield Figure("idle, CPU", 100 * sum(spent.values()) / watch, 2, "%", Promise.AT_MOST)
    yield Figure("idle, memory (PSS)", sum(sizes.values()), 300, "MB", Promise.AT_MOST)


def pss(process: psutil.Process) -> float:
    """Proportional set size in MB: shared pages are shared out."""
    return process.memory_full_info().pss / MEGABYTE


def _title(process: psutil.Process) -> str:
    return " ".join(process.cmdline()).strip()[-60:] or process.name()
