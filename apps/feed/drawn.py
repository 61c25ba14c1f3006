"""What a system's adapter tells of an event, as the templates of the event's page draw it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.utils.safestring import SafeString, mark_safe
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from apps.events.details import Block, Cell, Code, Facts, Failure, Table, details
from apps.events.models import Event
from apps.feed.rows import filtered

# What a page can carry of one text, and of one table.
LONGEST_CODE = 20_000
LONGEST_CELL = 500
MOST_ROWS = 100
FOLDED_ABOVE_LINES = 30

# Escapes what it does not colour; its classes are those of static/css/eventfeed.css.
FORMATTER = HtmlFormatter(nowrap=True, classprefix="code-")


@dataclass(frozen=True)
class DrawnCell:
    """A text with its links: into the feed, with and without it, or out of it."""

    text: str
    hint: str = ""
    href: str = ""
    only: str = ""
    without: str = ""

    @classmethod
    def of(cls, cell: Cell) -> "DrawnCell":
        text = cell.text if len(cell.text) <= LONGEST_CELL else f"{cell.text[:LONGEST_CELL]}…"
        links = (filtered(cell.query), filtered(f"-{cell.query}")) if cell.query else ("", "")
        return cls(text, cell.hint or "", _web_address(cell.href), *links)


def _web_address(href: str | None) -> str:
    """Return a link that a browser may follow; `s3://…` and `javascript:` are only texts."""
    try:
        return href if href and urlsplit(href).scheme in ("http", "https") else ""
    except ValueError:
        return ""


@dataclass(frozen=True)
class DrawnFacts:
    template = "feed/_facts.html"
    title: str
    rows: Sequence[tuple[str, DrawnCell]]

    @classmethod
    def of(cls, facts: Facts) -> "DrawnFacts":
        return cls(facts.title, [(name, DrawnCell.of(cell)) for name, cell in facts.rows])


@dataclass(frozen=True)
class DrawnTable:
    template = "feed/_table.html"
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[DrawnCell]]
    left_out: int

    @classmethod
    def of(cls, table: Table) -> "DrawnTable":
        rows = [[DrawnCell.of(cell) for cell in row] for row in table.rows[:MOST_ROWS]]
        left_out = table.left_out + len(table.rows) - len(rows)
        return cls(table.title, table.head, rows, left_out)


@dataclass(frozen=True)
class DrawnCode:
    template = "feed/_code.html"
    title: str
    html: SafeString
    left_out: int

    @classmethod
    def of(cls, code: Code) -> "DrawnCode":
        shown = code.text[:LONGEST_CODE]
        return cls(code.title, coloured(shown, code.language), len(code.text) - len(shown))


@dataclass(frozen=True)
class DrawnFailure:
    template = "feed/_failure.html"
    message: str
    code: str
    kind: str
    stack: str
    folded: bool

    @classmethod
    def of(cls, failure: Failure) -> "DrawnFailure":
        stack = (failure.stack or "")[:LONGEST_CODE]
        folded = stack.count("\n") > FOLDED_ABOVE_LINES
        message = failure.message[:LONGEST_CODE]
        return cls(message, failure.code or "", failure.kind or "", stack, folded)


Drawn = DrawnFacts | DrawnTable | DrawnCode | DrawnFailure

DRAWN: Mapping[type[Block], Callable[..., Drawn]] = {
    Facts: DrawnFacts.of,
    Table: DrawnTable.of,
    Code: DrawnCode.of,
    Failure: DrawnFailure.of,
}


def drawn(event: Event) -> list[Drawn]:
    """Return what is worth seeing of an event, in the order its adapter tells it."""
    return [DRAWN[type(block)](block) for block in details(event)]


def coloured(text: str, language: str) -> SafeString:
    """Colour a text by its language; one that nobody knows stays plain."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        lexer = get_lexer_by_name("text", stripnl=False)
    return mark_safe(highlight(text, lexer, FORMATTER))  # noqa: S308 - it escapes every token
