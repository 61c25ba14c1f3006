"""The fields of the language: how each reads a value, and how it is said in a sentence."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from uuid import UUID

from apps.query import lexemes
from apps.query.glob import Glob
from apps.query.outcomes import OUTCOMES
from apps.query.terms import ID, NAME, ROLE
from apps.query.tree import (
    EVERYTHING,
    AllOf,
    Beginning,
    ColumnLike,
    Follows,
    HasId,
    Lexeme,
    Node,
    PrimaryLike,
    RelatedLike,
    any_of,
)
from apps.query.values import Value


class Unfit(ValueError):
    """A value that its field cannot read, and when possible one that it can."""

    def __init__(self, say: str, instead: str | None = None) -> None:
        super().__init__(say)
        self.say = say
        self.instead = instead


@dataclass(frozen=True)
class Field:
    read: Callable[[Value], Node]
    says: str  # before the values
    denies: str
    says_present: str = "with anything"  # for `field:*`
    denies_present: str = "with nothing"
    settle: Callable[[Value], Value] = lambda value: value  # to its one form, or raise Unfit


def field_of(name: str, key: str | None) -> Field | None:
    """Find the field that is written `name` or `name.KEY`."""
    if name == "label" and key is not None:
        said = f"label {key}"
        return Field(
            partial(read_label, key), f"with {said} = ", f"without {said} = ",
            f"with a {said}", f"without a {said}",
        )  # fmt: skip
    if name == "related" and key is not None:
        return Field(
            partial(read_in_role, key), f"related to {key} ", f"not related to {key} ",
            f"with a related {key}", f"without a related {key}",
        )  # fmt: skip
    return FIELDS.get(name) if key is None else None


def read_event(value: Value) -> Node:
    return _named("event", lexemes.EVENT, value)


def read_system(value: Value) -> Node:
    return _named("system", lexemes.SYSTEM, value)


def read_outcome(value: Value) -> Node:
    if value.is_anything:
        return EVERYTHING
    return Lexeme(lexemes.lexeme(lexemes.OUTCOME, value.text))


def read_id(value: Value) -> Node:
    return EVERYTHING if value.is_anything else HasId(UUID(value.text))


def read_follows(value: Value) -> Node:
    return Follows() if value.is_anything else Follows(UUID(value.text))


def read_resource(value: Value) -> Node:
    if value.is_anything or value.is_glob:
        return _primary_id(value)
    return any_of(_primary_id(value), Lexeme(lexemes.lexeme(lexemes.PRIMARY_NAME, value.text)))


def read_related(value: Value) -> Node:
    if value.is_anything or value.is_glob:
        return read_related_id(value)
    return any_of(read_related_id(value), read_related_name(value))


def read_any(value: Value) -> Node:
    return any_of(read_resource(value), read_related(value))


def read_related_id(value: Value) -> Node:
    if value.is_anything:
        return Beginning(lexemes.beginning(lexemes.RELATED_ID))
    if not value.is_glob:
        return Beginning(lexemes.beginning(lexemes.RELATED_ID, value.text))
    glob = Glob.parse(value.text)
    return _globbed(glob, RelatedLike(ID, glob), lexemes.RELATED_ID)


def read_related_name(value: Value) -> Node:
    if value.is_anything:
        return Beginning(lexemes.beginning(lexemes.RELATED_NAME))
    return Beginning(lexemes.beginning(lexemes.RELATED_NAME, value.text))


def read_related_role(value: Value) -> Node:
    if value.is_anything:
        return Beginning(lexemes.beginning(lexemes.ROLE))
    if not value.is_glob:
        return Lexeme(lexemes.lexeme(lexemes.ROLE, value.text))
    glob = Glob.parse(value.text)
    return _globbed(glob, RelatedLike(ROLE, glob), lexemes.ROLE)


def read_in_role(role: str, value: Value) -> Node:
    """Read `related.ROLE:`."""
    in_role = Lexeme(lexemes.lexeme(lexemes.ROLE, role))
    if value.is_anything:
        return in_role
    if not value.is_glob:
        by_id = lexemes.lexeme(lexemes.RELATED_ID, value.text, role)
        by_name = lexemes.lexeme(lexemes.RELATED_NAME, value.text, role)
        return any_of(Lexeme(by_id), Lexeme(by_name))
    glob = Glob.parse(value.text)
    head, _ = lexemes.part_beginning(glob.head)
    begins = Beginning(lexemes.beginning(lexemes.RELATED_ID) + head)
    return AllOf((in_role, begins, RelatedLike(ID, glob, role)))


def read_label(key: str, value: Value) -> Node:
    """Read `label.KEY:`, of the primary or of any related resource."""
    if key == ID:
        return any_of(_primary_id(value), read_related_id(value))
    if key == NAME:
        return _name_label(value)
    primary = _label(value, lexemes.PRIMARY_LABEL, key, PrimaryLike)
    if key == ROLE:
        return any_of(primary, read_related_role(value))
    return any_of(primary, _label(value, lexemes.RELATED_LABEL, key, RelatedLike))


def _name_label(value: Value) -> Node:
    """Check the label itself, because a display name may come from elsewhere."""
    glob = Glob.parse(value.text) if value.is_glob else Glob((value.text,))
    check = any_of(PrimaryLike(NAME, glob), RelatedLike(NAME, glob))
    if value.is_glob or not value.text:
        return check
    primary = Lexeme(lexemes.lexeme(lexemes.PRIMARY_NAME, value.text))
    return AllOf((any_of(primary, read_related_name(value)), check))


def _label(
    value: Value, mark: str, key: str, like: Callable[[str, Glob], PrimaryLike | RelatedLike]
) -> Node:
    if value.is_anything:
        return Beginning(lexemes.beginning(mark, key))
    if not value.is_glob:
        return Lexeme(lexemes.lexeme(mark, key, value.text))
    glob = Glob.parse(value.text)
    return _globbed(glob, like(key, glob), mark, key)


def _primary_id(value: Value) -> Node:
    return _named("resource_id", lexemes.PRIMARY_ID, value)


def _named(column: str, mark: str, value: Value) -> Node:
    """Read a value of a text column that every event has."""
    if value.is_anything:
        return EVERYTHING
    if not value.is_glob:
        return Lexeme(lexemes.lexeme(mark, value.text))
    glob = Glob.parse(value.text)
    return _globbed(glob, ColumnLike(column, glob), mark)


def _globbed(glob: Glob, check: Node, mark: str, *parts: str) -> Node:
    """Leave a glob that only the end is missing of to the index; narrow others and check."""
    head, is_whole = lexemes.part_beginning(glob.head)
    begins = Beginning(lexemes.beginning(mark, *parts) + head)
    if glob.is_beginning and is_whole:
        return begins
    return AllOf((begins, check)) if head or parts else check


def settle_outcome(value: Value) -> Value:
    word = value.text.casefold()
    if value.is_anything or word in OUTCOMES:
        return Value(word)
    near = get_close_matches(word, OUTCOMES, n=1)
    raise Unfit(
        f"There is no outcome “{value.text}”: it is one of {', '.join(OUTCOMES)}.",
        near[0] if near else None,
    )


def settle_uuid(value: Value) -> Value:
    if value.is_anything:
        return value
    if not _UUID.fullmatch(value.text):
        raise Unfit(f"“{value.text}” is not a whole UUID.")
    return Value(str(UUID(value.text)))


_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


def settle_name(value: Value) -> Value:
    if value.is_glob and not value.is_anything:
        raise Unfit("A name is matched whole, so * does not work in it. It does in related.id:")
    return value


_RELATED_PRESENT = ("with related resources", "without related resources")

FIELDS = {
    "event": Field(read_event, "named ", "not named "),
    "resource": Field(read_resource, "whose resource is ", "whose resource is not "),
    "related": Field(read_related, "related to ", "not related to ", *_RELATED_PRESENT),
    "related.id": Field(read_related_id, "related to id ", "not related to id ", *_RELATED_PRESENT),
    "related.name": Field(
        read_related_name,
        "related to one named ",
        "related to none named ",
        *_RELATED_PRESENT,
        settle=settle_name,
    ),
    "related.role": Field(
        read_related_role, "with a related ", "without a related ", *_RELATED_PRESENT
    ),
    "any": Field(read_any, "about ", "not about "),
    "outcome": Field(read_outcome, "with outcome ", "without outcome ", settle=settle_outcome),
    "system": Field(read_system, "from ", "not from "),
    "id": Field(read_id, "with id ", "without id ", settle=settle_uuid),
    "follows": Field(
        read_follows,
        "that follow ",
        "that do not follow ",
        "that follow another",
        "that follow no other",
        settle=settle_uuid,
    ),
}
