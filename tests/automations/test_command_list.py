"""`manage.py automations list`: by name, with how it goes with each."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.automations.models import Automation, Task
from tests.automations.doing.fired import automation, fired

pytestmark = pytest.mark.django_db


def listed() -> list[str]:
    """Return the first line of each."""
    out = StringIO()
    call_command("automations", "list", stdout=out)
    return out.getvalue().splitlines()[::2]


def test_they_are_listed_by_name_however_they_fire():
    for name in ("Orders", "bills", "Parcels", "accounts"):
        automation(name=name)
    fired(automation=Automation.objects.get(name="Parcels"))
    assert [line.split("  ")[-2].strip() for line in listed()] == sorted(
        Automation.objects.values_list("name", flat=True)
    )


def test_each_says_whether_it_is_on_when_it_fired_and_what_failed():
    automation(name="Off", enabled=False)
    tasks = fired({"type": "do-nothing"}, {"type": "do-nothing"}, automation=automation(name="On"))
    Task.objects.filter(id=tasks[0].id).update(state=Task.State.PARKED, ended=timezone.now())
    fired({"type": "do-nothing"}, automation=Automation.objects.get(name="On"))
    assert listed() == [
        "off       Off  (never fired)",
        "on        On  (fired 2026-11-21 12:00:00 UTC, 1 failed within a day)",
    ]
