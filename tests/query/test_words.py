"""Which words a text holds."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.query.words import JUMP, words_of, words_of_each
from tests.query.told import texts

UUID = "adc42fd3-5820-4198-af10-706a02c8fc8a"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prefect.flow-run.Failed", ["prefect", "flow", "run", "failed"]),
        ("retry_delay_seconds", ["retry", "delay", "seconds"]),
        ("Straße ﬁn ÉTÉ", ["strasse", "fin", "été"]),
        (f"run-{UUID.upper()}", ["run", UUID]),
        (f"{UUID}0", [*UUID.split("-")[:4], "706a02c8fc8a0"]),
        (f"0{UUID}", ["0adc42fd3", *UUID.split("-")[1:]]),
        ("at 2026-11-21T03:41:35.493638+00:00 it broke", ["at", "it", "broke"]),
        ("at 2026-11-21 03:41 it broke", ["at", "it", "broke"]),
        ("on 2026-11-21", ["on", "2026", "11", "21"]),
        ("x" * 100, ["x" * 64]),
        ("---", []),
    ],
)
def test_a_text_holds(text: str, words: list[str]) -> None:
    assert words_of(text) == words


dashes = st.lists(
    st.sampled_from(
        [
            UUID,
            UUID.upper(),
            UUID[8:],
            "2026-11-21T03:41",
            "2026-11-21 03:41:35",
            "x",
            "-",
            "D",
            "_",
        ]
    )
).map("".join)


@given(st.lists(st.one_of(texts, dashes), min_size=1, max_size=4))
@example(["-" * 70])
def test_many_texts_hold_what_each_holds(strings: list[str]) -> None:
    one_by_one = [word for text in strings for word in [*words_of(text), JUMP]]
    assert words_of_each(strings) == one_by_one[:-1]
