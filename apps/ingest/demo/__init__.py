"""Believable events of a small data platform, for trying things out, pictures and measurements."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from random import Random

from apps.events.draft import RESOURCE_ROLE, Draft
from apps.ingest.demo.stories import Stories
from apps.ingest.hooks.drafting import ROLE as WEBHOOK

# Each sender is a source of its own: `demo-flyte`, and of the webhooks `demo-github`.
SOURCES = "demo-"
EVENTS_A_STORY = 11.3
# Some systems tell whole seconds only, so that an event seems older than its story.
WHOLE_SECOND = timedelta(seconds=1)


def events(rng: Random, start: datetime, *, rate: float = 5.0) -> Iterator[Draft]:
    """Yield events without end, in the order they occur from `start`, about `rate` a second.

    The same random numbers tell the same events. Many stories run at the same time.
    """
    stories = Stories(rng)
    waiting: list[tuple[datetime, int, Draft]] = []
    numbers, begins = count(), start
    while True:
        begins += timedelta(seconds=rng.expovariate(rate / EVENTS_A_STORY))
        while waiting and waiting[0][0] < begins - WHOLE_SECOND:
            yield heapq.heappop(waiting)[2]
        for draft in stories.next(begins):
            heapq.heappush(waiting, (draft.occurred, next(numbers), draft))


def source_of(draft: Draft) -> str:
    """Return the name of the source that an event comes from."""
    hooks = (labels for labels in draft.related if labels[RESOURCE_ROLE] == WEBHOOK)
    hook = next(hooks, {}).get("prefect.resource.name", draft.system)
    return SOURCES + hook.lower().replace(" ", "-")
