"""Prefect's event filter: its JSON, and the query it asks.

The fields are those of prefect/server/events/filters.py, unknown ones refused as there. What is
absent, null or empty asks nothing; of times, too, where Prefect puts in half a year until now.
"""

from datetime import datetime
from itertools import product
from typing import Annotated, Literal, Protocol
from uuid import UUID

import msgspec

from apps.feed.prefect import text
from apps.feed.prefect.one_resource import Indexed, InRoles, Label, primary, related
from apps.feed.prefect.patterns import Pattern
from apps.feed.prefect.times import Moment
from apps.query import Clause, Query, lexemes
from apps.query.glob import Glob
from apps.query.terms import ID, ROLE
from apps.query.tree import (
    AllOf,
    Beginning,
    ColumnLike,
    HasId,
    Lexeme,
    Node,
    Not,
    any_of,
)

MOST_VALUES = 500
LONGEST_TEXT = 200

Some = msgspec.Meta(max_length=MOST_VALUES)
Strings = Annotated[list[str], Some] | None
Labels = Annotated[dict[str, str | Annotated[list[str], Some]], Some] | None


class Part(Protocol):
    """A part of the filter that asks something of an event."""

    def nodes(self) -> list[Node]: ...


class Occurred(msgspec.Struct, forbid_unknown_fields=True):
    """Both ends belong to it; a time without a zone is UTC."""

    since: Moment | None = None
    until: Moment | None = None


class Name(msgspec.Struct, forbid_unknown_fields=True):
    prefix: Strings = None
    exclude_prefix: Strings = None
    name: Strings = None
    exclude_name: Strings = None

    def nodes(self) -> list[Node]:
        nodes = []
        if self.prefix:
            nodes.append(any_of(*map(_name_beginning, self.prefix)))
        if self.name:
            nodes.append(any_of(*map(_named, self.name)))
        nodes += [Not(_name_beginning(prefix)) for prefix in self.exclude_prefix or ()]
        nodes += [Not(_named(name)) for name in self.exclude_name or ()]
        return nodes


class Resource(msgspec.Struct, forbid_unknown_fields=True):
    """About the primary resource; `distinct` asks for the newest event of each."""

    id: Strings = None
    id_prefix: Strings = None
    labels: Labels = None
    distinct: bool = False

    def nodes(self) -> list[Node]:
        tests = _tests(self.id, self.id_prefix, self.labels)
        return [primary(tests)] if tests else []


class Related(msgspec.Struct, forbid_unknown_fields=True):
    """About one related resource."""

    id: Strings = None
    role: Strings = None
    resources_in_roles: Annotated[list[tuple[str, str]], Some] | None = None
    labels: Labels = None

    def nodes(self) -> list[Node]:
        tests = [*self._in_roles(), *_tests(None, None, self.labels)]
        return [related(tests)] if tests else []

    def _in_roles(self) -> list[Indexed]:
        tests: list[Indexed] = []
        if self.resources_in_roles:
            tests.append(InRoles(tuple(self.resources_in_roles)))
        if self.id and self.role and len(self.id) * len(self.role) <= MOST_VALUES:
            return [*tests, InRoles(tuple(product(self.id, self.role)))]
        return tests + [
            Label(key, tuple(map(Pattern, values)))
            for key, values in ((ID, self.id), (ROLE, self.role))
            if values
        ]


class AnyResource(msgspec.Struct, forbid_unknown_fields=True):
    """About one resource, primary or related."""

    id: Strings = None
    id_prefix: Strings = None
    labels: Labels = None

    def nodes(self) -> list[Node]:
        tests = _tests(self.id, self.id_prefix, self.labels)
        return [any_of(primary(tests), related(tests))] if tests else []


class Ids(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[list[UUID], Some] | None = None

    def nodes(self) -> list[Node]:
        return [any_of(*map(HasId, self.id))] if self.id else []


class Text(msgspec.Struct, forbid_unknown_fields=True):
    query: Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]

    def nodes(self) -> list[Node]:
        return text.nodes_of(self.query)


class EventFilter(msgspec.Struct, forbid_unknown_fields=True):
    occurred: Occurred | None = None
    event: Name | None = None
    resource: Resource | None = None
    related: Related | Annotated[list[Related], Some] | None = None
    any_resource: AnyResource | Annotated[list[AnyResource], Some] | None = None
    id: Ids | None = None
    text: Text | None = None
    order: Literal["ASC", "DESC"] = "DESC"

    @property
    def since(self) -> datetime | None:
        told = self.occurred and self.occurred.since
        return told.utc if told else None

    @property
    def until(self) -> datetime | None:
        told = self.occurred and self.occurred.until
        return told.utc if told else None

    @property
    def is_distinct(self) -> bool:
        return self.resource is not None and self.resource.distinct

    def query(self) -> Query | None:
        """Say it as a query of ours, None when it asks of nothing but times."""
        asked: list[Part | None] = [self.resource, self.id, self.text]
        for one_or_several in (self.related, self.any_resource):
            parts = one_or_several if isinstance(one_or_several, list) else [one_or_several]
            asked += parts
        nodes = [node for part in asked if part is not None for node in part.nodes()]
        clauses: list[Clause] = []
        if self.event and (named := self.event.nodes()):
            # Of names alone the counts that are kept tell.
            clauses += Query.of(AllOf(tuple(named)), field="event").clauses
        if nodes:
            clauses += Query.of(AllOf(tuple(nodes))).clauses
        return Query("", tuple(clauses)) if clauses else None


def _tests(ids: Strings, prefixes: Strings, labels: Labels) -> list[Indexed]:
    tests: list[Indexed] = []
    if ids:
        tests.append(Label(ID, tuple(map(Pattern, ids))))
    if prefixes:
        tests.append(Label(ID, tuple(map(Pattern.beginning, prefixes))))
    for key, value in (labels or {}).items():
        values = [value] if isinstance(value, str) else value
        tests.append(Label(key, tuple(map(Pattern.parse, values))))
    return tests


def _named(name: str) -> Node:
    return Lexeme(lexemes.lexeme(lexemes.EVENT, name))


def _name_beginning(prefix: str) -> Node:
    head, is_whole = lexemes.part_beginning(prefix)
    begins = Beginning(lexemes.EVENT + head)
    return begins if is_whole else AllOf((begins, ColumnLike("event", Glob((prefix, "")))))
