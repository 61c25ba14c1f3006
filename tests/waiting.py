"""Waiting for a fact, for as long as a slow machine may need."""

import time
from collections.abc import Callable

WITHIN = 60.0


def wait_until(
    fact: Callable[[], object], *, within: float = WITHIN, what: str = "what was waited for"
) -> None:
    """Look until the fact is so; machines stall, so the limits are generous."""
    until = time.monotonic() + within
    while not fact():
        assert time.monotonic() < until, f"not within {within:.0f} s: {what}"
        time.sleep(0.02)
