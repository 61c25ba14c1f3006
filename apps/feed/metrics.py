"""The health of Eventfeed as Prometheus reads it, by the queries of the health page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from apps.events.models import Process
from apps.feed.api import ApiView
from apps.feed.health import Away, Found, look_around
from apps.feed.verdict import away, troubles

PROCESS = ("process", "host", "pid")

Samples = Iterator[tuple[tuple[str, ...], float]]
FAMILIES = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


@dataclass(frozen=True)
class Measure:
    """One metric: its name, what it means, its labels, and where its numbers come from."""

    name: str
    says: str
    labels: tuple[str, ...]
    samples: Callable[[Found], Samples]
    kind: str = "gauge"

    def family(self, found: Found) -> Metric:
        family = FAMILIES[self.kind](self.name, self.says, labels=self.labels)
        for labels, value in self.samples(found):
            family.add_metric(labels, value)
        return family


def one(value: Callable[[Found], float]) -> Callable[[Found], Samples]:
    def samples(found: Found) -> Samples:
        yield (), value(found)

    return samples


def each(
    things: Callable[[Found], Iterable[Any]], sample: Callable[[Any], tuple[str, ...]], value: Any
) -> Callable[[Found], Samples]:
    """Give one sample a thing, without those that have no such value."""

    def samples(found: Found) -> Samples:
        for thing in things(found):
            if (number := value(thing)) is not None:
                yield sample(thing), float(number)

    return samples


def counted(name: str) -> Callable[[Found], Samples]:
    """Give what each process holds under a name."""
    return each(lambda found: found.processes, who, lambda process: process.counters.get(name))


def counted_by(name: str) -> Callable[[Found], Samples]:
    """Give what each process has counted by something, that as the last label."""

    def samples(found: Found) -> Samples:
        for process in found.processes:
            for by, count in process.counters.get(name, {}).items():
                yield (*who(process), by), count

    return samples


def refused(found: Found) -> Samples:
    names = {str(flow.source_id): flow.name for flow in found.flows}
    for (*process, source), count in counted_by("refused")(found):
        yield (*process, names.get(source, source)), count


def rejections(found: Found) -> Samples:
    for flow in found.flows:
        count = sum(one.count for one in found.rejections if one.source_id == flow.source_id)
        yield (flow.name,), count


def steps(found: Found) -> Samples:
    for part, age in found.steps.items():
        yield (part,), age


def retried(found: Found) -> Samples:
    for receiver, count in found.outbox.retried.items():
        yield (receiver,), count


def who(process: Process) -> tuple[str, ...]:
    return process.name, process.host, str(process.pid)


def of_flows(value: Any) -> Callable[[Found], Samples]:
    return each(lambda found: found.flows, lambda flow: (flow.name, flow.system), value)


def of_followers(value: Any) -> Callable[[Found], Samples]:
    return each(lambda found: found.followers, lambda place: (place.name,), value)


def of_parts(value: Any) -> Callable[[Found], Samples]:
    return each(lambda found: found.parts, lambda part: (part.name,), value)


def of_disk(value: Any) -> Callable[[Found], Samples]:
    return each(lambda found: [found.disk], lambda disk: (), value)


SOURCE = ("source", "system")
MEASURES = (
    Measure(
        "eventfeed_source_events",
        "Events of a source that were stored, as its follower has counted them.",
        SOURCE,
        of_flows(lambda flow: flow.events),
        "counter",
    ),
    Measure(
        "eventfeed_source_lag_seconds",
        "Time between occurring and arriving, the median of a source's latest events.",
        SOURCE,
        of_flows(lambda flow: flow.lag),
    ),
    Measure(
        "eventfeed_source_last_event_timestamp_seconds",
        "When the last event of a source was received.",
        SOURCE,
        of_flows(lambda flow: flow.last and flow.last.timestamp()),
    ),
    Measure(
        "eventfeed_source_rejections_day",
        "Rejections of a source within 24 hours; the newest 1,000 are kept.",
        ("source",),
        rejections,
    ),
    Measure(
        "eventfeed_stored_events",
        "Events that a process has stored.",
        PROCESS,
        counted("stored"),
        "counter",
    ),
    Measure(
        "eventfeed_known_events",
        "Events that came again and were stored already.",
        PROCESS,
        counted("known"),
        "counter",
    ),
    Measure(
        "eventfeed_batches",
        "Transactions in which a process has stored events.",
        PROCESS,
        counted("batches"),
        "counter",
    ),
    Measure(
        "eventfeed_largest_batch_events",
        "Events in the largest of them.",
        PROCESS,
        counted("largest"),
    ),
    Measure(
        "eventfeed_told_rows",
        "Rows handed to viewers and live sockets.",
        (*PROCESS, "source"),
        counted_by("told"),
        "counter",
    ),
    Measure(
        "eventfeed_overloaded_requests",
        "Requests that found no room in the queue and were told to come again.",
        (*PROCESS, "source"),
        refused,
        "counter",
    ),
    Measure(
        "eventfeed_away_requests",
        "Requests told to come again because the database was away.",
        PROCESS,
        counted("away"),
        "counter",
    ),
    Measure(
        "eventfeed_rejections",
        "Rejections, by what was wrong.",
        (*PROCESS, "reason"),
        counted_by("rejected"),
        "counter",
    ),
    Measure(
        "eventfeed_queue_events",
        "Events that wait to be written.",
        PROCESS,
        counted("queue_events"),
    ),
    Measure("eventfeed_queue_bytes", "Their size.", PROCESS, counted("queue_bytes")),
    Measure("eventfeed_viewers", "Open live sockets.", PROCESS, counted("viewers")),
    Measure(
        "eventfeed_grpc_waiting_events",
        "Flyte's events passed on to its admin that wait to be stored.",
        PROCESS,
        counted("grpc_waiting"),
    ),
    Measure(
        "eventfeed_grpc_dropped_events",
        "Flyte's events passed on to its admin and never stored.",
        PROCESS,
        counted("grpc_dropped"),
        "counter",
    ),
    Measure(
        "eventfeed_process_start_timestamp_seconds",
        "When a process began.",
        PROCESS,
        each(lambda found: found.processes, who, lambda process: process.started.timestamp()),
    ),
    Measure(
        "eventfeed_process_seen_timestamp_seconds",
        "When a process last told of itself; each does every five seconds.",
        PROCESS,
        each(lambda found: found.processes, who, lambda process: process.seen.timestamp()),
    ),
    Measure(
        "eventfeed_follower_behind_events",
        "Events ahead of a follower of the log, counted to 10,000.",
        ("follower",),
        of_followers(lambda place: place.events),
    ),
    Measure(
        "eventfeed_follower_behind_seconds",
        "How long the oldest of them has been stored.",
        ("follower",),
        of_followers(lambda place: place.age.total_seconds()),
    ),
    Measure(
        "eventfeed_step_age_seconds",
        "How long ago a part of the worker took its last step; each does within a second or two.",
        ("part",),
        steps,
    ),
    Measure(
        "eventfeed_actions_waiting",
        "Actions of automations that are not done yet, counted to 10,000.",
        (),
        one(lambda found: found.outbox.waiting),
    ),
    Measure(
        "eventfeed_actions_waiting_seconds",
        "How long the oldest of them has waited since its automation fired.",
        (),
        one(lambda found: found.outbox.oldest.total_seconds()),
    ),
    Measure(
        "eventfeed_actions_overdue_seconds",
        "How long one of them has been due and has not been tried.",
        (),
        one(lambda found: found.outbox.overdue.total_seconds()),
    ),
    Measure(
        "eventfeed_actions_retried",
        "Actions that a receiver has not taken and that are tried again.",
        ("receiver",),
        retried,
    ),
    Measure(
        "eventfeed_actions_parked_day",
        "Actions given up within 24 hours.",
        (),
        one(lambda found: found.outbox.parked),
    ),
    Measure(
        "eventfeed_action_attempts",
        "Attempts at actions: done, failed, to be tried again, parked.",
        (*PROCESS, "result"),
        counted_by("attempts"),
        "counter",
    ),
    Measure(
        "eventfeed_held_back_events",
        "Events stored and not shown yet, counted to 10,000.",
        (),
        one(lambda found: found.held.events),
    ),
    Measure(
        "eventfeed_held_back_seconds",
        "How long the oldest of them has been stored.",
        (),
        one(lambda found: found.held.age.total_seconds()),
    ),
    Measure(
        "eventfeed_longest_write_transaction_seconds",
        "Age of the oldest transaction that has written and has not ended.",
        (),
        one(lambda found: max((w.age.total_seconds() for w in found.held.writers), default=0)),
    ),
    Measure(
        "eventfeed_partition_events",
        "Events in a partition, as PostgreSQL estimates them.",
        ("partition",),
        of_parts(lambda part: part.events),
    ),
    Measure(
        "eventfeed_partition_bytes",
        "Size of a partition with its indexes.",
        ("partition",),
        of_parts(lambda part: part.bytes),
    ),
    Measure(
        "eventfeed_database_bytes",
        "Size of the whole database.",
        (),
        of_disk(lambda disk: disk.used),
    ),
    Measure(
        "eventfeed_disk_left_bytes",
        "Room left on the disk of the embedded PostgreSQL.",
        (),
        of_disk(lambda disk: disk.left),
    ),
)
DATABASE_UP = (
    "eventfeed_database_up",
    "Whether PostgreSQL answers; without it nothing else is said.",
)
TROUBLE = "eventfeed_trouble", "How many things of a kind the health page says are wrong."


class Health(Collector):
    """Collects when it is asked: all numbers of an answer are of one moment."""

    def collect(self) -> Iterator[Metric]:
        try:
            found = look_around()
        except Away as error:
            yield GaugeMetricFamily(*DATABASE_UP, value=0)
            yield trouble([away(str(error)).name])
            return
        yield GaugeMetricFamily(*DATABASE_UP, value=1)
        yield trouble(one.name for one in troubles(found))
        for measure in MEASURES:
            yield measure.family(found)

    def describe(self) -> list[Metric]:
        """Name nothing beforehand: the registry would collect once to find out."""
        return []


def trouble(names: Iterable[str]) -> Metric:
    family = GaugeMetricFamily(*TROUBLE, labels=("trouble",))
    told = list(names)
    for name in sorted(set(told)):
        family.add_metric((name,), told.count(name))
    return family


REGISTRY = CollectorRegistry()
REGISTRY.register(Health())


class AnyFormat(BaseContentNegotiation):
    """There is one format, whatever a scraper would like."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]


@extend_schema(exclude=True)
class Metrics(ApiView):
    content_negotiation_class = AnyFormat

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
