"""Windows of maintenance, in the time of their place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from apps.automations.manners import BadMaintenance, read_maintenance

NIGHT = {"weekdays": [4], "from": "22:00", "until": "06:00", "zone": "Europe/Berlin"}
DAY = {"from": "09:00", "until": "17:00"}
MOMENTS = {
    "on Friday night": (NIGHT, "2026-11-20T21:00", True),
    "before it, by the time of Berlin": (NIGHT, "2026-11-20T20:59", False),
    "on the morning after": (NIGHT, "2026-11-21T04:59", True),
    "until it ends": (NIGHT, "2026-11-21T05:00", False),
    "not on the night after": (NIGHT, "2026-11-21T22:00", False),
    "not on the morning before": (NIGHT, "2026-11-20T03:00", False),
    "each day without weekdays": (DAY, "2026-11-22T09:00", True),
    "up to its end": (DAY, "2026-11-22T17:00", False),
}


@pytest.mark.parametrize(("said", "moment", "holds"), MOMENTS.values(), ids=MOMENTS)
def test_maintenance_holds(said: dict[str, Any], moment: str, holds: bool):
    [window] = read_maintenance([said])
    assert window.holds(datetime.fromisoformat(moment).replace(tzinfo=UTC)) is holds


WRONG = {
    "no list": ({}, "maintenance"),
    "no time": ([DAY | {"from": "noon"}], "maintenance[0].from"),
    "a time with a zone": ([DAY | {"until": "17:00+01:00"}], "maintenance[0].until"),
    "no weekday": ([DAY, DAY | {"weekdays": [7]}], "maintenance[1].weekdays[0]"),
    "no zone": ([DAY | {"zone": "Middle/Earth"}], "maintenance[0].zone"),
    "a path for a zone": ([DAY | {"zone": "../etc"}], "maintenance[0].zone"),
}


@pytest.mark.parametrize(("said", "path"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_its_place(said: Any, path: str):
    with pytest.raises(BadMaintenance) as caught:
        read_maintenance(said)
    assert caught.value.path == path
