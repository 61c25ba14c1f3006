"""Automations are made, changed, switched and taken away; each is told, and begins at the head."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.automations import taking_down
from apps.automations.doing.actions import BadAction
from apps.automations.keeping import acknowledge, delete, live, save, switch
from apps.automations.models import Automation, Firing, Tick
from apps.automations.reading import BadTrigger
from apps.events.log import head_sync
from apps.events.models import Event

PAID = {"type": "presence", "query": "event:invoice.paid"}


def told() -> list[str]:
    audited = Event.objects.filter(event__startswith="eventfeed.audit.").order_by("tx", "seq")
    return [
        name.removeprefix("eventfeed.audit.") for name in audited.values_list("event", flat=True)
    ]


def test_new_automation_begins_at_the_head_and_is_told(happen):
    happen("a")
    before = head_sync()
    automation = Automation(name="Paid", trigger=PAID)
    save(automation, by="ada")
    assert (automation.start_tx, automation.start_seq) >= before[1:]
    assert automation.version == 1
    event = Event.objects.get(event="eventfeed.audit.automation.made")
    assert event.resource_id == f"eventfeed.automation.{automation.pk}"
    assert event.resource["prefect.resource.name"] == "Paid"
    assert event.related[0]["prefect.resource.name"] == "ada"


def test_another_trigger_is_another_version_and_another_name_is_not(automate):
    automation = automate(PAID)
    started = automation.started
    automation.name = "another"
    save(automation)
    assert (automation.version, automation.started) == (1, started)
    automation.trigger = PAID | {"times": 2}
    save(automation)
    assert automation.version == 2
    assert automation.started > started
    assert told() == ["automation.made", "automation.changed", "automation.changed"]


def test_switching_on_begins_anew(automate):
    automation = automate(PAID)
    switch(automation, False, by="ada")
    switch(automation, False)
    switch(automation, True)
    assert Automation.objects.get().enabled
    assert automation.version == 3
    assert told()[1:] == ["automation.switched-off", "automation.switched-on"]


def test_what_cannot_be_read_is_not_saved(source):
    with pytest.raises(BadTrigger):
        save(Automation(name="x", trigger={"type": "presence"}))
    with pytest.raises(BadAction):
        save(Automation(name="x", trigger=PAID, actions=[{"type": "unknown"}]))
    with pytest.raises(BadTrigger):
        save(Automation(name="x", trigger=PAID, maintenance=[{"from": "x"}]))
    assert not live().exists()


def test_deleted_automation_leaves_its_firings(watching, automate, happen):
    automation = automate(PAID)
    happen("invoice.paid")
    watching.step()
    delete(automation)
    assert not live().exists()
    assert Firing.objects.get().automation == automation


def test_first_acknowledgement_counts(watching, automate, happen):
    automate(PAID)
    happen("invoice.paid")
    watching.step()
    firing = Firing.objects.get()
    acknowledge(firing, by="ada")
    acknowledge(firing, by="bob")
    assert firing.acknowledged_by == "ada"
    assert told().count("firing.acknowledged") == 1


def test_what_is_too_old_goes(watching, automate, happen):
    automation = automate(PAID, actions=[{"type": "do-nothing"}])
    happen("invoice.paid")
    watching.step()
    taking_down.prune()
    assert Firing.objects.exists()
    long_ago = timezone.now() - timedelta(days=100)
    Firing.objects.update(fired=long_ago)
    Tick.objects.create(tx=1, seq=1, at=long_ago)
    Automation.objects.update(gone=long_ago)
    taking_down.prune()
    assert not Firing.objects.exists()
    assert not Tick.objects.exists()
    assert not Automation.objects.filter(pk=automation.pk).exists()
