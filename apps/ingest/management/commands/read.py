"""Print what a message of some system becomes, without storing anything."""

from __future__ import annotations

import gzip
import json
import re
import sys
import zlib
from argparse import ArgumentTypeError
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.events.draft import Draft
from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.dialects import IN_FILES

JSON, PROTOBUF = "application/json", "application/x-protobuf"
GZIP = b"\x1f\x8b"
NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")


class Command(BaseCommand):
    help = "Print the drafts of a message, one JSON object a line, and what cannot be read of it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("system", choices=sorted(IN_FILES))
        parser.add_argument("file", help="The message as it was sent; - for the standard input.")
        parser.add_argument("--kind", default="", help="What its path says: Flyte's tasks.")
        parser.add_argument(
            "--content-type", help="As it was sent; else JSON where it is text, else protobuf."
        )
        parser.add_argument(
            "--header", type=header, action="append", default=[], metavar="NAME=VALUE"
        )

    def handle(self, *, system: str, file: str, **told: Any) -> None:
        body = unpacked(bytes_of(file))
        type = told["content_type"] or type_of(body)
        message = Message(body, type, dict(told["header"]), kind=told["kind"])
        unread = 0
        for element in IN_FILES[system](message):
            if isinstance(element.reading, Unreadable):
                unread += 1
                self.tell(element.index, element.reading)
                continue
            for draft in element.reading:
                self.stdout.write(json.dumps(told_of(draft), ensure_ascii=False))
        if unread:
            raise CommandError(f"{unread} could not be read.")

    def tell(self, index: int | None, unreadable: Unreadable) -> None:
        place = "" if index is None else f"Event {index}: "
        for problem in unreadable.problems:
            where = f"{problem.where}: " if problem.where else ""
            self.stderr.write(f"{place}{where}{problem.reason}")


def bytes_of(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error


def unpacked(body: bytes) -> bytes:
    """Return what gzip has packed, which is told by how it begins."""
    if not body.startswith(GZIP):
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise CommandError(f"It begins as gzip, and cannot be unpacked: {error}.") from error


def type_of(body: bytes) -> str:
    """Guess what was sent: what is no text is protobuf, which never begins with a bracket."""
    if body.startswith((b"{", b"[")):
        return JSON
    try:
        is_text = not NO_TEXT.search(body.decode())
    except UnicodeDecodeError:
        is_text = False
    return JSON if is_text else PROTOBUF


def told_of(draft: Draft) -> Mapping[str, Any]:
    """Write a draft as the API writes an event."""
    told = msgspec.to_builtins(draft)
    return told | {"outcome": draft.outcome.word}


def header(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not name or not given:
        raise ArgumentTypeError(f"“{text}” is no header; write name=value")
    return name.lower(), value
