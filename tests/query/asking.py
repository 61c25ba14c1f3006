"""Random clauses about given events, each with its meaning said twice."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hypothesis import strategies as st

from apps.query import Outcome, QueryError, parse
from apps.query.terms import ID, NAME, ROLE, display_name
from apps.query.values import Value, quote, written_key
from apps.query.words import words_before_star, words_of
from tests.query.meaning import (
    fits,
    has_compared,
    has_glob,
    has_text,
    has_value,
    is_present,
    is_within,
    means,
    places,
    says,
    strings_of,
)
from tests.query.told import LEADERS, Told


@dataclass(frozen=True)
class Asked:
    """A clause and what it means."""

    text: str
    holds: Callable[[Told], bool]


@st.composite
def clauses(draw: st.DrawFn, events: Sequence[Told]) -> Asked:
    about = draw(st.sampled_from(events))
    asked = draw(
        st.one_of(
            *(fields(about), fields(about), phrases(about), words(about), payload_clauses(about)),
            *(payload_clauses(about), times(), one_resource(about), presences(about)),
        )
    )
    return asked if draw(st.booleans()) else opposite(asked)


def opposite(asked: Asked) -> Asked:
    return Asked(f"-{asked.text}", lambda event: not asked.holds(event))


@st.composite
def joined(draw: st.DrawFn, asked: Sequence[Asked]) -> Asked:
    """Join clauses by AND and OR, in brackets or as they bind, some of them negated."""
    some = st.sampled_from(asked)
    lists = draw(st.lists(st.lists(some, min_size=1, max_size=3), min_size=1, max_size=3))
    bracketed = draw(st.booleans()) and len(lists) > 1
    if bracketed:
        # (a OR b) (c OR d)
        text = " ".join([f"({' OR '.join([one.text for one in few])})" for few in lists])
        whole = Asked(text, lambda e: all(any(one.holds(e) for one in few) for few in lists))
    else:
        text = " OR ".join([" ".join([one.text for one in few]) for few in lists])
        whole = Asked(text, lambda e: any(all(one.holds(e) for one in few) for few in lists))
    if draw(st.booleans()):
        return whole
    return Asked(f"-({whole.text})", lambda event: not whole.holds(event))


PATHS = st.lists(
    st.one_of(st.just("[]"), st.sampled_from(["n", "items", "size", "run_ms", "é"])),
    min_size=0,
    max_size=2,
)
TYPED = ("5", "200", "0.5", "-2.5", "1e3", "true", "false", "null", "x", "AB-1", "2026-11", "0.50")
COMPARED = ("5", "0.1", "-1", "1e3", "100000000000000001", "2026-11-21T03:41:35", "yesterday")
SPANS = (("0", "5"), ("*", "1e3"), ("0.1", "*"), ("2026-11", "2026-11-21T03:41:35.5"), ("5", "0"))


@st.composite
def payload_clauses(draw: st.DrawFn, about: Told) -> Asked:
    """Ask a path that is there, or one near it, for what is there, and for more and less."""
    path, value = draw(st.sampled_from([*places(about.payload), (("n",), 5)]))
    steps = [*path, *(draw(PATHS) if draw(st.integers(0, 5)) == 0 else [])]
    written = "".join("[]" if one == "[]" else f".{written_step(one)}" for one in steps)
    field = f"payload{written}"
    how = draw(st.integers(0, 5))
    if how == 0:
        said = draw(st.sampled_from(TYPED))
        return Asked(f"{field}:{said}", lambda e: has_value(e.payload, steps, said))
    if how == 1:
        comparison = draw(st.sampled_from([">", ">=", "<", "<="]))
        said = draw(st.sampled_from(COMPARED))
        return Asked(
            f"{field}:{comparison}{said}",
            lambda e: has_compared(e.payload, steps, [(comparison, said)]),
        )
    if how == 2:
        low, high = draw(st.sampled_from(SPANS))
        bounds = [(than, end) for than, end in ((">=", low), ("<=", high)) if end != "*"]
        return Asked(f"{field}:[{low} TO {high}]", lambda e: has_compared(e.payload, steps, bounds))
    if how == 3:
        return Asked(f"{field}:*", lambda e: is_present(e.payload, steps))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if how == 4:
        glob = draw(_globs([text or "a"]))
        if glob.is_anything or not glob.is_glob:
            return Asked(f"{field}:*", lambda e: is_present(e.payload, steps))
        return Asked(f"{field}:{glob.written()}", lambda e: has_glob(e.payload, steps, glob))
    quoted = Value(text, quoted=True)
    return Asked(f"{field}:{quote(text)}", lambda e: has_text(e.payload, steps, quoted.text))


def written_step(step: str) -> str:
    return written_key(step) if "." not in step else quote(step)


@st.composite
def times(draw: st.DrawFn) -> Asked:
    column = draw(st.sampled_from(["occurred", "received"]))
    how = draw(st.integers(0, 4))
    if how == 4:
        return draw(
            st.sampled_from(
                [
                    Asked("is:late", lambda e: (e.received - e.occurred).total_seconds() > 60),
                    Asked("is:warned", lambda e: bool(e.warnings)),
                    Asked("source:stripe", lambda e: e.source_name == "stripe"),
                    Asked("source:1*", lambda e: e.source_name.startswith("1")),
                    Asked('source:"100%_\\\\"', lambda e: e.source_name == "100%_\\"),
                ]
            )
        )
    if how == 0:
        low, high = draw(st.sampled_from([("2026-11", "*"), ("*", "2026-11"), ("now-4h", "now")]))
        bounds = [(than, end) for than, end in ((">=", low), ("<=", high)) if end != "*"]
        return Asked(f"{column}:[{low} TO {high}]", lambda e: is_within(e, column, bounds))
    said = draw(
        st.sampled_from(
            [
                *("2026-11", "2026", "2026-11-21", "2026-11-21T03:41", "2026-11-21T03:41:35"),
                *("2026-11-21T03:41:35.690Z", "2026-11-21T04:41:35.000001+01:00", "now-5h"),
                *("now+2d", "0001", "9999", "yesterday"),
            ]
        )
    )
    than = draw(st.sampled_from(["", ">", ">=", "<", "<="]))
    return Asked(f"{column}:{than}{said}", lambda e: is_within(e, column, [(than, said)]))


@st.composite
def one_resource(draw: st.DrawFn, about: Told) -> Asked:
    """Ask several things of one and the same resource."""
    which = draw(st.sampled_from(["resource", "related", "any"]))
    one = draw(st.sampled_from([about.resource, *about.related]))
    other = draw(st.sampled_from([about.resource, *about.related]))
    parts = draw(st.lists(_of_resource(one) | _of_resource(other), min_size=1, max_size=3))
    parts = [opposite_part(part) if draw(st.integers(0, 3)) == 0 else part for part in parts]
    either = draw(st.booleans())
    text = (" OR " if either else " ").join([text for text, _ in parts])
    fulfilled = any if either else all

    def holds(event: Told) -> bool:
        resources = [event.resource] if which != "related" else []
        resources += event.related if which != "resource" else []
        return any(fulfilled(holds(one) for _, holds in parts) for one in resources)

    return Asked(f"{which}({text})", holds)


Part = tuple[str, Callable[[Mapping[str, str]], bool]]


def opposite_part(part: Part) -> Part:
    text, holds = part
    return f"-{text}", lambda labels: not holds(labels)


@st.composite
def _of_resource(draw: st.DrawFn, one: Mapping[str, str]) -> Part:
    key = draw(st.sampled_from(list(one)))
    if draw(st.integers(0, 3)) == 0:
        name = draw(_literals([display_name(one)]))
        return f"name:{name.written()}", lambda labels: display_name(labels) == name.text
    value = draw(st.one_of(_literals([one[key]]), _globs([one[key]]), st.just(Value("*"))))
    field = {ID: "id", ROLE: "role"}.get(key, f"label.{written_key(key)}")
    return (
        f"{field}:{value.written()}",
        lambda labels: key in labels and fits(value, labels[key]),
    )


@st.composite
def presences(draw: st.DrawFn, about: Told) -> Asked:
    role = next((one[ROLE] for one in about.related), "flow")
    return draw(
        st.sampled_from(
            [
                Asked("has:follows", lambda e: e.follows is not None),
                Asked("has:related", lambda e: bool(e.related)),
                Asked("has:label.team", lambda e: means("label.team", Value("*"), e)),
                Asked(
                    "payload.run_ms:2s",
                    lambda e: (
                        has_text(e.payload, ["run_ms"], "2s")
                        or has_compared(e.payload, ["run_ms"], [(">=", "2000"), ("<=", "2000")])
                    ),
                ),
                Asked("has:payload.n", lambda e: is_present(e.payload, ["n"])),
                Asked(
                    f"has:{quote(_role_field(role))}",
                    lambda e: any(one[ROLE] == role for one in e.related),
                ),
            ]
        )
    )


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
    is_other = role in ("id", "name", "role") or role.startswith("label.")
    return f"related.{quote(role) if is_other else written_key(role)}"


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
