"""How fast an adapter reads. It runs with Django set up, which the rest of the benchmark is not."""

import time
from collections.abc import Mapping

from apps.ingest.adapters.flyte.adapter import read_flyte
from apps.ingest.adapters.message import Adapter, Message, Unreadable
from apps.ingest.adapters.openlineage.adapter import read_openlineage
from apps.ingest.adapters.otlp.adapter import read_otlp
from benchmarks.dialects import MADE, fresh

SECONDS = 1.0
ADAPTERS: Mapping[str, Adapter] = {
    "OpenLineage": read_openlineage,
    "OTLP JSON": read_otlp,
    "OTLP protobuf": read_otlp,
    "Flyte JSON": read_flyte,
    "Flyte protobuf": read_flyte,
}


def reading_rate(name: str) -> float:
    """Drafts a second of this process's own time: what others take of the core does not count."""
    dialect, made, read = MADE[name], fresh(name), ADAPTERS[name]
    bodies = [made.body() for _ in range(max(1, 200 // made.events))]
    drafts, started = 0, time.process_time()
    while (spent := time.process_time() - started) < SECONDS:
        for body in bodies:
            for element in read(Message(body, dialect.content_type, kind=dialect.kind)):
                if isinstance(element.reading, Unreadable):
                    raise AssertionError(f"{name} cannot be read: {element.reading.problems}")
                drafts += len(element.reading)
    return drafts / spent
