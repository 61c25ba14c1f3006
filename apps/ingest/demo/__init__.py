"""Believable events of a small data platform, for trying things out, pictures and measurements."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from random import Random

import msgspec

from apps.events.draft import Draft
from apps.ingest.adapters import prefect
from apps.ingest.adapters.prefect_reading import PrefectEvent
from apps.ingest.demo.stories import Message, some_story

SOURCE = "demo"
EVENTS_A_STORY = 10.7


def events(rng: Random, start: datetime, *, rate: float = 5.0) -> Iterator[Draft]:
    """Yield events without end, in the order they occur from `start`, about `rate` a second.

    The same random numbers tell the same events. Many stories run at the same time.
    """
    waiting: list[tuple[float, int, Message]] = []
    numbers, begins = count(), 0.0
    while True:
        begins += rng.expovariate(rate / EVENTS_A_STORY)
        while waiting and waiting[0][0] <= begins:
            after, _, message = heapq.heappop(waiting)
            yield draft_of(message, start + timedelta(seconds=after))
        for after, message in some_story(rng):
            heapq.heappush(waiting, (begins + after, next(numbers), message))


def draft_of(message: Message, occurred: datetime) -> Draft:
    """Read a story's message as the doorway would, had it been sent at this time."""
    resource = message["resource"]
    if "prefect.state-name" in resource:
        resource["prefect.state-timestamp"] = occurred.isoformat()
    return prefect.draft_of(msgspec.convert(message | {"occurred": occurred}, PrefectEvent))
