"""YAML holds JSON's values, whatever they look like."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.automations.yaml_text import BadFile, loaded, written

LOOKS_OTHERWISE = [
    *("on", "off", "yes", "y", "1:30", "1e3", "1e+20", "08", "0o7", "0x1F", "1_000", "2026-11-22"),
    *("~", "null", "Null", "true", "True", "<<", "=", "-0", "+1", "-1", "1.", ".5", ".inf", ""),
]
TEXTS = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    | st.text("\n\r \t\x85\u2028\ufeffab#:-'\"|{[*&!%@`")
    | st.sampled_from(LOOKS_OTHERWISE)
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inside: st.lists(inside) | st.dictionaries(TEXTS, inside),
)


@settings(deadline=None)
@given(VALUES)
def test_what_is_written_is_read_back_and_written_alike(value):
    text = written(value)
    assert loaded(text) == value
    assert written(loaded(text)) == text


@pytest.mark.parametrize("text", LOOKS_OTHERWISE[:12])
def test_what_yaml_1_1_takes_for_something_else_is_text(text):
    assert loaded(f"- {text}") == [text]


def test_the_name_of_a_field_may_be_on():
    assert loaded("on: false") == {"on": False}


def test_json_is_read():
    assert loaded('{"a": [1, 2.5, null, true, "x"]}') == {"a": [1, 2.5, None, True, "x"]}


def test_a_text_of_several_lines_is_written_as_such():
    assert written({"body": "one\ntwo\n"}) == "body: |\n  one\n  two\n"


def test_what_cannot_be_read_is_told_with_its_line():
    with pytest.raises(BadFile, match="line 2"):
        loaded("a: 1\nb: [")


MORE_THAN_JSON = [
    ("a program", "!!python/object/apply:os.system ['true']"),
    ("a set", "!!set {a, b}"),
    ("a date", "!!timestamp 2026-11-22"),
    ("bytes", "!!binary aGk="),
    ("no number", "!!float .nan"),
    ("itself", "&a [*a]"),
    ("what PostgreSQL refuses", r'"\0"'),
    ("half a character", r'"\ud800"'),
    ("too deep", "[" * 5_000),
]


@pytest.mark.parametrize(("word", "text"), MORE_THAN_JSON, ids=[one[0] for one in MORE_THAN_JSON])
def test_what_json_cannot_say_is_refused(word, text):
    with pytest.raises(BadFile):
        loaded(text)


def test_numbers_as_names_are_texts():
    assert loaded("1: {2.5: x}") == {"1": {"2.5": "x"}}
