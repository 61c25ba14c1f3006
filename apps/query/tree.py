"""The nodes a query is made of: each says itself as tsquery, as SQL and as a predicate.

A node may be wholly answered by the index (`tsquery`), narrowed by it (`narrowed`), or neither;
`where` is always its whole meaning. Nothing here is ever NULL below a `Not`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from apps.query.glob import Glob
from apps.query.lexemes import quoted
from apps.query.terms import ID, ROLE, Terms


class Happened(Protocol):
    """What a predicate reads of an event, beside its terms."""

    @property
    def id(self) -> UUID: ...
    @property
    def follows(self) -> UUID | None: ...
    @property
    def event(self) -> str: ...
    @property
    def system(self) -> str: ...
    @property
    def resource(self) -> Mapping[str, str]: ...
    @property
    def related(self) -> Sequence[Mapping[str, str]]: ...
    @property
    def payload(self) -> Mapping[str, Any]: ...
    @property
    def occurred(self) -> datetime: ...
    @property
    def received(self) -> datetime: ...
    @property
    def source_name(self) -> str: ...
    @property
    def warnings(self) -> Sequence[str] | None: ...


Predicate = Callable[[Happened, Terms], bool]


class Sql(NamedTuple):
    text: str
    params: list[Any]


class Node:
    """One thing asked of an event."""

    def tsquery(self) -> str | None:
        """Say the whole meaning to the index, when it can answer it."""
        return None

    def narrowed(self) -> str | None:
        """Say to the index what every match fulfils."""
        return self.tsquery()

    def where(self) -> Sql:
        """Say the whole meaning as a condition on the columns of `event`."""
        return Sql("terms @@ %s::tsquery", [self.tsquery()])

    def rest(self) -> Sql | None:
        """Say what remains to check when `narrowed` is already fulfilled."""
        return None if self.tsquery() else self.where()

    def counted(self) -> Sql | None:
        """Say what every match fulfils on the columns that the counts of events have, too."""
        return None

    def predicate(self) -> Predicate:
        raise NotImplementedError

    def parts(self) -> Sequence["Node"]:
        """Return the nodes it is made of."""
        return ()


@dataclass(frozen=True)
class Lexeme(Node):
    lexeme: str

    def tsquery(self) -> str:
        return quoted(self.lexeme)

    def predicate(self) -> Predicate:
        lexeme = self.lexeme
        return lambda _, terms: lexeme in terms


@dataclass(frozen=True)
class Beginning(Node):
    """Any lexeme that begins so."""

    beginning: str

    def tsquery(self) -> str:
        return f"{quoted(self.beginning)}:*"

    def predicate(self) -> Predicate:
        beginning = self.beginning
        return lambda _, terms: bool(terms.beginning_with(beginning))


@dataclass(frozen=True)
class Phrase(Node):
    """Words in a row within one string; the last may be a beginning only."""

    words: tuple[str, ...]
    open_ended: bool = False

    def tsquery(self) -> str:
        words = " <-> ".join(map(quoted, self.words))
        return f"({words}:*)" if self.open_ended else f"({words})"

    def predicate(self) -> Predicate:
        *firsts, last = self.words

        def in_a_row(_: Happened, terms: Terms) -> bool:
            starts = set(terms.positions(firsts[0]))
            for distance, word in enumerate(firsts[1:], start=1):
                starts &= {at - distance for at in terms.positions(word)}
            if not starts:
                return False
            lasts = terms.beginning_with(last) if self.open_ended else (last,)
            return any(at - len(firsts) in starts for end in lasts for at in terms.positions(end))

        return in_a_row


@dataclass(frozen=True)
class ColumnLike(Node):
    """A glob on a text column: event, system or resource_id."""

    column: str
    glob: Glob

    def where(self) -> Sql:
        return Sql(f"{self.column} LIKE %s", [self.glob.like()])

    def counted(self) -> Sql | None:
        if self.column == "resource_id":
            return None
        text, params = self.where()
        # A longer name is counted by its beginning.
        return Sql(f"({text} OR length({self.column}) > {LONGEST_COUNTED})", params)

    def predicate(self) -> Predicate:
        read, matches = _COLUMNS[self.column], self.glob.matches
        return lambda event, _: matches(read(event))


LONGEST_COUNTED = 400
_COLUMNS: Mapping[str, Callable[[Happened], str]] = {
    "event": lambda event: event.event,
    "system": lambda event: event.system,
    "resource_id": lambda event: event.resource[ID],
}


@dataclass(frozen=True)
class PrimaryLike(Node):
    """A glob on one label of the primary resource."""

    key: str
    glob: Glob

    def where(self) -> Sql:
        return Sql("resource ->> %s::text LIKE %s", [self.key, self.glob.like()])

    def predicate(self) -> Predicate:
        key, matches = self.key, self.glob.matches

        def has_label(event: Happened, _: Terms) -> bool:
            value = event.resource.get(key)
            return value is not None and matches(value)

        return has_label


@dataclass(frozen=True)
class RelatedLike(Node):
    """A glob on one label of a related resource, in one role when it is given."""

    key: str
    glob: Glob
    role: str | None = None

    def where(self) -> Sql:
        text, params = "one ->> %s::text LIKE %s", [self.key, self.glob.like()]
        if self.role is not None:
            text, params = f"{text} AND one ->> %s::text = %s", [*params, ROLE, self.role]
        return Sql(f"EXISTS (SELECT FROM jsonb_array_elements(related) one WHERE {text})", params)

    def predicate(self) -> Predicate:
        def has_label(event: Happened, _: Terms) -> bool:
            return any(self._fits(one) for one in event.related)

        return has_label

    def _fits(self, one: Mapping[str, str]) -> bool:
        value = one.get(self.key)
        if value is None or not self.glob.matches(value):
            return False
        return self.role is None or one.get(ROLE) == self.role


@dataclass(frozen=True)
class HasId(Node):
    id: UUID

    def where(self) -> Sql:
        return Sql("id = %s::uuid", [self.id])

    def predicate(self) -> Predicate:
        return lambda event, _: event.id == self.id


@dataclass(frozen=True)
class Follows(Node):
    """Said to follow this event; without one, any."""

    leader: UUID | None = None

    def where(self) -> Sql:
        if self.leader is None:
            return Sql("follows IS NOT NULL", [])
        return Sql("follows = %s::uuid", [self.leader])

    def predicate(self) -> Predicate:
        if self.leader is None:
            return lambda event, _: event.follows is not None
        return lambda event, _: event.follows == self.leader


@dataclass(frozen=True)
class InChain(Node):
    """In one chain with this event: what it follows, up to the first, and all that follows those.

    In memory only what is known can be told: `members` is to be filled with the chain as it is
    stored; what comes afterwards is added as it is seen.
    """

    id: UUID
    members: set[UUID] = field(default_factory=set, compare=False)

    def where(self) -> Sql:
        return Sql(f"id = ANY (ARRAY({CHAIN}))", [self.id, self.id])

    def predicate(self) -> Predicate:
        members = self.members
        members.add(self.id)

        def belongs(event: Happened, _: Terms) -> bool:
            if event.id not in members and event.follows not in members:
                return False
            if len(members) < MOST_IN_CHAIN:
                members.add(event.id)
            return True

        return belongs


MOST_IN_CHAIN = 10_000
# Step by step through the indexes: joined, the planner reads all there is, 1.8 s at a million.
CHAIN = f"""
    WITH RECURSIVE up(id, follows) AS (
        SELECT %s::uuid, NULL::uuid
        UNION SELECT id, follows FROM event WHERE id = %s::uuid
        UNION SELECT found.* FROM up CROSS JOIN LATERAL (
            SELECT event.id, event.follows FROM event WHERE event.id = up.follows OFFSET 0
        ) AS found
    ), chain(id) AS (
        SELECT id FROM up UNION SELECT follows FROM up WHERE follows IS NOT NULL
        UNION SELECT found.id FROM chain CROSS JOIN LATERAL (
            SELECT event.id FROM event WHERE event.follows = chain.id OFFSET 0
        ) AS found
    ) SELECT id FROM chain LIMIT {MOST_IN_CHAIN}
