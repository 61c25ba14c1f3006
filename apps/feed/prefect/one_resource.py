"""What Prefect's filters ask of resources, in nodes of our query.

All of one filter is about one and the same resource. The index narrows wherever it can, and
answers alone where it says it all; else the labels decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from apps.feed.prefect.patterns import Pattern
from apps.query import lexemes
from apps.query.terms import ID, NAME, ROLE, Terms
from apps.query.tree import (
    EVERYTHING,
    AllOf,
    Beginning,
    Happened,
    Lexeme,
    Node,
    Not,
    Predicate,
    Sql,
    any_of,
)

Labels = Mapping[str, str]

NOTHING = Not(EVERYTHING)


class Place(NamedTuple):
    """Where the index holds the values of a label."""

    mark: str
    key: tuple[str, ...] = ()
    role_follows: bool = False
    says_all: bool = True

    def narrowed(self, pattern: Pattern) -> Node | None:
        """Say what the index can of a pattern; None when that is nothing."""
        if pattern.denied:
            # Who has another value has one; ids and names everybody has.
            return Beginning(lexemes.beginning(self.mark, *self.key)) if self.key else None
        if not (pattern.head or self.says_all):
            return None
        if pattern.is_exact and self.role_follows:
            return Beginning(lexemes.beginning(self.mark, pattern.head))
        if pattern.is_exact:
            return Lexeme(lexemes.lexeme(self.mark, *self.key, pattern.head))
        if not (pattern.head or self.key):
            return None
        head, _ = lexemes.part_beginning(pattern.head)
        return Beginning(lexemes.beginning(self.mark, *self.key) + head)

    def settles(self, pattern: Pattern) -> bool:
        """Whether the index says all of the pattern."""
        if pattern.denied or not self.says_all:
            return False
        _, is_whole = lexemes.part_beginning(pattern.head)
        return pattern.is_exact or (pattern.is_beginning and is_whole)


# A display name is the label only where that says something.
IN_PRIMARY = {
    ID: Place(lexemes.PRIMARY_ID),
    NAME: Place(lexemes.PRIMARY_NAME, says_all=False),
}
IN_RELATED = {
    ID: Place(lexemes.RELATED_ID, role_follows=True),
    NAME: Place(lexemes.RELATED_NAME, role_follows=True, says_all=False),
    ROLE: Place(lexemes.ROLE),
}


@dataclass(frozen=True)
class Label:
    """A label has one of these values; without any, no resource is such."""

    key: str
    patterns: tuple[Pattern, ...]

    def holds(self, labels: Labels) -> bool:
        value = labels.get(self.key)
        return value is not None and any(pattern.fits(value) for pattern in self.patterns)

    def where(self, one: str) -> Sql:
        """Say it of the labels in `one`, which is SQL."""
        said = ["FALSE"]
        params = []
        if exact := [p.head for p in self.patterns if p.is_exact and not p.denied]:
            said.append(f"{one} ->> %s::text = ANY(%s::text[])")
            params += [self.key, exact]
        for pattern in self.patterns:
            if pattern.denied or not pattern.is_exact:
                said.append(f"{one} ->> %s::text {'NOT ' * pattern.denied}LIKE %s")
                params += [self.key, pattern.like()]
        return Sql(f"({' OR '.join(said)})", params)

    def in_primary(self) -> tuple[Node | None, bool]:
        """Return what the index says of a primary resource, and whether that is all of it."""
        return self._at(IN_PRIMARY.get(self.key) or Place(lexemes.PRIMARY_LABEL, (self.key,)))

    def in_related(self) -> tuple[Node | None, bool]:
        return self._at(IN_RELATED.get(self.key) or Place(lexemes.RELATED_LABEL, (self.key,)))

    def _at(self, place: Place) -> tuple[Node | None, bool]:
        if not self.patterns:
            return NOTHING, True
        nodes = [node for pattern in self.patterns if (node := place.narrowed(pattern))]
        if len(nodes) < len(self.patterns):
            return None, False
        return any_of(*nodes), all(place.settles(pattern) for pattern in self.patterns)


@dataclass(frozen=True)
class InRoles:
    """A related resource is one of these, `(id, role)`."""

    pairs: tuple[tuple[str, str], ...]

    def holds(self, labels: Labels) -> bool:
        return (labels.get(ID), labels.get(ROLE)) in self.pairs

    def where(self, one: str) -> Sql:
        each = ", ".join(["(%s::text, %s::text)"] * len(self.pairs))
        params = [ID, ROLE, *(text for pair in self.pairs for text in pair)]
        return Sql(f"({one} ->> %s::text, {one} ->> %s::text) IN ({each})", params)

    def in_primary(self) -> tuple[Node | None, bool]:
        return NOTHING, True

    def in_related(self) -> tuple[Node | None, bool]:
        nodes = [Lexeme(lexemes.lexeme(lexemes.RELATED_ID, id, role)) for id, role in self.pairs]
        return any_of(*nodes), True


Test = Label | InRoles


@dataclass(frozen=True)
class PrimaryFits(Node):
    tests: tuple[Test, ...]

    def where(self) -> Sql:
        return _all([test.where("resource") for test in self.tests])

    def predicate(self) -> Predicate:
        tests = self.tests
        return lambda event, _: all(test.holds(event.resource) for test in tests)


@dataclass(frozen=True)
class RelatedFits(Node):
    """One and the same related resource passes every test."""

    tests: tuple[Test, ...]

    def where(self) -> Sql:
        fits, params = _all([test.where("one") for test in self.tests])
        return Sql(f"EXISTS (SELECT FROM jsonb_array_elements(related) one WHERE {fits})", params)

    def predicate(self) -> Predicate:
        tests = self.tests

        def one_fits(event: Happened, _: Terms) -> bool:
            return any(all(test.holds(one) for test in tests) for one in event.related)

        return one_fits


def primary(tests: Sequence[Test]) -> Node:
    """Ask for events whose resource passes every test."""
    said = [test.in_primary() for test in tests]
    check = [] if all(is_all for _, is_all in said) else [PrimaryFits(tuple(tests))]
    return AllOf((*[node for node, _ in said if node], *check))


def related(tests: Sequence[Test]) -> Node:
    """Ask for events with a related resource that passes every test."""
    said = [test.in_related() for test in tests]
    is_all = len(tests) == 1 and said[0][1]
    check = [] if is_all else [RelatedFits(tuple(tests))]
    return AllOf((*[node for node, _ in said if node], *check))


def _all(conditions: Sequence[Sql]) -> Sql:
    text = " AND ".join([condition.text for condition in conditions])
    return Sql(f"({text})", [param for condition in conditions for param in condition.params])
