"""What people of one system look for on an event's page, in blocks that any page can draw.

An adapter registers a function for its system in its app's `ready()`; pages draw what it returns.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from apps.events.models import Event


@dataclass(frozen=True)
class Cell:
    """A text; `query` filters the feed by it, `href` leads out (only http and https are drawn)."""

    text: str
    query: str | None = None
    href: str | None = None
    hint: str | None = None
    """What stands behind the text for who looks closer: the exact number of bytes."""


@dataclass(frozen=True)
class Facts:
    """Names with values: attempt 2, cache hit."""

    title: str
    rows: Sequence[tuple[str, Cell]]


@dataclass(frozen=True)
class Table:
    """Rows under a head: a schema, assertions, columns with their sources."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    left_out: int = 0


@dataclass(frozen=True)
class Code:
    """A text in a language: `sql`, `python`, `json`, `text` for a stack trace."""

    title: str
    language: str
    text: str


@dataclass(frozen=True)
class Failure:
    """What went wrong: its kind and code, its message, its stack."""

    message: str
    code: str | None = None
    kind: str | None = None
    stack: str | None = None


Block = Facts | Table | Code | Failure
Teller = Callable[[Event], Sequence[Block]]

TELLERS: dict[str, Teller] = {}
# More rows than these no page can carry.
MOST_ROWS = 100


def register_details(system: str, teller: Teller) -> None:
    """Let `teller` say what is worth seeing in a system's events; it must take any payload."""
    TELLERS[system] = teller


def details(event: Event) -> Sequence[Block]:
    """Return the blocks of an event, none for a system that has registered nothing."""
    teller = TELLERS.get(event.system)
    return teller(event) if teller else ()


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[Table]:
    """Yield a table of the first rows, without the columns that say nothing in any of them.

    Yields nothing where there are no rows.
    """
    rows = iter(rows)
    if shown := [tuple(row) for row in islice(rows, MOST_ROWS)]:
        said = [at for at in range(len(head)) if any(row[at].text for row in shown)]
        yield Table(
            title,
            [head[at] for at in said],
            [[row[at] for at in said] for row in shown],
            left_out=sum(1 for _ in rows),
        )
