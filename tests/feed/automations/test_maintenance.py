"""Windows of maintenance as a person writes them."""

import pytest
from django.core.exceptions import ValidationError

from apps.feed.automations.maintenance import MaintenanceField, lines_of

NIGHT = {"from": "22:00", "until": "06:00"}


@pytest.mark.parametrize(
    ("line", "window"),
    [
        ("22:00-06:00", NIGHT),
        ("22:00 until 6:00", NIGHT),
        (
            "Sat Sun 22:00-06:00 Europe/Berlin",
            NIGHT | {"weekdays": [5, 6], "zone": "Europe/Berlin"},
        ),
        ("mon-fri, Sunday 22:00–06:00", NIGHT | {"weekdays": [0, 1, 2, 3, 4, 6]}),
        ("Sat-Mon 22:00 to 06:00", NIGHT | {"weekdays": [0, 5, 6]}),
    ],
)
def test_a_line_is_a_window_and_is_shown_again(line, window):
    read = MaintenanceField().clean(line)
    assert read == [window]
    assert MaintenanceField().clean(lines_of(read)) == read


def test_each_line_is_one_and_none_is_none():
    assert len(MaintenanceField().clean("\n22:00-06:00\n\nSun 01:00-02:00\n")) == 2
    assert MaintenanceField().clean("") == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("at night", "Write a line"),
        ("Foo 22:00-06:00", "no weekday"),
        ("25:00-06:00", "time of the day"),
        ("22:00-06:00 Mars/Olympus", "time zone"),
    ],
)
def test_what_is_no_window_is_told(line, word):
    with pytest.raises(ValidationError, match=word):
        MaintenanceField().clean(line)
