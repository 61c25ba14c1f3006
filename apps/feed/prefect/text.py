"""Prefect's text search, read as words: what stands in the index, where Prefect reads everything.

The grammar is that of prefect/server/utilities/text_search_parser.py: terms apart are
alternatives, `+term` must be there, `-term` or `!term` must not, quotes hold a phrase.
"""

import re
from collections.abc import Iterator

from apps.query.tree import Beginning, Lexeme, Node, Not, Phrase, any_of
from apps.query.words import words_before_star, words_of

_TERM = re.compile(r'(?P<sign>[-!+]?)(?:"(?P<phrase>(?:\\.|[^"\\])*\\?)(?:"|\Z)|(?P<word>[^\s"]+))')
_ESCAPE = re.compile(r'\\(["\\])')


def nodes_of(text: str) -> list[Node]:
    """Return what must hold of an event; a term without a letter or digit asks nothing."""
    either: list[Node] = []
    nodes: list[Node] = []
    for sign, term in terms_in(text):
        if not words_of(term):
            continue
        if sign == "+":
            nodes.append(_holding(term))
        elif sign:
            nodes.append(Not(_holding(term)))
        else:
            either.append(_holding(term))
    return [any_of(*either), *nodes] if either else nodes


def terms_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield each term with its sign, which may be empty."""
    for found in _TERM.finditer(text):
        phrase = found["phrase"]
        yield found["sign"], found["word"] if phrase is None else _ESCAPE.sub(r"\1", phrase)


def _holding(term: str) -> Node:
    """Ask for the words of a term in a row, the last of which may go on."""
    return any_of(*[_in_a_row(*reading) for reading in words_before_star(term)])


def _in_a_row(words: list[str], open_ended: bool) -> Node:
    if len(words) > 1:
        return Phrase(tuple(words), open_ended)
    return Beginning(words[0]) if open_ended else Lexeme(words[0])
