"""Trying an automation on the past: it fires there as it would have, live, and is not stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.automations import past
from apps.automations import watching as following
from apps.automations.backtest import Backtest, backtest
from apps.automations.models import Automation, Firing
from apps.query import Outcome

PAID = {"type": "presence", "query": "event:invoice.paid"}
TWICE = PAID | {"times": 2, "within": 600}
SILENCE = {"type": "absence", "query": "event:b", "after": "event:a", "within": 10}
EACH = {"for_each": ["resource"]}
IN_A_ROW = {"type": "sequence", "triggers": [PAID, {**PAID, "query": "event:b"}], "within": 60}
FEWER = {
    "type": "metric", "query": "event:[a,b]", "metric": "success", "operator": "<",
    "threshold": 0.5, "over": 600, "breached_for": 0,
}  # fmt: skip
TRIGGERS: dict[str, dict[str, Any]] = {
    "each": PAID,
    "twice": TWICE,
    "twice each": TWICE | EACH,
    "absence": SILENCE,
    "absence each": SILENCE | EACH,
    "absence at all": {"type": "absence", "query": "event:b", "within": 10},
    "in a row": IN_A_ROW,
    "metric": FEWER,
    "prefect": {
        "type": "prefect",
        "trigger": {
            "posture": "Reactive", "expect": ["invoice.*"], "match": {}, "threshold": 2,
            "within": 600, "for_each": ["prefect.resource.id"],
        },
    },
}  # fmt: skip
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(following, "WRITE_EVERY", 0.0)


def tried(trigger: dict[str, Any], **more: Any) -> Backtest:
    return backtest(Automation(name="one", trigger=trigger, **more), timezone.now() - HOUR)


def told(firing: Firing) -> dict[str, Any]:
    fields = ("id", "kind", "key", "start", "end", "fired", "why", "count", "value", "depth")
    return {name: getattr(firing, name) for name in (*fields, "tx", "seq", "events", "children")}


@pytest.mark.parametrize("slice", [1, 3, 1_000])
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_it_fires_as_it_did(trigger, slice, watching, automate, happen, monkeypatch):
    automation = automate(TRIGGERS[trigger], most_a_minute=0)
    watching.step()
    happen("a", "invoice.paid", resource="r.1", outcome=Outcome.FAILED)
    happen("invoice.paid", "b", "invoice.paid", resource="r.2")
    watching.step()
    happen("invoice.paid", "a", ago=1_000)
    happen("invoice.paid", "a", resource="r.2", outcome=Outcome.FAILED)
    monkeypatch.setattr(following, "NOW", "SELECT clock_timestamp() + interval '25 s'")
    watching.step()
    watching.step()
    happen("b", "a", "invoice.paid", resource="r.1")
    watching.step()
    monkeypatch.setattr(following, "NOW", "SELECT clock_timestamp() + interval '55 s'")
    watching.step()
    live = {firing.id: told(firing) for firing in Firing.objects.all()}
    assert live
    monkeypatch.setattr(past, "SLICE", slice)
    again = Backtest.from_its_start(automation, timezone.now() + timedelta(seconds=55)).run()
    assert {firing.id: told(firing) for firing in again.firings} == live
    assert again.is_done


def test_nothing_is_stored(happen):
    happen("invoice.paid")
    assert tried(PAID).fired == 1
    assert not Firing.objects.exists()
