"""Taking over a Prefect server's events: what it counts and we have not read is read.

The same comparison at three scales. Every other second the last minute, second by second; every
half minute the last quarter of an hour, minute by minute; every hour, and after an outage,
everything the server keeps, hour by hour. Events are never changed, so a bucket of which the server
counts no more than we have read holds nothing new.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import InterfaceError, OperationalError, connection, transaction

from apps.events.draft import Draft
from apps.events.record import record
from apps.events.rejections import Rejected, reject_sync
from apps.ingest.adapters.message import Unreadable
from apps.ingest.adapters.prefect.adapter import draft_of
from apps.ingest.adapters.prefect.reading import read
from apps.ingest.masking import Rules, masked
from apps.ingest.models import Relay, RelayedHour
from apps.ingest.relay.prefect_server import (
    MOST_BUCKETS,
    Bucket,
    PrefectServer,
    ServerAway,
    Window,
)
from apps.ingest.relay.windows import Unsteady, events_in

logger = logging.getLogger(__name__)

DOORWAY = "relay prefect"
UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
}
BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass
class Scale:
    """How finely a stretch of time is compared, and how often."""

    unit: str
    span: timedelta | None
    """How far back; None: everything that the server keeps."""
    every: float
    due: float = 0.0
    counted: dict[datetime, int] = field(default_factory=dict)
    """How many events of each bucket were read."""

    def forget_before(self, moment: datetime) -> None:
        for start in [start for start in self.counted if start < moment]:
            del self.counted[start]


def scales() -> list[Scale]:
    return [
        Scale("second", timedelta(minutes=1), every=2.0),
        Scale("minute", timedelta(minutes=15), every=30.0),
        Scale("hour", None, every=3600.0),
    ]


class Relaying:
    """One relay at work. `tell` hears a sentence about what was done, now and then."""

    def __init__(
        self, relay: Relay, server: PrefectServer, *, tell: Callable[[str], None] = logger.info
    ) -> None:
        self.relay = relay
        self.server = server
        self.tell = tell
        self.rules = Rules.of(relay.source.masks)
        self.scales = scales()
        # Hours to read, newest first, so that the present never waits for the past.
        self.hours: deque[Bucket] = deque()
        self.scales[-1].counted = dict(
            RelayedHour.objects.filter(relay=relay).values_list("start", "count")
        )

    def run(self, stop: threading.Event, *, once: bool = False) -> None:
        """Take over until stopped; with `once`, until nothing is left to read."""
        failures = 1 if self.relay.error else 0
        while not stop.is_set():
            try:
                pause = self.step()
                failures = self.mended(failures)
                if once and not self.hours:
                    return
            except (ServerAway, Unsteady, OperationalError, InterfaceError) as error:
                if once and isinstance(error, ServerAway):
                    raise
                pause = BACKOFF[min(failures, len(BACKOFF) - 1)]
                failures += 1
                self.failed(str(error))
            stop.wait(pause)

    def step(self) -> float:
        """Do what is due, or read one hour of the past; return how long to rest."""
        for scale in self.scales:
            if time.monotonic() >= scale.due:
                scale.due = time.monotonic() + scale.every
                self.compare(scale)
        if self.hours:
            self.take_hour(self.hours.popleft())
            return 0.0
        return max(0.0, min(scale.due for scale in self.scales) - time.monotonic())

    def compare(self, scale: Scale) -> None:
        """Read the buckets of which the server counts more than we have read."""
        now = datetime.now(UTC)
        if scale.span is None:
            self.compare_everything(scale, now)
            return
        since = now - scale.span
        scale.forget_before(since - UNITS[scale.unit])
        for bucket in self.server.counts(Window(since, now), unit=scale.unit):
            if bucket.count > scale.counted.get(bucket.start_time, 0):
                scale.counted[bucket.start_time] = self.take(whole(bucket, scale.unit))

    def compare_everything(self, scale: Scale, now: datetime) -> None:
        oldest = self.server.first()
        windows = spans(oldest, now) if oldest else ()
        buckets = [bucket for window in windows for bucket in self.counts_of(window)]
        behind = [one for one in buckets if one.count > scale.counted.get(one.start_time, 0)]
        self.hours = deque(sorted(behind, key=lambda bucket: bucket.start_time, reverse=True))
        self.note(compared=now, oldest=oldest, server_count=sum(one.count for one in buckets))
        if self.hours:
            missing = sum(one.count - scale.counted.get(one.start_time, 0) for one in behind)
            self.tell(f"To be read: {many(missing, 'event')} in {many(len(behind), 'hour')}.")

    def counts_of(self, window: Window) -> Sequence[Bucket]:
        return self.server.counts(window, unit="hour")

    def take_hour(self, bucket: Bucket) -> None:
        count = self.take(whole(bucket, "hour"))
        self.scales[-1].counted[bucket.start_time] = count
        RelayedHour.objects.update_or_create(
            relay=self.relay, start=bucket.start_time, defaults={"count": count}
        )
        self.note(own_count=sum(self.scales[-1].counted.values()))
        self.tell(f"{bucket.start_time:%Y-%m-%d %H:00} · {many(count, 'event')} · {self.left}")

    @property
    def left(self) -> str:
        return f"{many(len(self.hours), 'hour')} left" if self.hours else "all read"

    def take(self, window: Window) -> int:
        """Record the events of a window; return how many the server gave."""
        given = stored = 0
        for page in events_in(self.server, window):
            given += len(page)
            stored += record(list(self.drafts_in(page)), source_id=self.relay.source_id).stored
        if stored:
            self.note(last_stored=datetime.now(UTC))
        return given

    def drafts_in(self, page: Sequence[bytes]) -> Iterator[Draft]:
        for raw in page:
            reading = read(raw)
            if isinstance(reading, Unreadable):
                self.refuse(reading, raw)
            else:
                yield masked(draft_of(reading), self.rules)

    def refuse(self, unreadable: Unreadable, raw: bytes) -> None:
        problem = unreadable.problems[0]
        reject_sync(
            Rejected(
                source_id=self.relay.source_id,
                doorway=DOORWAY,
                path=problem.where,
                reason=problem.reason,
                body=raw,
                event_id=unreadable.event_id,
            )
        )

    def failed(self, say: str) -> None:
        """Say what is wrong, here and on the sources page, where the database can be had."""
        self.tell(f"Waiting: {say}")
        connection.close_if_unusable_or_obsolete()
        try:
            with transaction.atomic():
                self.note(error=say[:1_000])
        except (OperationalError, InterfaceError):
            return

    def mended(self, failures: int) -> int:
        """After an outage everything is compared again: who knows what came meanwhile."""
        if failures:
            self.scales[-1].due = 0.0
            self.note(error="")
        return 0

    def note(self, **told: object) -> None:
        Relay.objects.filter(pk=self.relay.pk).update(**told)


def whole(bucket: Bucket, unit: str) -> Window:
    """Return the window of a bucket, its last microsecond included."""
    return Window(bucket.start_time, bucket.start_time + UNITS[unit] - timedelta(microseconds=1))


def spans(oldest: datetime, now: datetime) -> Iterator[Window]:
    """Cut a long time into windows of no more hours than the server counts at once."""
    longest = timedelta(hours=MOST_BUCKETS - 10)
    since = oldest.replace(minute=0, second=0, microsecond=0)
    while since <= now:
        # Both ends belong to a window.
        yield Window(since, min(since + longest - timedelta(microseconds=1), now))
        since += longest


def many(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
