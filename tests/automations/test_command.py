"""`manage.py automations`: what there is, what it would have done, and switching it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.automations.models import Automation, Firing

PAID = {"type": "presence", "query": "event:invoice.paid"}
FILE = """
automations:
- name: Paid
  trigger: {type: presence, query: event:invoice.paid}
"""


def said(*words: str) -> str:
    out = StringIO()
    call_command("automations", *words, stdout=out)
    return out.getvalue()


def test_list_says_what_each_waits_for(automate):
    automate(PAID)
    assert "on        one  (never fired)" in said("list")
    assert "Any event named invoice.paid." in said("list")


def test_list_of_none_says_so(empty_log):
    assert said("list") == "There are no automations.\n"


def test_show_tells_when_then_and_its_firings(watching, automate, happen):
    automation = automate(PAID, actions=[{"type": "do-nothing"}])
    watching.step()
    happen("invoice.paid")
    watching.step()
    shown = said("show", str(automation.id))
    assert "then          do nothing" in shown
    assert "triggered: One event named invoice.paid was seen." in shown


def test_show_of_what_cannot_be_read_says_so(automate):
    automation = automate(PAID)
    Automation.objects.filter(pk=automation.pk).update(trigger={}, actions=[{"type": "no"}])
    assert said("show", "one").count("It cannot be read") == 2


def test_switching_begins_anew_and_says_when_nothing_changes(automate):
    automate(PAID)
    assert said("off", "one") == "one is off.\n"
    assert said("off", "one") == "one is already off.\n"
    assert said("on", "one") == "one is on.\n"
    assert Automation.objects.get().version == 3


def test_backtest_tells_how_often_it_would_have_fired(automate, happen):
    happen("invoice.paid", "invoice.paid", "invoice.sent")
    automate(PAID)
    told = said("backtest", "one", "--since", "now-1h")
    assert "one would have fired 2 times, of " in told
    assert told.count("triggered: One event named invoice.paid was seen.") == 2
    assert not Firing.objects.exists()


def test_backtest_says_one_event_as_one(automate, happen):
    happen("invoice.paid", ago=3_600)
    automate(PAID)
    told = said("backtest", "one", "--since", "now-1d")
    assert "1 event came too late to count." in told


def test_backtest_of_no_time_is_refused(automate):
    automate(PAID)
    with pytest.raises(CommandError, match="“soon” is no time"):
        said("backtest", "one", "--since", "soon")


def test_unknown_automation_is_told(empty_log):
    with pytest.raises(CommandError, match="no automation “two”"):
        said("show", "two")


def test_name_of_several_asks_which(automate):
    automate(PAID), automate(PAID)
    with pytest.raises(CommandError, match="2 automations are called “one”"):
        said("show", "one")


def test_export_is_imported_again(empty_log, tmp_path: Path):
    file = tmp_path / "automations.yaml"
    file.write_text(FILE)
    assert said("import", str(file)) == "made       Paid\n"
    file.write_text(said("export"))
    assert said("import", str(file)) == "unchanged  Paid\n"
    assert said("export", "Paid") == file.read_text()


def test_file_that_cannot_be_read_is_told(empty_log, tmp_path: Path):
    file = tmp_path / "automations.yaml"
    file.write_text("- name: Paid\n")
    with pytest.raises(CommandError, match="trigger"):
        said("import", str(file))
