"""The follower: what fires is written with its tasks, its event and the position, and only once."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.automations import taking_down, taking_up
from apps.automations import watching as follower
from apps.automations.doing.context import context_of
from apps.automations.keeping import save, switch
from apps.automations.machine import Machine
from apps.automations.models import Automation, Bucket, Firing, LateEvents, Task, Tick
from apps.automations.watching import Watching
from apps.events.follower import Moved
from apps.events.models import Event, FollowerPosition, Source
from apps.query import Outcome
from tests.events.waiting import until_final

PAID = {"type": "presence", "query": "event:invoice.paid"}
TWICE = PAID | {"times": 2, "within": 600}
RECORD = {"type": "do-nothing"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look and write at each step."""
    monkeypatch.setattr(taking_up, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(follower, "WRITE_EVERY", 0.0)
    monkeypatch.setattr(follower, "KEEP_EVERY", 0.0)
    monkeypatch.setattr(follower, "LONGEST_UNKEPT", 0.0)


def fired() -> list[Any]:
    return list(Firing.objects.order_by("made").values_list("kind", flat=True))


def test_firing_is_written_with_its_task_and_its_event(watching, automate, happen):
    automation = automate(PAID, actions=[RECORD])
    happen("invoice.paid", labels={"team": "ml"})
    watching.step()
    firing = Firing.objects.get()
    paid = Event.objects.get(event="invoice.paid")
    assert firing.events[0]["id"] == str(paid.id)
    assert (firing.depth, firing.silent) == (1, "")
    assert firing.why == "One event named invoice.paid was seen."
    assert (firing.tx, firing.seq) == (paid.tx, paid.seq)
    task = Task.objects.get()
    assert (task.firing, task.action, task.state) == (firing, RECORD, "waiting")
    event = Event.objects.get(event="eventfeed.automation.triggered")
    assert (event.id, event.follows) == (firing.id, paid.id)
    assert event.resource_id == f"eventfeed.automation.{automation.pk}"


def test_what_comes_between_switching_on_and_looking_counts(watching, automate, happen):
    happen("invoice.paid")
    watching.step()
    automate(TWICE)
    happen("invoice.paid")
    watching.memory.looked = 10**9
    watching.step()
    watching.memory.looked = 0.0
    happen("invoice.paid")
    watching.step()
    assert fired() == ["triggered"]
    assert [event["event"] for event in Firing.objects.get().events] == ["invoice.paid"] * 2


def test_automation_that_fails_is_switched_off_and_the_others_go_on(
    watching, automate, happen, monkeypatch: pytest.MonkeyPatch
):
    bad, good = automate(PAID), automate(PAID)
    take = Machine.take

    def fail(machine: Machine, *told: Any) -> list[Any]:
        if machine.core.automation == bad.pk:
            raise ZeroDivisionError
        return take(machine, *told)

    monkeypatch.setattr(Machine, "take", fail)
    happen("invoice.paid")
    watching.step()
    assert [firing.automation_id for firing in Firing.objects.all()] == [good.pk]
    assert [Automation.objects.get(pk=one.pk).enabled for one in (bad, good)] == [False, True]
    told = Event.objects.get(event="eventfeed.audit.automation.switched-off")
    assert told.related[0]["prefect.resource.name"] == follower.FAILED


def test_silent_firings_take_no_room_of_those_that_do_something(watching, automate, happen):
    automate(PAID | {"for_each": ["label.team"]}, cooldown=3_600, most_a_minute=2)
    for team in [*["noisy"] * 6, "quiet"]:
        happen("invoice.paid", labels={"team": team})
    watching.step()
    told = Firing.objects.filter(silent="").order_by("tx", "seq")
    assert [(one.key, one.more) for one in told] == [
        ({"label.team": "noisy"}, 0),
        ({"label.team": "quiet"}, 0),
    ]
    silent = Firing.objects.exclude(silent="").order_by("tx", "seq")
    assert [one.more for one in silent] == [0, 0, 2]


def test_sender_cannot_pretend_a_loop(watching, automate, happen):
    automate(PAID)
    happen("invoice.paid", labels={"eventfeed.automation.depth": "8"})
    watching.step()
    assert [one.silent for one in Firing.objects.all()] == [""]


def test_firing_keeps_of_a_large_payload_what_is_small(watching, automate, happen):
    automate(PAID)
    happen("invoice.paid", payload={"rows": "x" * 200_000, "amount": 12})
    watching.step()
    [event] = Firing.objects.get().events
    assert event["payload"] == {"amount": 12, "rows": "(200,002 bytes, left out)"}


def test_memory_outlives_the_process(automate, happen):
    automate(TWICE | {"for_each": ["resource"]})
    happen("invoice.paid")
    Watching().step()
    happen("invoice.paid")
    Watching().step()
    happen("invoice.paid")
    Watching().step()
    assert fired() == ["triggered"]
    assert Bucket.objects.exclude(key="followed").count() == 1


def test_crash_in_the_middle_fires_once(watching, automate, happen, monkeypatch):
    class Crash(Exception):
        pass

    def crash(*_: Any) -> None:
        raise Crash

    automate(TWICE)
    happen("invoice.paid", "invoice.paid")
    with monkeypatch.context() as patch:
        patch.setattr(taking_down, "position", crash)
        with pytest.raises(Crash):
            watching.step()
    assert fired() == []
    watching.step()
    watching.step()
    assert fired() == ["triggered"]


def test_crash_after_firing_and_before_memory_is_written_fires_once(
    watching, automate, happen, monkeypatch
):
    automate(TWICE | {"within": 0}, most_a_minute=2)
    happen("invoice.paid")
    watching.step()
    monkeypatch.setattr(follower, "KEEP_EVERY", 3_600.0)
    watching.forget()
    for _ in range(4):
        happen("invoice.paid", "invoice.paid")
        watching.step()
    before = list(Firing.objects.order_by("tx", "seq").values_list("id", "more"))
    assert [more for _, more in before] == [0, 0, 1]
    watching.forget()
    watching.step()
    assert list(Firing.objects.order_by("tx", "seq").values_list("id", "more")) == before
    happen("invoice.paid", "invoice.paid")
    watching.step()
    assert [one.more for one in Firing.objects.order_by("tx", "seq")] == [0, 0, 2]


def test_follower_moved_by_another_process_steps_back(automate, happen):
    one, other = Watching(), Watching()
    automate(PAID)
    one.step(), other.step()
    happen("invoice.paid")
    one.step()
    with pytest.raises(Moved):
        other.step()
    assert fired() == ["triggered"]


def test_absence_fires_while_nothing_happens_and_a_tick_says_so(
    watching, automate, happen, monkeypatch
):
    automate({"type": "absence", "query": "event:b", "after": "event:a", "within": 10})
    happen("a")
    watching.step()
    assert fired() == []
    [due] = Bucket.objects.exclude(due=None).values_list("due", flat=True)
    assert due > timezone.now()
    monkeypatch.setattr(follower, "NOW", "SELECT clock_timestamp() + interval '25 s'")
    watching.step()
    assert Firing.objects.get().fired == due
    tick, a = Tick.objects.get(), Event.objects.get(event="a")
    assert (tick.tx, tick.seq) >= (a.tx, a.seq)
    assert tick.at >= due


def test_event_behind_the_clock_that_now_has_moved_has_a_tick_before_it(
    watching, automate, happen, monkeypatch
):
    metric = {"type": "metric", "query": "outcome:failed", "metric": "success", "operator": "<"}
    automate(metric | {"threshold": 0.5, "over": 600, "breached_for": 300})
    happen("a", outcome=Outcome.FAILED)
    watching.step()
    monkeypatch.setattr(follower, "NOW", "SELECT clock_timestamp() + interval '25 s'")
    watching.step()
    assert not Tick.objects.exists()
    watching.forget()
    happen("b")
    watching.step()
    b = Event.objects.get(event="b")
    assert Tick.objects.values_list("tx", "seq").get() < (b.tx, b.seq)


def test_edit_begins_anew_and_forgets(watching, automate, happen):
    automation = automate(TWICE)
    happen("invoice.paid")
    watching.step()
    automation.trigger = TWICE | {"within": 60}
    save(automation)
    happen("invoice.paid")
    watching.step()
    assert (automation.version, fired()) == (2, [])
    assert set(Bucket.objects.values_list("version", flat=True)) == {2}


def test_change_of_its_actions_keeps_what_it_remembers(watching, automate, happen):
    automation = automate(TWICE)
    happen("invoice.paid")
    watching.step()
    automation.actions = [RECORD]
    save(automation)
    happen("invoice.paid")
    watching.step()
    assert fired() == ["triggered"]
    assert Task.objects.count() == 1


def test_automation_switched_off_fires_nothing(watching, automate, happen):
    automation = automate(PAID)
    switch(automation, False)
    happen("invoice.paid")
    watching.step()
    switch(automation, True)
    happen("invoice.paid")
    watching.step()
    assert fired() == ["triggered"]


def test_late_event_fires_nothing_and_is_counted(watching, automate, happen):
    automation = automate(PAID)
    happen("invoice.paid", ago=901)
    watching.step()
    assert fired() == []
    assert LateEvents.objects.get(automation=automation).events == 1


def test_imported_event_fires_nothing_and_is_counted(watching, automate, happen, tmp_path):
    automation = automate(PAID)
    now = timezone.now().isoformat()
    event = {"id": str(uuid4()), "occurred": now, "event": "invoice.paid"}
    file = tmp_path / "events.ndjson"
    file.write_text(json.dumps(event | {"resource": {"prefect.resource.id": "invoice.1"}}))
    call_command("import", file, system="eventfeed", stdout=StringIO())
    until_final()
    watching.step()
    assert Event.objects.filter(event="invoice.paid").exists()
    assert fired() == []
    assert LateEvents.objects.get(automation=automation).events == 1
    happen("invoice.paid")
    watching.step()
    assert fired() == ["triggered"]


def test_dry_run_writes_what_it_would_have_done(watching, automate, happen):
    automate(PAID, actions=[RECORD], dry_run=True)
    happen("invoice.paid")
    watching.step()
    assert Firing.objects.get().silent == "A dry run."
    assert Task.objects.get().state == "dry"
    assert not Event.objects.filter(event__startswith="eventfeed.automation").exists()


def test_muted_automation_fires_silently(watching, automate, happen):
    automate(PAID, actions=[RECORD], muted_until=timezone.now() + timedelta(hours=1))
    happen("invoice.paid")
    watching.step()
    assert Firing.objects.get().silent.startswith("Muted until")
    assert not Task.objects.exists()


def test_cooldown_is_of_each_key(watching, automate, happen):
    automate(PAID | {"for_each": ["resource"]}, cooldown=60)
    happen("invoice.paid", "invoice.paid", resource="r.1")
    happen("invoice.paid", resource="r.2")
    watching.step()
    said = Firing.objects.order_by("fired", "seq").values_list("silent", flat=True)
    assert list(said) == ["", "It fired less than 60 seconds before.", ""]


def test_one_firing_says_how_many_more(watching, automate, happen):
    automate(PAID, most_a_minute=3)
    happen(*["invoice.paid"] * 5)
    watching.step()
    assert list(Firing.objects.order_by("seq").values_list("more", flat=True)) == [0, 0, 0, 1]
    watching.forget()
    happen("invoice.paid")
    watching.step()
    assert list(Firing.objects.order_by("seq").values_list("more", flat=True)) == [0, 0, 0, 2]


def test_firing_that_says_how_many_more_does_so_when_it_knows(watching, automate, happen):
    automate(PAID, most_a_minute=1, actions=[RECORD])
    happen(*["invoice.paid"] * 4)
    watching.step()
    first, last = Firing.objects.order_by("seq")
    now = timezone.now()
    assert Task.objects.get(firing=first).due <= now
    assert now < Task.objects.get(firing=last).due <= now + timedelta(minutes=1)
    assert context_of(last)["firing"]["why"].endswith("It fired 2 more times within a minute.")


def test_who_says_how_many_more_speaks_for_a_minute(watching, automate, happen):
    automate(PAID, most_a_minute=1)
    happen(*["invoice.paid"] * 3)
    watching.step()
    [watched] = watching.memory.watched.values()
    watched.manners.speaker[False].until = timezone.now()
    happen("invoice.paid")
    watching.step()
    told = [(one.more, one.speaks_until is not None) for one in Firing.objects.order_by("seq")]
    assert told == [(0, False), (1, True), (0, True)]


def test_loop_is_cut_by_its_depth_and_said(watching, automate, happen):
    automate({"type": "presence", "query": "event:[ping,eventfeed.automation.triggered]"})
    happen("ping")
    for _ in range(12):
        watching.step()
        until_final()
    depths = Firing.objects.order_by("depth").values_list("depth", flat=True)
    assert list(depths) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert Firing.objects.get(depth=9).silent.startswith("A loop")


def test_new_follower_starts_at_the_head(watching, automate, happen):
    happen("invoice.paid")
    automate(PAID)
    watching.step()
    assert fired() == []
    assert FollowerPosition.objects.get(name="automations").tx > 0


def test_nothing_is_written_while_nothing_happens(watching, automate, happen):
    happen("invoice.paid")
    watching.step()
    at_rest = FollowerPosition.objects.get(name=follower.NAME)
    # Writing anything, as it has done just now, moves the head of the log.
    Source.objects.create(name="elsewhere", system="custom")
    watching.step()
    assert FollowerPosition.objects.get(name=follower.NAME).moved == at_rest.moved
    happen("invoice.paid")
    watching.step()
    assert FollowerPosition.objects.get(name=follower.NAME).moved > at_rest.moved


def test_payload_is_read_when_a_query_asks_for_it(watching, automate, happen):
    automate({"type": "presence", "query": "payload.amount:>10"})
    happen("invoice.paid", payload={"amount": 11})
    happen("invoice.paid", payload={"amount": 10})
    watching.step()
    assert len(fired()) == 1


def test_automation_that_cannot_be_read_harms_no_other(watching, automate, happen):
    broken = automate(PAID)
    Automation.objects.filter(pk=broken.pk).update(trigger={"type": "unknown"})
    automate(PAID)
    happen("invoice.paid")
    watching.step()
    assert len(fired()) == 1
