"""Trying an automation on the past: it fires there as it would have, live, and is not stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.automations import backtest as backtesting
from apps.automations import past, taking_up
from apps.automations import watching as follower
from apps.automations.backtest import Backtest, backtest
from apps.automations.models import Automation, Firing
from apps.automations.reading import BadTrigger
from apps.events.models import Event
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
    monkeypatch.setattr(taking_up, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(follower, "WRITE_EVERY", 0.0)


def of(trigger: dict[str, Any], **more: Any) -> Automation:
    return Automation(name="one", trigger=trigger, **more)


def tried(trigger: dict[str, Any], until: datetime | None = None, **more: Any) -> Backtest:
    return backtest(of(trigger, **more), timezone.now() - HOUR, until)


@pytest.fixture
def happen(happen: Callable[..., None]) -> Callable[..., None]:
    """Let events happen, received so much later than now, or earlier."""

    def happened(*names: str, received: timedelta | None = None, **more: Any) -> None:
        happen(*names, **more)
        if received:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE event SET received = received + %s * interval '1 s'"
                    " WHERE tx = (SELECT max(tx) FROM event)",
                    [received.total_seconds()],
                )

    return happened


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
    monkeypatch.setattr(follower, "NOW", "SELECT clock_timestamp() + interval '25 s'")
    watching.step()
    watching.step()
    happen("b", "a", "invoice.paid", resource="r.1")
    watching.step()
    monkeypatch.setattr(follower, "NOW", "SELECT clock_timestamp() + interval '55 s'")
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


def test_late_events_fire_nothing_and_are_counted(happen):
    happen("invoice.paid", ago=901)
    happen("invoice.paid")
    past = tried(PAID)
    assert (past.fired, past.late, past.taken) == (1, 1, 2)


def test_imported_events_fire_nothing_and_are_counted(happen):
    happen("invoice.paid")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO imported SELECT tx FROM event")
    past = tried(PAID)
    assert (past.fired, past.late) == (0, 1)


def test_what_it_does_not_ask_for_moves_the_clock(happen):
    happen("a")
    happen("b", received=timedelta(seconds=21))
    assert tried(SILENCE, until=timezone.now() + timedelta(seconds=5)).fired == 0
    assert tried(SILENCE, until=timezone.now() + timedelta(seconds=30)).fired == 1


def test_only_what_lies_between_counts(happen):
    for ago in (300, 200, 100):
        happen("invoice.paid", ago=ago, received=-timedelta(seconds=ago))
    now = timezone.now()
    past = backtest(of(PAID), now - timedelta(seconds=250), now - timedelta(seconds=150))
    assert past.fired == 1
    assert past.moments == [firing.fired for firing in past.firings]


def test_it_begins_where_the_log_comes_to_its_time(happen, monkeypatch):
    monkeypatch.setattr(past, "OVERLAP", timedelta(0))
    for ago in range(1_000, 0, -50):
        happen("invoice.paid", ago=ago, received=-timedelta(seconds=ago))
    assert backtest(of(PAID), timezone.now() - timedelta(seconds=425)).looked_at == 8


def test_progress_is_told_and_ends(happen, monkeypatch):
    monkeypatch.setattr(past, "SLICE", 2)
    happen(*["invoice.paid"] * 5)
    told = []
    backtest(of(PAID), timezone.now() - HOUR, progress=lambda it: told.append((it.fired, it.share)))
    assert [fired for fired, _ in told] == [2, 4, 5]
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[-1][1] == 1.0


def test_silence_before_the_first_event_is_no_absence(happen, monkeypatch):
    beat = {"type": "absence", "query": "event:beat", "within": 10}
    happen("beat", received=-timedelta(seconds=65))
    first = Event.objects.get().received
    monkeypatch.setattr(backtesting, "now", lambda: first + timedelta(seconds=65))
    spans = [backtest(of(beat, most_a_minute=0), first - ago) for ago in (HOUR, 7 * 24 * HOUR)]
    assert [(tried.fired, tried.is_shorter, tried.since) for tried in spans] == [
        (4, True, first)
    ] * 2


def test_each_window_of_a_long_silence_fires_in_its_time(happen):
    happen("a")
    happen("a", received=timedelta(hours=6))
    first, last = Event.objects.order_by("received").values_list("received", flat=True)
    beat = {"type": "absence", "query": "event:beat", "within": 20}
    tried = backtest(of(beat, most_a_minute=2), first, last)
    assert tried.fired == 6 * 180 - 1
    assert len(tried.firings) == backtesting.MOST_SHOWN
    assert not any(firing.more for firing in tried.firings)


def test_stopped_it_tells_what_it_has(happen, monkeypatch):
    monkeypatch.setattr(past, "SLICE", 2)
    happen(*["invoice.paid"] * 5)
    found = backtest(of(PAID), timezone.now() - HOUR, progress=Backtest.stop)
    assert (found.fired, found.is_done, len(found.firings)) == (2, False, 2)


def test_manners_of_then_are_told_and_those_of_now_are_not(happen):
    happen(*["invoice.paid"] * 3)
    cooling = tried(PAID, cooldown=60, dry_run=True, muted_until=timezone.now() + HOUR)
    assert (cooling.fired, cooling.silent) == (3, 2)
    assert cooling.firings[0].silent == ""
    crowded = tried(PAID, most_a_minute=1)
    assert (crowded.fired, [firing.more for firing in crowded.firings]) == (3, [0, 1])


def test_the_last_are_shown_and_all_are_counted(happen, monkeypatch):
    monkeypatch.setattr(backtesting, "MOST_SHOWN", 2)
    happen(*["invoice.paid"] * 4)
    found = tried(PAID)
    assert (found.fired, len(found.moments), len(found.firings)) == (4, 4, 2)


def test_empty_past_has_an_end(empty_log):
    found = tried(PAID)
    assert (found.fired, found.looked_at, found.is_done) == (0, 0, True)
    assert tried({"type": "absence", "query": "event:b", "within": 1_000}).fired == 0


def test_trigger_that_cannot_be_read_is_refused(empty_log):
    with pytest.raises(BadTrigger):
        tried({"type": "unknown"})
