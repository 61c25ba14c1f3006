"""Stream believable events, or take them away again."""

from __future__ import annotations

import re
import time
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from random import Random
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, ProgrammingError, connection

from apps.events.draft import Draft
from apps.events.models import Source
from apps.events.record import record
from apps.ingest.demo import events, source_of
from apps.ingest.demo.removal import remove

BATCH = 500
# As busy as the present, a day would be half a million events.
PAST_IS_QUIETER = 10
# The live part begins a little ago, in the middle of things, not with the first run's schedule.
WARM_UP = timedelta(minutes=1)
SECONDS = {"m": 60, "h": 3_600, "d": 86_400}


class Command(BaseCommand):
    help = "Stream the events of a small data platform, as every system would send its own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rate", type=rate, default=5.0, help="Events a second (5).")
        parser.add_argument("--seconds", type=float, help="Stop after so long; 0: only the past.")
        parser.add_argument(
            "--past",
            type=span,
            metavar="1d",
            help="First fill a past of 30m, 6h or 1d, ten times quieter than the rate.",
        )
        parser.add_argument("--seed", help="Tell the same stories as with this seed before.")
        parser.add_argument("--remove", action="store_true", help="Delete all that demo made.")

    def handle(self, **options: Any) -> None:
        try:
            if options["remove"]:
                self.stdout.write(f"{remove():,} events of the demo deleted.")
            else:
                self.tell(**options)
        except ProgrammingError as error:
            raise CommandError("There are no tables yet: start `make run` first.") from error
        except KeyboardInterrupt:
            self.stderr.write("Stopped. `manage.py demo --remove` deletes what it made.")

    def tell(
        self,
        *,
        rate: float,
        seconds: float | None,
        past: timedelta | None,
        seed: str | None,
        **_: Any,
    ) -> None:
        rng, now = Random(seed), datetime.now(UTC)  # noqa: S311 - stories, no secrets
        begins = now - WARM_UP
        if past:
            self.stdout.write("Telling of the past …")
            quiet = events(rng, begins - past, rate=rate / PAST_IS_QUIETER)
            told = self.record_all(batches(until(begins, quiet)))
            self.stdout.write(f"{told:,} events of the past stored.")
        if seconds == 0:
            return
        self.stdout.write(f"About {rate:g} events a second. Ctrl-C stops.")
        stream = events(rng, begins, rate=rate)
        if seconds:
            stream = until(now + timedelta(seconds=seconds), stream)
        told = self.record_all(as_they_occur(stream))
        self.stdout.write(f"{told:,} events told.")

    def record_all(self, groups: Iterator[list[Draft]]) -> int:
        return sum(self.record(*sent) for group in groups for sent in by_source(group).items())

    def record(self, source: str, drafts: list[Draft]) -> int:
        """Record the drafts of a source, however long the database may be away."""
        while True:
            try:
                sender = source_id(source, drafts[0].system)
                return record(drafts, source_id=sender, prompt=True).stored
            except (OperationalError, InterfaceError) as away:
                self.stderr.write(f"The database is away; trying again. {away}")
                connection.close()
                time.sleep(1)


def by_source(drafts: Iterable[Draft]) -> dict[str, list[Draft]]:
    sent: dict[str, list[Draft]] = {}
    for draft in drafts:
        sent.setdefault(source_of(draft), []).append(draft)
    return sent


def source_id(name: str, system: str) -> int:
    source, _ = Source.objects.get_or_create(name=name, defaults={"system": system})
    return source.pk


def until(end: datetime, drafts: Iterator[Draft]) -> Iterator[Draft]:
    return takewhile(lambda draft: draft.occurred < end, drafts)


def batches(drafts: Iterator[Draft]) -> Iterator[list[Draft]]:
    while batch := list(islice(drafts, BATCH)):
        yield batch


def as_they_occur(drafts: Iterator[Draft]) -> Iterator[list[Draft]]:
    """Yield the drafts at the time they say; those that are due together, together."""
    due: list[Draft] = []
    for draft in drafts:
        early = (draft.occurred - datetime.now(UTC)).total_seconds()
        if due and (early > 0 or len(due) >= BATCH):
            yield due
            due = []
        if early > 0:
            time.sleep(early)
        due.append(draft)
    if due:
        yield due


def rate(text: str) -> float:
    number = float(text)
    if not 0 < number <= 10_000:
        raise ArgumentTypeError("a rate is above 0 and at most 10,000 events a second")
    return number


def span(text: str) -> timedelta:
    written = re.fullmatch(r"(\d{1,4})([mhd])", text)
    if written is None:
        raise ArgumentTypeError(f"“{text}” is no time span; write 30m, 6h or 1d")
    return timedelta(seconds=int(written[1]) * SECONDS[written[2]])
