"""Events as tests tell them, real ones and nasty ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st

from apps.query.terms import ID, NAME, ROLE

SOURCES = {1: "Prefect", 2: "100%_\\", 3: "stripe"}
LEADERS = tuple(UUID(int=number) for number in range(3))


@dataclass(frozen=True)
class Told:
    event: str = "acme.invoice.paid"
    resource: Mapping[str, str] = field(default_factory=lambda: {ID: "acme.invoice.42"})
    related: tuple[Mapping[str, str], ...] = ()
    payload: Mapping[str, Any] = field(default_factory=dict)
    outcome: int = 5
    system: str = "custom"
    follows: UUID | None = None
    id: UUID = field(default_factory=uuid4)
    occurred: datetime = datetime(2026, 11, 21, 3, 41, 35, tzinfo=UTC)
    received: datetime = datetime(2026, 11, 21, 3, 41, 36, tzinfo=UTC)
    source_id: int = 1
    warnings: tuple[str, ...] | None = None

    @property
    def source_name(self) -> str:
        return SOURCES[self.source_id]


# Few pieces, so that values meet; each is there for a trap.
PIECES = (
    *("a", "b", "A", "ab", "a.b", "a-b", "a b", "flow", "run", "1", "42", "0.5"),
    *("'", "''", "\\", "\\'", "%", "_", "*", "?", ":", ",", "[", "]", '"', "(", ")", "!", "-", "&"),
    *("\x1f", "\x1e", "\x1e0", "\x1e1", "\x1e#", "\n", "\t", " ", "\u00a0", "\u3000", "//", "1..2"),
    *(
        "é",
        "e\u0301",
        "ﬁ",
        "ß",
        "ẞ",
        "SS",
        "İ",
        "ı",
        "ǅ",
        "½",
        "²",
        "日本",
        "😀",
        "ﷺ",
        "\U0010ffff",
    ),
    *("x" * 70, "é" * 150, "é" * 199 + "z", "long" * 110, "long" * 140),
    *("2026-11-21T03:41:35.493638Z", "2026-11-21", "adc42fd3-5820-4198-af10-706a02c8fc8a"),
    *("prefect.flow-run.", "adc42fd3", "=", "^", "~a", "+a", "OR", "NOT", "\\x", "{}", "null"),
)
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\x00")

texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=3).map("".join),
    st.text(CHARACTERS, max_size=8),
)
named = texts.filter(bool)
KEYS = st.sampled_from(["k", "a.b", "team", 'k"q', "k: v", "", "é", "prefect.name", "K" * 600])
labels = st.dictionaries(st.one_of(KEYS, texts), texts, max_size=3)
roles = st.one_of(st.sampled_from(["flow", "flow-run", "name", "id"]), named)
names = st.one_of(st.just({}), texts.map(lambda name: {NAME: name}))
scalars = st.one_of(
    texts, st.integers(-(10**70), 10**70), st.floats(allow_nan=False, allow_infinity=False)
)
# So few that paths and comparisons meet what they ask for, and miss it by a hair.
PATH_KEYS = st.sampled_from(["n", "a.b", "items", "run_ms", "size", 'k"q', "é"])
NUMBERS = (0, 1, -1, 5, 200, 0.5, 0.1, -2.5, 1000, 10**17 + 1, 1e300)
VALUES = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(["", "5", "200", "0.50", "1e3", "true", "null", "AB-1", "ab-1", "a%b_c"]),
    st.sampled_from(
        [
            *("2026-11-21", "2026-11-21T03:41:35Z", "2026-11-21 03:41:35.5", "2026-02-30"),
            *("2026-11-21T05:41:35.1234567+02:00", "2026-11-21T24:00:00Z", "0000-01-01", "2026-11"),
        ]
    ),
)
payloads = st.dictionaries(
    texts | PATH_KEYS,
    st.recursive(
        st.one_of(scalars, VALUES, VALUES, st.booleans(), st.none()),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(texts | PATH_KEYS, inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=3,
)
NOW = datetime.now(UTC).replace(microsecond=0)
MOMENTS = st.sampled_from(
    [
        *(datetime(2026, 11, 21, 3, 41, 35, micro, tzinfo=UTC) for micro in (0, 1, 690_000)),
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 10, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2025, 1, 1, tzinfo=UTC),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 30, tzinfo=UTC),
        NOW - timedelta(hours=3),
        NOW + timedelta(days=3),
    ]
)


@st.composite
def resources(draw: st.DrawFn) -> dict[str, str]:
    return {**draw(labels), **draw(names), ID: draw(named)}


@st.composite
def related_resources(draw: st.DrawFn) -> dict[str, str]:
    return {**draw(resources()), ROLE: draw(roles)}


@st.composite
def primary_resources(draw: st.DrawFn) -> dict[str, str]:
    role = draw(st.one_of(st.just({}), roles.map(lambda role: {ROLE: role})))
    return {**draw(resources()), **role}


events = st.builds(
    Told,
    event=st.one_of(st.sampled_from(["prefect.flow-run.Failed", "flow", ""]), texts),
    resource=primary_resources(),
    related=st.lists(related_resources(), max_size=3).map(tuple),
    payload=payloads,
    outcome=st.integers(1, 5),
    system=st.one_of(st.sampled_from(["prefect", "custom"]), named),
    follows=st.one_of(st.none(), st.sampled_from(LEADERS)),
    occurred=MOMENTS,
    received=MOMENTS,
    source_id=st.sampled_from(list(SOURCES)),
    warnings=st.sampled_from([None, (), ("odd",)]),
)