"""  # noqa: S608 - a number of ours


@dataclass(frozen=True)
class FromSource(Node):
    """Sent by a source of this name."""

    glob: Glob

    def where(self) -> Sql:
        sources = "SELECT id FROM source WHERE name LIKE %s"
        return Sql(f"source_id IN ({sources})", [self.glob.like()])

    def counted(self) -> Sql:
        return self.where()

    def predicate(self) -> Predicate:
        matches = self.glob.matches
        return lambda event, _: matches(event.source_name)


LATE = timedelta(minutes=1)


@dataclass(frozen=True)
class Late(Node):
    """Received more than LATE after it occurred."""

    def where(self) -> Sql:
        return Sql("received - occurred > %s", [LATE])

    def predicate(self) -> Predicate:
        return lambda event, _: event.received - event.occurred > LATE


@dataclass(frozen=True)
class Warned(Node):
    """Stored with a warning."""

    def where(self) -> Sql:
        return Sql("cardinality(warnings) > 0", [])

    def predicate(self) -> Predicate:
        return lambda event, _: bool(event.warnings)


@dataclass(frozen=True)
class AllOf(Node):
    """Every one of them; of none, anything."""

    nodes: tuple[Node, ...]

    def parts(self) -> Sequence[Node]:
        return self.nodes

    def tsquery(self) -> str | None:
        return _joined(" & ", [node.tsquery() for node in self.nodes])

    def narrowed(self) -> str | None:
        return _joined(" & ", [said for node in self.nodes if (said := node.narrowed())])

    def where(self) -> Sql:
        return _conjunction([node.where() for node in self.nodes]) or Sql("TRUE", [])

    def rest(self) -> Sql | None:
        return _conjunction([rest for node in self.nodes if (rest := node.rest())])

    def counted(self) -> Sql | None:
        return _conjunction([said for node in self.nodes if (said := node.counted())])

    def predicate(self) -> Predicate:
        predicates = [node.predicate() for node in self.nodes]
        if len(predicates) == 1:
            return predicates[0]

        def all_hold(event: Happened, terms: Terms) -> bool:
            for holds in predicates:  # noqa: SIM110 (the hub runs this for every event)
                if not holds(event, terms):
                    return False
            return True

        return all_hold


EVERYTHING = AllOf(())


@dataclass(frozen=True)
class AnyOf(Node):
    nodes: tuple[Node, ...]

    def parts(self) -> Sequence[Node]:
        return self.nodes

    def tsquery(self) -> str | None:
        return _joined(" | ", [node.tsquery() for node in self.nodes])

    def narrowed(self) -> str | None:
        return _joined(" | ", [node.narrowed() for node in self.nodes])

    def where(self) -> Sql:
        exact = _joined(" | ", [said for node in self.nodes if (said := node.tsquery())])
        wheres = [Sql("terms @@ %s::tsquery", [exact])] if exact else []
        wheres += [node.where() for node in self.nodes if not node.tsquery()]
        return _either(wheres)

    def counted(self) -> Sql | None:
        said = [counted for node in self.nodes if (counted := node.counted())]
        return _either(said) if said and len(said) == len(self.nodes) else None

    def predicate(self) -> Predicate:
        predicates = [node.predicate() for node in self.nodes]

        def any_holds(event: Happened, terms: Terms) -> bool:
            for holds in predicates:  # noqa: SIM110 (the hub runs this for every event)
                if holds(event, terms):
                    return True
            return False

        return any_holds


@dataclass(frozen=True)
class Not(Node):
    """What is missing matches: an event without the label is an event without that label."""

    node: Node

    def parts(self) -> Sequence[Node]:
        return (self.node,)

    def tsquery(self) -> str | None:
        tsquery = self.node.tsquery()
        return f"!{tsquery}" if tsquery else None

    def where(self) -> Sql:
        text, params = self.node.where()
        return Sql(f"({text}) IS NOT TRUE", params)

    def predicate(self) -> Predicate:
        holds = self.node.predicate()
        return lambda event, terms: not holds(event, terms)


def any_of(*nodes: Node) -> Node:
    """Join by or, without a level of its own for what is joined so already."""
    flat: list[Node] = []
    for node in nodes:
        flat += node.nodes if isinstance(node, AnyOf) else [node]
    return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))


def _joined(operator: str, tsqueries: Sequence[str | None]) -> str | None:
    said = [tsquery for tsquery in tsqueries if tsquery]
    if not said or len(said) < len(tsqueries):
        return None
    return said[0] if len(said) == 1 else f"({operator.join(said)})"


def _conjunction(conditions: Sequence[Sql]) -> Sql | None:
    if not conditions:
        return None
    text = " AND ".join([sql.text for sql in conditions])
    return Sql(f"({text})" if len(conditions) > 1 else text, _params(conditions))


def _either(conditions: Sequence[Sql]) -> Sql:
    return Sql(f"({' OR '.join([sql.text for sql in conditions])})", _params(conditions))


def _params(conditions: Sequence[Sql]) -> list[Any]:
    return [param for sql in conditions for param in sql.params]
