"""What a page says when it cannot show what was asked for."""

from dataclasses import dataclass

from apps.feed.asked import link
from apps.query import QueryError
from apps.query.values import quote


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

    @classmethod
    def of_query(cls, text: str, error: QueryError) -> "Mistake":
        suggestion = error.suggestion or ""
        return cls(
            say=error.say,
            before=text[: error.start],
            marked=text[error.start : error.end],
            after=text[error.end :],
            suggestion=suggestion,
            suggestion_href=link({"q": suggestion}) if suggestion else "",
            literal_href=link({"q": quote(text)}),
        )
