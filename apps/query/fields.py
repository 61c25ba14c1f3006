"""The fields of the language: how each reads a value, and how it is said in a sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any
from uuid import UUID

from apps.query import lexemes, payload, when
from apps.query.glob import Glob
from apps.query.moments import Moment, NoMoment
from apps.query.one_resource import Labelled, Named
from apps.query.outcomes import OUTCOMES
from apps.query.terms import ID, NAME, ROLE
from apps.query.tree import (
    EVERYTHING,
    AllOf,
    Beginning,
    ColumnLike,
    Follows,
    FromSource,
    HasId,
    InChain,
    Late,
    Lexeme,
    Node,
    PrimaryLike,
    RelatedLike,
    Warned,
    any_of,
)
from apps.query.values import COMPARISONS, Said, Span, Value, is_uuid, quote, written_key


class Unfit(ValueError):
    """A value that its field cannot read, and when possible one that it can."""

    def __init__(self, say: str, instead: str | None = None) -> None:
        super().__init__(say)
        self.say = say
        self.instead = instead


@dataclass(frozen=True)
class Field:
    """How a field is read and said. It is read as a node, or as a test of one resource."""

    read: Callable[[Any], Any]
    says: str  # before the values
    denies: str
    says_present: str = "with anything"  # for `field:*`
    denies_present: str = "with nothing"
    settle: Callable[[Any], Any] = lambda said: said  # to its one form, or raise Unfit
    leads: Callable[[Value], str] | None = None
    """What stands before a value: what its comparison is called. Without it there is no order."""
    written: Callable[[Value], str] = lambda value: value.typed
    note: Callable[[Any], str] = lambda _: ""
    """What the sentence adds of a value that could be taken for something else."""


NUMBERS = {than: f"{word} " for than, word in COMPARISONS.items()} | {"": "= "}
TIMES = {">": "after ", ">=": "since ", "<": "before ", "<=": "until "}


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


def payload_field(path: payload.Path) -> Field:
    said = f"payload {written_path(path)}"
    return Field(
        partial(read_payload, path), f"with {said} ", f"without {said} ",
        f"with a {said}", f"without a {said}",
        settle=partial(settle_payload, path), leads=partial(_lead_in_payload, path),
        written=_written_in_payload, note=partial(_note_of_payload, path),
    )  # fmt: skip


def written_path(path: payload.Path) -> str:
    written = "".join("[]" if step is None else f".{_written_step(step)}" for step in path.steps)
    return written.removeprefix(".")


def _written_step(step: str) -> str:
    return written_key(step) if "." not in step else quote(step)


def test_of(name: str, key: str | None) -> Field | None:
    """Find what may stand inside of `related( )`, where it is asked of one resource."""
    if name == "label" and key is not None:
        said = f"label {key}"
        return Field(
            partial(Labelled, key), f"with {said} = ", f"without {said} = ",
            f"with a {said}", f"without a {said}",
        )  # fmt: skip
    return TESTS.get(name) if key is None else None


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


def read_source(value: Value) -> Node:
    if value.is_anything:
        return EVERYTHING
    return FromSource(Glob.parse(value.text) if value.is_glob else Glob((value.text,)))


def read_chain(value: Value) -> Node:
    return Follows() if value.is_anything else InChain(UUID(value.text))


def read_state(value: Value) -> Node:
    return STATES[value.text][0]


STATES: Mapping[str, tuple[Node, str]] = {
    "late": (Late(), "received more than a minute after it occurred"),
    "warned": (Warned(), "stored with a warning"),
}


def read_time(column: str, said: Said) -> Node:
    if said.is_anything:
        return EVERYTHING
    return when.When(column, _bounds(said))


def read_payload(path: payload.Path, said: Said) -> Node:
    if isinstance(said, Value) and not said.comparison:
        if said.is_anything:
            return payload.Present(path)
        if said.is_glob:
            return payload.like(path, Glob.parse(said.text))
        return _equal(path, said)
    numbers = [_number(path, end) for end in _ends(said)]
    if None in numbers:
        return payload.ToldTime(path, _bounds(said))
    if isinstance(said, Value):
        return payload.compared(path, [(said.comparison, numbers[0])])
    than = [">="] if said.low else []
    than += ["<="] if said.high else []
    return payload.compared(path, list(zip(than, numbers, strict=True)))


def _equal(path: payload.Path, value: Value) -> Node:
    """Read a text, or the number that it spells; where the key names a unit, in that unit."""
    same = payload.equal(path, value.text, quoted=value.quoted)
    number = None if value.quoted else payload.measured(path.key, value.text)
    if number is None:
        return same
    return any_of(same, payload.compared(path, [(">=", number), ("<=", number)]))


def _ends(said: Said) -> Sequence[Value]:
    ends = (said.low, said.high) if isinstance(said, Span) else (said,)
    return [end for end in ends if end is not None]


def _number(path: payload.Path, value: Value) -> Any:
    if value.quoted:
        return None
    number = payload.number_of(value.text)
    return payload.measured(path.key, value.text) if number is None else number


def _bounds(said: Said) -> when.Bounds:
    if isinstance(said, Span):
        low, high = (Moment(end.text) if end else None for end in (said.low, said.high))
        return when.between(low, high)
    moment = Moment(said.text)
    return when.compared(said.comparison, moment) if said.comparison else when.at(moment)


def settle_outcome(value: Value) -> Value:
    word = value.text.casefold()
    if value.is_anything or word in OUTCOMES:
        return Value(word)
    near = OUTCOMES_ELSEWHERE.get(word) or next(iter(get_close_matches(word, OUTCOMES, n=1)), None)
    say = f"There is no outcome “{value.text}”: it is one of {', '.join(OUTCOMES)}."
    raise Unfit(say, near)


# What other tools call them.
OUTCOMES_ELSEWHERE = (
    dict.fromkeys(("error", "errored", "failure", "crashed", "critical", "fatal"), "failed")
    | dict.fromkeys(("success", "succeeded", "successful", "ok", "done", "finished"), "completed")
    | dict.fromkeys(("started", "active", "progress"), "running")
    | dict.fromkeys(("pending", "scheduled", "queued", "paused"), "waiting")
)


def settle_uuid(value: Value) -> Value:
    if value.is_anything:
        return value
    if not is_uuid(value.text):
        raise Unfit(f"“{value.text}” is not a whole UUID.")
    return Value(str(UUID(value.text)))


def settle_state(value: Value) -> Value:
    word = value.text.casefold()
    if word in STATES:
        return Value(word)
    near = get_close_matches(word, STATES, n=1)
    say = f"There is no state “{value.text}”: it is one of {', '.join(STATES)}."
    raise Unfit(say, near[0] if near else None)


def settle_time(said: Said) -> Said:
    if said.is_anything:
        return said
    for end in _ends(said):
        if end.is_glob or not _is_moment(end):
            raise Unfit(
                f"“{end.text}” is no time. Write 2026-11-21, 2026-11, 2026-11-21T14:30, today,"
                " yesterday or now-15m."
            )
    return said


def _lead_of_time(value: Value) -> str:
    return TIMES[value.comparison] if value.comparison else Moment(value.text).preposition


def _lead_in_payload(path: payload.Path, value: Value) -> str:
    is_time = value.comparison and _number(path, value) is None
    return _lead_of_time(value) if is_time else NUMBERS[value.comparison]


def _written_in_payload(value: Value) -> str:
    """Write a text in quotes that would be a number without them."""
    is_text = value.quoted and not value.comparison and payload.spells_more(value.text)
    return quote(value.text) if is_text else value.typed


def _note_of_time(said: Said) -> str:
    return "UTC" if any(Moment(end.text).is_in_utc for end in _ends(said)) else ""


def _note_of_payload(path: payload.Path, said: Said) -> str:
    if place := next((step for step in path.steps if step and step.isdecimal()), None):
        return f"{place} is a key; [] looks into an array"
    has_order = isinstance(said, Span) or said.comparison
    if not has_order or any(_number(path, end) is not None for end in _ends(said)):
        return ""
    return _note_of_time(said)


def settle_payload(path: payload.Path, said: Said) -> Said:
    """Raise Unfit for a comparison with what has no order, or of two kinds."""
    ends = _ends(said)
    if isinstance(said, Value) and not said.comparison:
        return said
    numbers = [_number(path, end) is not None for end in ends]
    if all(numbers) or (not any(numbers) and all(map(_is_moment, ends))):
        return said
    wrong = next((end for end, is_number in zip(ends, numbers, strict=True) if not is_number))
    if payload.is_measure(wrong.text):
        say = f"The name “{path.key}” does not say in which unit it is: write the number alone."
        raise Unfit(say)
    if not _is_moment(wrong):
        raise Unfit(f"“{wrong.text}” is neither a number nor a time, so it has no order.")
    raise Unfit("A range goes from a number to a number, or from a time to a time.")


def _is_moment(value: Value) -> bool:
    try:
        Moment.read(value.text)
    except NoMoment:
        return False
    return True


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
    "chain": Field(
        read_chain,
        "in one chain with ",
        "not in one chain with ",
        "that follow another",
        "that follow no other",
        settle=settle_uuid,
    ),
    "source": Field(read_source, "sent by ", "not sent by "),
    "occurred": Field(
        partial(read_time, "occurred"),
        "that occurred ",
        "that did not occur ",
        settle=settle_time,
        leads=_lead_of_time,
        note=_note_of_time,
    ),
    "received": Field(
        partial(read_time, "received"),
        "received ",
        "not received ",
        settle=settle_time,
        leads=_lead_of_time,
        note=_note_of_time,
    ),
    "is": Field(read_state, "that are ", "that are not ", settle=settle_state),
}

# Inside of `resource( )`, `related( )` and `any( )`.
TESTS = {
    "id": Field(partial(Labelled, ID), "with id ", "without id "),
    "name": Field(
        Named, "named ", "not named ", "with any name", "with no name", settle=settle_name
    ),
    "role": Field(partial(Labelled, ROLE), "in role ", "not in role ", "in any role", "in no role"),
}
