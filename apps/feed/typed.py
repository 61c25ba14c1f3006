"""What somebody types behind a command: a query and times, with mistakes told where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.core.management.base import CommandError, CommandParser

from apps.feed.moments import BadMoment, in_order, moment
from apps.query import Query, QueryError, parse

INDENT = "  "


def add_query(parser: CommandParser) -> None:
    parser.add_argument("query", nargs="*", help="As in the box of the page: outcome:failed")


def add_range(parser: CommandParser) -> None:
    parser.add_argument("--since", metavar="TIME", help="From when on: now-1h or ISO.")
    parser.add_argument("--until", metavar="TIME", help="Until when, likewise.")


def read_query(words: Sequence[str]) -> Query:
    """Read the query; raises CommandError with the wrong part underlined."""
    text = " ".join(words).strip()
    try:
        return parse(text)
    except QueryError as wrong:
        raise CommandError(told(text, wrong)) from wrong


def told(text: str, wrong: QueryError) -> str:
    # Some sentences suggest a word already; here it is the whole query, to be copied.
    say = wrong.say.partition(" Did you mean ")[0]
    if wrong.suggestion:
        say = f"{say} Did you mean {wrong.suggestion} ?"
    underlined = " " * wrong.start + "^" * max(1, wrong.end - wrong.start)
    return "\n".join([say, INDENT + text, INDENT + underlined])


def read_range(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Read both ends of a range; raises CommandError."""
    first, last = read_time(since), read_time(until)
    try:
        in_order(first, last)
    except BadMoment as wrong:
        raise CommandError(str(wrong)) from wrong
    return first, last


def read_time(text: str | None) -> datetime | None:
    """Read a time; raises CommandError."""
    try:
        return moment(text, datetime.now(UTC)) if text else None
    except BadMoment as wrong:
        raise CommandError(str(wrong)) from wrong
