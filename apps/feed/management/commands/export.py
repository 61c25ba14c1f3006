"""Write all that a query matches into a file or a pipe."""

from __future__ import annotations

import gzip
import os
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections

from apps.events.absence import one_line
from apps.events.search import QueryTimeout
from apps.feed.columns import BadColumn, Columns, read_columns
from apps.feed.export import Export, Wanted
from apps.feed.export_formats import FORMATS
from apps.feed.typed import add_query, add_range, read_query, read_range

PROGRESS_SECONDS = 2.0
# How long the database may be away, in seconds.
PATIENCE = 60.0
PAUSE = 1.0
AWAY = (OperationalError, InterfaceError, QueryTimeout)


class Command(BaseCommand):
    help = "Write events, newest first: all, or those that a query matches."

    def add_arguments(self, parser: CommandParser) -> None:
        add_query(parser)
        add_range(parser)
        parser.add_argument("--format", choices=FORMATS, help="ndjson unless said or FILE is .csv")
        parser.add_argument(
            "--columns",
            type=columns_of,
            default=(),
            help="What CSV has besides its own, by commas: label.team,payload.order.total",
        )
        parser.add_argument(
            "--to", type=Path, metavar="FILE", help="Not to the standard output; .gz compresses."
        )

    def handle(self, *, query: list[str], to: Path | None, **options: Any) -> None:
        asked = read_query(query)
        since, until = read_range(options["since"], options["until"])
        wanted = Wanted(asked, since=since, until=until)
        form = options["format"] or ("csv" if to and ".csv" in to.suffixes else "ndjson")
        writing = Writing(Export(wanted, FORMATS[form], options["columns"]), say=self.stderr.write)
        try:
            if to:
                writing.into(to)
            else:
                writing.to(sys.stdout.buffer)
        except BrokenPipeError:
            # Whoever read us has had enough; the flush at exit must not fail.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped: incomplete after {writing.said}.")
            sys.exit(130)
        except AWAY as away:
            say = f"Incomplete after {writing.said}: {one_line(away)}"
            raise CommandError(say) from away
        except OSError as wrong:
            raise CommandError(f"Incomplete after {writing.said}: {wrong}") from wrong
        self.stderr.write(f"{writing.said}.")


def columns_of(text: str) -> Columns:
    try:
        return read_columns(text)
    except BadColumn as wrong:
        raise ArgumentTypeError(str(wrong)) from None


class Writing:
    """An export on its way into a file, told of every few seconds."""

    def __init__(self, export: Export, say: Callable[[str], Any]) -> None:
        self.export = export
        self.say = say
        self.began = self.told_at = time.monotonic()

    def into(self, file: Path) -> None:
        """Write a file that has its name only when it is whole."""
        partial = file.with_name(f"{file.name}.partial")
        with partial.open("wb") as raw:
            if file.suffix == ".gz":
                with gzip.open(raw, "wb", compresslevel=6) as packed:
                    self.to(packed)
            else:
                self.to(raw)
        partial.replace(file)

    def to(self, file: IO[bytes] | gzip.GzipFile) -> None:
        while part := self.next_part():
            file.write(part)
            self.tell_progress()
        file.flush()

    def next_part(self) -> bytes:
        """Read on, through an absence of the database."""
        end, waits = time.monotonic() + PATIENCE, False
        while True:
            try:
                part = self.export.part()
            except AWAY as away:
                if time.monotonic() > end:
                    raise
                if not waits:
                    self.say(f"The database is away: waiting. {one_line(away)}")
                waits = True
                close_old_connections()
                time.sleep(PAUSE)
            else:
                return part

    def tell_progress(self) -> None:
        now = time.monotonic()
        if now - self.told_at > PROGRESS_SECONDS and self.export.reached:
            self.told_at = now
            rate = self.export.told / (now - self.began)
            back = f"back to {self.export.reached:%Y-%m-%d %H:%M} UTC"
            self.say(f"{self.said} so far, {back}, {rate:,.0f} a second")

    @property
    def said(self) -> str:
        return f"{self.export.told:,} event{'' if self.export.told == 1 else 's'}"
