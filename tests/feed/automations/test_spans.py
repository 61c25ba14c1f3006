"""Spans of time as a person writes them."""

import pytest

from apps.feed.automations.spans import BadSpan, seconds_in, span_of


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90", 90),
        ("10 min", 600),
        ("10m", 600),
        ("2 hours", 7_200),
        ("1 h 30 min", 5_400),
        ("1d, 2h", 93_600),
        ("1 week", 604_800),
        ("0.5 s", 0.5),
        ("  5 MIN ", 300),
    ],
)
def test_a_span_is_read_as_seconds(written: str, seconds: float):
    assert seconds_in(written) == seconds


@pytest.mark.parametrize("written", ["", "soon", "10 parsecs", "-5 min", "5 min later", "2 years"])
def test_what_is_no_span_is_told_with_an_example(written: str):
    with pytest.raises(BadSpan, match="10 min"):
        seconds_in(written)


def test_a_span_ends_after_a_year():
    with pytest.raises(BadSpan, match="at most a year"):
        seconds_in("54 weeks")


@pytest.mark.parametrize("seconds", [0, 0.5, 1, 59, 60, 90, 3_600, 5_400, 86_400, 93_784])
def test_what_is_shown_is_read_as_the_same(seconds: float):
    assert seconds_in(span_of(seconds)) == seconds
