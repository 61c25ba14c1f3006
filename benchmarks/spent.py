"""Who spent how much of a core, the rest of the machine included: it is shared."""

import os
import time

import psutil

from benchmarks.server import Server, cpu_seconds

US = psutil.Process(os.getpid())


class Spent:
    """Seconds of a core by who spent them while this was open."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.seconds: dict[str, float] = {}
        self.lasted = 0.0

    def __enter__(self) -> "Spent":
        self._started, self._before = time.monotonic(), self._now()
        return self

    def __exit__(self, *_: object) -> None:
        now = self._now()
        self.seconds = {who: spent - self._before[who] for who, spent in now.items()}
        self.lasted = time.monotonic() - self._started

    def told(self, events: int) -> str:
        """Microseconds an event of what is ours, and the share that others took."""
        ours = ["web", "worker", "postgresql"]
        each = [f"{who} {self.seconds[who] / events * 1e6:.0f} µs an event" for who in ours]
        bench = self.seconds["bench"] / self.lasted
        return ", ".join([*each, f"bench {bench:.0%}", f"others {self.others:.0%}"])

    @property
    def others(self) -> float:
        """The share of a core that neither we nor the measured took."""
        ours = sum(seconds for who, seconds in self.seconds.items() if who != "all")
        return (self.seconds["all"] - ours) / self.lasted

    def _now(self) -> dict[str, float]:
        return {**self._server.cpu(), "bench": cpu_seconds(US), "all": _busy_seconds()}


def _busy_seconds() -> float:
    """What all processes of the machine spent so far, and what its host took from it."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq + times.steal
