"""Take over files of messages: the lossless way in for senders who do not try again."""
# ruff: noqa: N999 - the command is called so

from __future__ import annotations

import gzip
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from apps.events.draft import Draft
from apps.events.models import Source
from apps.events.record import record
from apps.events.rejections import Rejected, reject_sync
from apps.events.row import Refused
from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.dialects import DIALECTS
from apps.ingest.masking import Rules, masked

BATCH_LINES = 500
PROGRESS_SECONDS = 2.0
MOST_TOLD = 20


class Command(BaseCommand):
    help = "Record files with one message a line, as OpenLineage's file transport writes them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=existing, metavar="FILE")
        parser.add_argument("--as", dest="system", required=True, choices=sorted(DIALECTS))
        parser.add_argument("--source", default="import", help="File them under this source.")

    def handle(self, *, files: list[Path], system: str, source: str, **_: Any) -> None:
        kept, _new = Source.objects.get_or_create(name=source, defaults={"system": system})
        load = Load(self, system, kept)
        for file in files:
            load.take(file)
        load.end()


class Load:
    """One run of the command: what was stored, known and refused so far."""

    def __init__(self, command: BaseCommand, system: str, source: Source) -> None:
        self.command = command
        self.system = system
        self.source = source
        self.rules = Rules.of(source.masks)
        self.stored = self.known = self.refused = 0
        self.told_at = time.monotonic()

    def take(self, file: Path) -> None:
        with opened(file) as lines:
            numbered = ((at, line) for at, line in enumerate(lines, start=1) if line.strip())
            while batch := list(islice(numbered, BATCH_LINES)):
                self.store(file, batch)
                self.tell_progress(file, batch[-1][0])

    def store(self, file: Path, batch: Iterable[tuple[int, bytes]]) -> None:
        drafts: list[Draft] = []
        for number, line in batch:
            drafts += self.read(file, number, line)
        if not drafts:
            return
        try:
            recorded = record(drafts, source_id=self.source.pk)
        except Refused as refused:
            raise CommandError(f"{file}: {refused.path}: {refused.say}") from refused
        except (OperationalError, InterfaceError) as away:
            say = f"The database is away after {self.said}; run it again, nothing is stored twice."
            raise CommandError(say) from away
        self.stored += recorded.stored
        self.known += recorded.known

    def read(self, file: Path, number: int, line: bytes) -> Iterator[Draft]:
        for element in DIALECTS[self.system](Message(line)):
            if isinstance(element.reading, Unreadable):
                self.refuse(file, number, line, element.reading)
            else:
                yield from (masked(draft, self.rules) for draft in element.reading)

    def refuse(self, file: Path, number: int, line: bytes, unreadable: Unreadable) -> None:
        self.refused += 1
        problem = unreadable.problems[0]
        reject_sync(
            Rejected(
                source_id=self.source.pk,
                doorway=f"import --as {self.system}",
                index=number,
                path=problem.where,
                reason=problem.reason,
                body=line,
                event_id=unreadable.event_id,
            )
        )
        if self.refused <= MOST_TOLD:
            where = f"{problem.where}: " if problem.where else ""
            self.command.stderr.write(f"{file.name}, line {number}: {where}{problem.reason}")

    def tell_progress(self, file: Path, number: int) -> None:
        if time.monotonic() - self.told_at > PROGRESS_SECONDS:
            self.told_at = time.monotonic()
            self.command.stderr.write(f"{file.name}, line {number:,}: {self.said} so far")

    def end(self) -> None:
        self.command.stdout.write(f"{self.said}.")
        if self.refused:
            raise CommandError(f"{self.refused:,} refused; they are kept on the rejections page.")

    @property
    def said(self) -> str:
        known = f", {self.known:,} known already" if self.known else ""
        return f"{self.stored:,} events stored{known}"


def opened(file: Path) -> IO[bytes]:
    if str(file) == "-":
        return sys.stdin.buffer
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")  # type: ignore[return-value]


def existing(name: str) -> Path:
    path = Path(name)
    if name != "-" and not path.is_file():
        raise ArgumentTypeError(f"{name} is no file")
    return path
