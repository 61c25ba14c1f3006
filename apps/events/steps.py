"""When the parts of the worker took their last steps: one that stands still tells nobody itself.

A part is at work in one process at a time; each process tells of those that it has.
"""

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apps.events.counters import ALIVE, gauges
from apps.events.models import Process

_taken: dict[str, float] = {}


def took(name: str) -> None:
    """Note that a part of this process has taken a step, though there was nothing to do."""
    _taken[name] = time.monotonic()


def ages() -> dict[str, float]:
    """Return how many seconds ago each part of this process took its last step."""
    now = time.monotonic()
    return {name: round(now - at, 3) for name, at in _taken.copy().items()}


def ages_among(processes: Iterable[Process], now: datetime) -> dict[str, float]:
    """Return how many seconds ago each part took its last step, in whichever process that is."""
    found: dict[str, float] = {}
    for process in processes:
        since = (now - process.seen).total_seconds()
        if since > ALIVE.total_seconds():
            continue
        steps: dict[str, Any] = process.counters.get("steps", {})
        for name, age in steps.items():
            found[name] = min(found.get(name, float("inf")), age + since)
    return found


gauges["steps"] = ages
