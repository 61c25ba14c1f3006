"""What a word or a phrase without a field asks for."""

from apps.query.fields import Unfit
from apps.query.tree import EVERYTHING, Beginning, Lexeme, Node, Phrase, any_of
from apps.query.values import Value, quote
from apps.query.words import holds_time, words_before_star, words_of


def read_text(value: Value) -> Node:
    """Read a word or quoted words; unquoted, a `*` may end it."""
    if value.is_anything:
        return EVERYTHING
    if not value.is_glob:
        return _in_a_row(words_of(value.text))
    return any_of(*[_in_a_row(*reading) for reading in words_before_star(value.text.rstrip("*"))])


def settle_text(value: Value) -> Value:
    """Raise Unfit for what no word of an event could match."""
    if value.is_anything:
        return value
    body = value.text if value.quoted else value.text.rstrip("*")
    if not value.quoted and "*" in body:
        raise Unfit("In text a * can only end a word.", value.text.replace("*", " ").strip())
    if words_of(body):
        return value
    if holds_time(body):
        raise Unfit("Times are not searched as words: use the time range.", "")
    raise Unfit(f"“{value.text}” has no letter or digit to search for.", "")


def literal(text: str) -> str | None:
    """Return the query that searches for a whole text as it is; None when no event could match."""
    return quote(text) if words_of(text) else None


def text_says(value: Value, negated: bool) -> list[tuple[str, bool]]:
    with_ = "without" if negated else "with"
    if value.is_anything:
        return [(f"{with_} anything", False)]
    one = len(words_of(value.text)) == 1
    if value.is_glob:
        said = "a word beginning with" if one else "words in a row beginning with"
        return [(f"{with_} {said} ", False), (value.text.rstrip("*"), True)]
    return [(f"{with_} the {'word' if one else 'words'} ", False), (value.text, True)]


def _in_a_row(words: list[str], open_ended: bool = False) -> Node:
    if len(words) > 1:
        return Phrase(tuple(words), open_ended)
    return Beginning(words[0]) if open_ended else Lexeme(words[0])
