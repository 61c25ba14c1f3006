"""Positions and cursors: what links and frames hold of a place."""

from datetime import UTC, datetime

import pytest

from apps.events.position import BadPosition, Position
from apps.events.search import BadCursor, Cursor


def test_position_is_read_back_as_it_was_written():
    position = Position("0123456789ab", 2**62, 17)
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("0123456789ab", id="no place"),
        pytest.param("0123456789ab.1", id="half a place"),
        pytest.param("0123456789ab.1.2.3", id="too much"),
        pytest.param("0123456789AB.1.2", id="another case"),
        pytest.param("0123456789ab.-1.2", id="below zero"),
        pytest.param("0123456789ab.1.٢", id="digits of another script"),
        pytest.param("0123456789ab.1.9223372036854775808", id="beyond bigint"),
        pytest.param("0123456789ab.1.2\n", id="a line end"),
    ],
)
def test_other_text_is_no_position(text: str):
    with pytest.raises(BadPosition):
        Position.parse(text)


@pytest.mark.parametrize(
    "occurred",
    [
        pytest.param(datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC), id="now"),
        pytest.param(datetime(1, 1, 1, tzinfo=UTC), id="the first time there is"),
        pytest.param(datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), id="the last"),
    ],
)
def test_cursor_is_read_back_as_it_was_written(occurred: datetime):
    cursor = Cursor(occurred, 2**62, 17)
    assert Cursor.parse(str(cursor)) == cursor
    assert str(cursor).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("text", ["", "AAAA", "?" * 32, "f" * 32, "é" * 32])
def test_other_text_is_no_cursor(text: str):
    with pytest.raises(BadCursor):
        Cursor.parse(text)
