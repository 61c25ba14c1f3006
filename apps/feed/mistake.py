"""What a page says when it cannot show what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apps.feed.asked import Asked, link
from apps.feed.columns import BadColumn
from apps.feed.moments import BadMoment
from apps.query import QueryError, literal, parse

# What is left out of an address for what was wrong in it, and how the rest is called.
PLACE = ("from the newest on", ("after", "from", "to", "order"))
LEFT_OUT: Mapping[type[Exception], tuple[str, tuple[str, ...]]] = {
    BadMoment: ("of any time", ("since", "until")),
    BadColumn: ("without these columns", ("columns",)),
}


@dataclass(frozen=True)
class Mistake:
    """A sentence, and for a query the text with its wrong part marked and ways out."""

    say: str
    before: str = ""
    marked: str = ""
    after: str = ""
    suggestion: str = ""
    suggestion_href: str = ""
    literal_href: str = ""
    in_query: bool = False
    rest: str = ""
    """What stays when what is wrong is left out: how that is called, and its address."""
    rest_href: str = ""
    view_href: str = ""

    @classmethod
    def of_address(cls, url: Mapping[str, str], error: Exception) -> Mistake:
        """Say what is wrong beside the query, with the way to the same without that."""
        rest, fields = next((r for kind, r in LEFT_OUT.items() if isinstance(error, kind)), PLACE)
        kept = {name: value for name, value in url.items() if name not in fields}
        view = url.get("view", "")
        return cls(
            say=str(error),
            rest=rest,
            rest_href=link(kept),
            view_href=f"/views#view-{view}" if view.isdecimal() else "",
        )

    @classmethod
    def of_query(cls, asked: Asked, error: QueryError) -> Mistake:
        text = asked.text
        suggestion = error.suggestion or ""
        searched = literal_of(text)
        return cls(
            say=error.say,
            before=text[: error.start],
            marked=text[error.start : error.end],
            after=text[error.end :],
            suggestion=suggestion,
            suggestion_href=asked.link(q=suggestion) if suggestion else "",
            literal_href=asked.link(q=searched) if searched else "",
            in_query=True,
        )


def literal_of(text: str) -> str:
    """Return the query that searches for a text literally, "" when nothing in it can be."""
    searched = literal(text) or ""
    try:
        parse(searched)
    except QueryError:
        return ""
    return searched
