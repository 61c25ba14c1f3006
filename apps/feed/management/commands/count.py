"""Count events, exactly."""

from __future__ import annotations

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from apps.events.absence import one_line
from apps.events.exact import count_all
from apps.events.search import QueryTimeout
from apps.feed.typed import add_query, add_range, read_query, read_range

PROGRESS_SECONDS = 2.0


class Command(BaseCommand):
    help = "Count events exactly: all, or those that a query matches."

    def add_arguments(self, parser: CommandParser) -> None:
        add_query(parser)
        add_range(parser)

    def handle(self, *, query: list[str], **options: Any) -> None:
        asked = read_query(query)
        since, until = read_range(options["since"], options["until"])
        events, told_at = 0, time.monotonic()
        try:
            for counted in count_all(asked, since=since, until=until):
                events = counted.events
                if time.monotonic() - told_at > PROGRESS_SECONDS:
                    told_at = time.monotonic()
                    back = f"back to {counted.back_to:%Y-%m-%d %H:%M} UTC"
                    self.stderr.write(f"{events:,} so far, {back}, {counted.part:.0%}")
        except QueryTimeout as slow:
            raise CommandError(str(slow)) from slow
        except (OperationalError, InterfaceError) as away:
            raise CommandError(f"The database is away: {one_line(away)}") from away
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped: {events:,} were counted, and there may be more.")
            sys.exit(130)
        # Without commas: it is for programs, too.
        self.stdout.write(str(events))
