"""Random clauses about given events, each with its meaning said twice."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from hypothesis import strategies as st

from apps.query import Outcome, QueryError, parse
from apps.query.terms import ID, NAME, ROLE, display_name
from apps.query.values import Value, quote, written_key
from apps.query.words import words_before_star, words_of
from tests.query.meaning import means, says, strings_of
from tests.query.told import LEADERS, Told


@dataclass(frozen=True)
class Asked:
    """A clause and what it means."""

    text: str
    holds: Callable[[Told], bool]


@st.composite
def clauses(draw: st.DrawFn, events: Sequence[Told]) -> Asked:
    about = draw(st.sampled_from(events))
    asked = draw(st.one_of(fields(about), fields(about), phrases(about), words(about)))
    if draw(st.booleans()):
        return asked
    return Asked(f"-{asked.text}", lambda event: not asked.holds(event))


@st.composite
def fields(draw: st.DrawFn, about: Told) -> Asked:
    field, meant, pool = draw(st.sampled_from(_fields(about)))
    if field in ("id", "follows", "outcome"):
        one = st.sampled_from(pool).map(Value)
    elif field == "related.name":
        one = _literals(pool)
    else:
        one = st.one_of(_literals(pool), _globs(pool))
    values = draw(st.lists(st.one_of(one, one, one, st.just(Value("*"))), min_size=1, max_size=3))
    written = ",".join([value.written() for value in values])
    text = f"{field}:{written}" if len(values) == 1 else f"{field}:[{written}]"
    return Asked(text, lambda event: any(means(meant, value, event) for value in values))


def _fields(about: Told) -> list[tuple[str, str, list[str]]]:
    """Every field as it is written, as `meaning` calls it, and values worth asking for."""
    everything = [about.resource, *about.related]
    ids = [one[ID] for one in everything]
    names = [display_name(one) for one in everything]
    roles = [one[ROLE] for one in about.related] or ["flow"]
    own = {key: [one[key] for one in everything if key in one] for one in everything for key in one}
    labels = {ID: ids, NAME: names, ROLE: roles, **own}
    return [
        ("event", "event", [about.event]),
        ("system", "system", [about.system]),
        ("outcome", "outcome", [outcome.word for outcome in Outcome]),
        ("id", "id", [str(about.id), str(UUID(int=9))]),
        ("follows", "follows", [str(leader) for leader in LEADERS]),
        *[(field, field, ids + names) for field in ("resource", "related", "any")],
        ("related.id", "related.id", ids),
        ("related.name", "related.name", names),
        ("related.role", "related.role", roles),
        *[(_role_field(role), f"related.role={role}", ids + names) for role in roles],
        *[(f"label.{written_key(key)}", f"label.{key}", pool) for key, pool in labels.items()],
    ]


def _role_field(role: str) -> str:
    return f"related.{quote(role) if role in ('id', 'name', 'role') else written_key(role)}"


def _literals(pool: Sequence[str]) -> st.SearchStrategy[Value]:
    near = st.sampled_from(pool).flatmap(
        lambda text: st.sampled_from([text, text, text, text[:-1], text + "a", text.upper()])
    )
    return near.map(lambda text: Value(text, quoted=True))


@st.composite
def _globs(draw: st.DrawFn, pool: Sequence[str]) -> Value:
    """Cut a value open in places; what cannot stand unquoted becomes a star too."""
    text = draw(st.sampled_from(pool))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=4)))
    kept = [text[: cuts[0]], *[text[a:b] for a, b in zip(cuts[1::2], cuts[2::2], strict=False)]]
    tail = draw(st.sampled_from(["", text[cuts[-1] :]]))
    return Value(re.sub(r"""[\s()",\[\]<>]|^//|\.\.""", "*", "*".join([*kept, tail])))


@st.composite
def phrases(draw: st.DrawFn, about: Told) -> Asked:
    text = draw(st.sampled_from(list(strings_of(about))))
    start, end = sorted([draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))])
    said = draw(st.sampled_from([text, text[start:end], text[start:], text.swapcase()]))
    return Asked(quote(said), lambda event: says(event, words_of(said)))


@st.composite
def words(draw: st.DrawFn, about: Told) -> Asked:
    """Write text bare, whole or as a beginning."""
    text = draw(st.sampled_from(list(strings_of(about))))
    bare = re.sub(r"""[\s()"*]""", "", text[: draw(st.integers(0, len(text)))]).lstrip("-!")
    if not words_of(bare):
        return Asked("*", lambda event: True)
    if not draw(st.booleans()):
        return Asked(bare, lambda event: says(event, words_of(bare)))
    readings = words_before_star(bare)
    return Asked(f"{bare}*", lambda event: any(says(event, *reading) for reading in readings))


def is_readable(asked: Asked) -> bool:
    """Whether the text is one clause; much of what events hold has no word in it."""
    try:
        return len(parse(asked.text).clauses) == 1
    except QueryError:
        return False
