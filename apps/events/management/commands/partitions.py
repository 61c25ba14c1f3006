from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.template.defaultfilters import filesizeformat

from apps.events.partitions import DEFAULT, Partition, Size, ensure, expire, partitions, sizes


class Command(BaseCommand):
    help = "List the partitions of the log, make those that are missing, drop those that expired."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("do", choices=["list", "ensure", "expire"], nargs="?", default="list")

    def handle(self, *args: Any, do: str, **options: Any) -> None:
        match do:
            case "list":
                self._list()
            case "ensure":
                self._say("made", ensure())
            case "expire":
                self._say("dropped", expire())

    def _list(self) -> None:
        size_of = sizes()
        for partition in partitions():
            self._line(partition.name, _span(partition), size_of[partition.name])
        self._line(DEFAULT, "any other time", size_of[DEFAULT])

    def _line(self, name: str, span: str, size: Size) -> None:
        bytes = filesizeformat(size.bytes)
        self.stdout.write(f"{name:<15}  {span:<24}  ~{size.events:>11,} events  {bytes:>10}")

    def _say(self, done: str, changed: Iterable[Partition]) -> None:
        lines = [f"{done} {partition.name}: {_span(partition)}" for partition in changed]
        self.stdout.write("\n".join(lines) or f"Nothing had to be {done}.")


def _span(partition: Partition) -> str:
    return f"{partition.start:%Y-%m-%d} to {partition.end:%Y-%m-%d}"
