"""Which queries an event may fit, found by the lexemes they require instead of asking each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from apps.query import lexemes
from apps.query.query import Query
from apps.query.terms import Terms
from apps.query.tree import AllOf, AnyOf, Beginning, Happened, Lexeme, Node, Phrase

# How many events a mark lets through, roughly: the higher the worse. Words stand between.
RANKS = {
    lexemes.PRIMARY_ID: 0,
    lexemes.RELATED_ID: 0,
    lexemes.PRIMARY_NAME: 1,
    lexemes.RELATED_NAME: 1,
    lexemes.PRIMARY_LABEL: 2,
    lexemes.RELATED_LABEL: 2,
    lexemes.EVENT: 4,
    lexemes.ROLE: 6,
    lexemes.SYSTEM: 7,
    lexemes.OUTCOME: 8,
}
WORD = 3
BEGINNING = 1  # worse than a whole one


class Required(NamedTuple):
    """A lexeme that a fitting event has, or what one of its lexemes begins with."""

    text: str
    is_beginning: bool = False

    @property
    def rank(self) -> int:
        return RANKS.get(self.text[:1], WORD) + BEGINNING * self.is_beginning


class Index:
    """Queries by what they require."""

    def __init__(self, queries: Iterable[Query]) -> None:
        self.queries = list(queries)
        self._whole: dict[str, list[int]] = defaultdict(list)
        self._heads: dict[str, list[int]] = defaultdict(list)
        """Beginnings of event names."""
        self._before_role: dict[str, list[int]] = defaultdict(list)
        """A related id or name in any role."""
        self._always: list[int] = []
        for number, query in enumerate(self.queries):
            self._add(number, query)
        self._lengths = sorted({len(head) for head in self._heads})

    def fitting(self, event: Happened, terms: Terms) -> Iterator[int]:
        """Yield the numbers of the queries that an event fits."""
        for number in self._candidates(event, terms):
            if self.queries[number].matches(event, terms):
                yield number

    def _candidates(self, event: Happened, terms: Terms) -> Iterable[int]:
        found = set(self._always)
        for lexeme in terms.among(self._whole.keys()):
            found.update(self._whole[lexeme])
        name = lexemes.lexeme(lexemes.EVENT, event.event)
        for length in self._lengths:
            found.update(self._heads.get(name[:length], ()))
        if self._before_role:
            for beginning in _before_roles(terms):
                found.update(self._before_role.get(beginning, ()))
        return found

    def _add(self, number: int, query: Query) -> None:
        required = required_by(query.tree)
        if required is None:
            self._always.append(number)
            return
        for text, is_beginning in required:
            if not is_beginning:
                self._whole[text].append(number)
            elif text.startswith(lexemes.EVENT):
                self._heads[text].append(number)
            else:
                self._before_role[text].append(number)


def _before_roles(terms: Terms) -> Iterator[str]:
    for mark in (lexemes.RELATED_ID, lexemes.RELATED_NAME):
        for lexeme in terms.beginning_with(mark):
            yield lexeme.rpartition(lexemes.SEPARATOR)[0] + lexemes.SEPARATOR


def required_by(node: Node) -> frozenset[Required] | None:
    """Return of what every fitting event has at least one; None when nothing is sure."""
    match node:
        case Lexeme():
            return frozenset({Required(node.lexeme)})
        case Beginning():
            return _beginning(node.beginning)
        case Phrase() if len(node.words) > 1 or not node.open_ended:
            return frozenset({Required(node.words[0])})
        case AnyOf():
            each = [required_by(one) for one in node.nodes]
            if not each or any(one is None for one in each):
                return None
            return frozenset().union(*[one for one in each if one is not None])
        case AllOf():
            sure = [found for one in node.nodes if (found := required_by(one)) is not None]
            return min(sure, key=_worst) if sure else None
    return None


def _worst(required: frozenset[Required]) -> tuple[int, int]:
    return max(one.rank for one in required), len(required)


def _beginning(text: str) -> frozenset[Required] | None:
    """Say what can be looked up: a head of an event's name, or all but the role of a related."""
    is_head = text.startswith(lexemes.EVENT) and len(text) > 1
    marks = (lexemes.RELATED_ID, lexemes.RELATED_NAME)
    is_before_role = text.startswith(marks) and text.find(lexemes.SEPARATOR) == len(text) - 1 > 0
    return frozenset({Required(text, True)}) if is_head or is_before_role else None
