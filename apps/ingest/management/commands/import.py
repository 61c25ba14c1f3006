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
from apps.ingest.adapters.eventfeed.adapter import Filed, filed_as
from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.dialects import IN_FILES
from apps.ingest.masking import Rules, masked

DEFAULT_SOURCE = "import"
BATCH_LINES = 500
PROGRESS_SECONDS = 2.0
MOST_TOLD = 20


class Command(BaseCommand):
    help = "Record files with one message a line: OpenLineage's file transport's, or an export."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=existing, metavar="FILE")
        parser.add_argument("--as", dest="system", required=True, choices=sorted(IN_FILES))
        parser.add_argument(
            "--source",
            help="File them under this source: import unless said, or what an exported event says.",
        )

    def handle(self, *, files: list[Path], system: str, source: str | None, **_: Any) -> None:
        load = Load(self, system, source)
        for file in files:
            load.take(file)
        load.end()


class Load:
    """One run of the command: what was stored, known and refused so far."""

    def __init__(self, command: BaseCommand, system: str, source: str | None) -> None:
        self.command = command
        self.system = system
        self.source = source
        self.sources: dict[str, tuple[int, Rules]] = {}
        self.stored = self.known = self.refused = 0
        self.told_at = time.monotonic()

    def take(self, file: Path) -> None:
        with opened(file) as lines:
            numbered = ((at, line) for at, line in enumerate(lines, start=1) if line.strip())
            while batch := list(islice(numbered, BATCH_LINES)):
                self.store(file, batch)
                self.tell_progress(file, batch[-1][0])

    def store(self, file: Path, batch: Iterable[tuple[int, bytes]]) -> None:
        drafts: dict[int, list[Draft]] = {}
        for number, line in batch:
            source, rules = self.filed(line)
            for draft in self.read(file, number, line, source):
                drafts.setdefault(source, []).append(masked(draft, rules))
        for source, theirs in drafts.items():
            self.record(file, theirs, source)

    def filed(self, line: bytes) -> tuple[int, Rules]:
        """Return the source that a line is filed under, with its masks."""
        told = filed_as(line) if self.system == "eventfeed" else Filed(system=self.system)
        name = self.source or told.source or DEFAULT_SOURCE
        if name not in self.sources:
            source, _ = Source.objects.get_or_create(name=name, defaults={"system": told.system})
            self.sources[name] = source.pk, Rules.of(source.masks)
        return self.sources[name]

    def record(self, file: Path, drafts: list[Draft], source: int) -> None:
        try:
            recorded = record(drafts, source_id=source, imported=True)
        except Refused as refused:
            raise CommandError(f"{file}: {refused.path}: {refused.say}") from refused
        except (OperationalError, InterfaceError) as away:
            say = f"The database is away after {self.said}; run it again, nothing is stored twice."
            raise CommandError(say) from away
        self.stored += recorded.stored
        self.known += recorded.known

    def read(self, file: Path, number: int, line: bytes, source: int) -> Iterator[Draft]:
        for element in IN_FILES[self.system](Message(line)):
            if isinstance(element.reading, Unreadable):
                self.refuse(file, number, line, element.reading, source)
            else:
                yield from element.reading

    def refuse(
        self, file: Path, number: int, line: bytes, unreadable: Unreadable, source: int
    ) -> None:
        self.refused += 1
        problem = unreadable.problems[0]
        reject_sync(
            Rejected(
                source_id=source,
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
