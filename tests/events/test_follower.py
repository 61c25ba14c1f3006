"""Followers: each event once, in the order of the log, through every crash."""

from dataclasses import dataclass, field

import psycopg
import pytest
from django.db.backends.utils import CursorWrapper

from apps.events import follower as following
from apps.events.follower import MOST_EVENTS, Moved, behind, step
from apps.events.models import Event, FollowerPosition, Source
from apps.events.record import record
from apps.events.row import COPY, copied, rows_of
from eventfeed.database import dsn
from tests.events.telling import told
from tests.events.waiting import until_final


class Crash(Exception):
    pass


@dataclass
class Diary:
    """Writes the name of each event into the database, and may fail."""

    name: str = "diary"
    reads: frozenset[str] = frozenset({"event"})
    crashes: list[str] = field(default_factory=list)

    def handle(self, events: list[Event], cursor: CursorWrapper) -> None:
        for event in events:
            Source.objects.create(name=event.event, system="diary")
            if event.event in self.crashes:
                self.crashes.remove(event.event)
                raise Crash

    @property
    def lines(self) -> list[str]:
        written = Source.objects.filter(system="diary").order_by("id")
        return list(written.values_list("name", flat=True))


def happen(names: str, source: Source) -> None:
    for name in names:
        record([told(name)], source_id=source.id)
    until_final()


def test_follower_handles_each_event_once_and_in_order(source: Source):
    diary = Diary()
    happen("abc", source)
    assert step(diary) == 3
    happen("de", source)
    assert [step(diary), step(diary)] == [2, 0]
    assert diary.lines == ["a", "b", "c", "d", "e"]


def test_crash_between_effects_and_position_repeats_nothing(source: Source):
    diary = Diary(crashes=["b"])
    happen("abc", source)
    with pytest.raises(Crash):
        step(diary)
    assert diary.lines == []
    assert step(diary) == 3
    assert diary.lines == ["a", "b", "c"]


def test_restart_goes_on_where_it_ended(source: Source):
    happen("ab", source)
    step(Diary())
    happen("c", source)
    assert step(Diary()) == 1
    assert Diary().lines == ["a", "b", "c"]


def test_follower_moved_by_another_process_steps_back(source: Source):
    @dataclass
    class Overtaken(Diary):
        def handle(self, events: list[Event], cursor: CursorWrapper) -> None:
            super().handle(events, cursor)
            FollowerPosition.objects.update(seq=0)

    diary = Diary()
    happen("a", source)
    step(diary)
    happen("b", source)
    with pytest.raises(Moved):
        step(Overtaken())
    assert diary.lines == ["a"]
    assert step(diary) == 1


def test_step_ends_after_its_most_events(source: Source):
    record([told(f"{number:04}") for number in range(MOST_EVENTS + 220)], source_id=source.id)
    until_final()
    diary = Diary()
    steps = []
    while handled := step(diary):
        steps.append(handled)
    assert max(steps) <= MOST_EVENTS
    assert sum(steps) == MOST_EVENTS + 220
    assert diary.lines == sorted(diary.lines)


def test_step_ends_when_its_time_is_spent(source: Source, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(following, "MOST_SECONDS", 0.0)
    monkeypatch.setattr(following, "PART", 2)
    happen("abc", source)
    assert step(Diary()) <= 2


def test_behind_tells_how_many_and_how_old(source: Source):
    diary = Diary()
    happen("abc", source)
    assert behind("diary").events == 3
    assert behind("diary").age.total_seconds() > 0
    step(diary)
    assert behind("diary").events == 0
    assert behind("diary").age.total_seconds() == 0


def test_event_of_a_transaction_under_way_waits_for_its_commit(source: Source):
    diary = Diary()
    happen("a", source)
    with psycopg.connect(dsn()) as slow:
        with slow.cursor().copy(COPY) as copy:
            copy.write(copied(rows_of([told("b")], source_id=source.id)))
        record([told("c")], source_id=source.id)
        assert step(diary) == 1
    until_final()
    assert step(diary) == 2
    assert diary.lines == ["a", "b", "c"]


def test_follower_reads_of_an_event_what_it_looks_at_and_no_more(source: Source):
    @dataclass
    class Looking(Diary):
        def handle(self, events: list[Event], cursor: CursorWrapper) -> None:
            self.left = [event.get_deferred_fields() for event in events]

    looking = Looking()
    happen("a", source)
    step(looking)
    read = {"id", "tx", "seq", "event"}
    every = {field.attname for field in Event._meta.concrete_fields}
    assert looking.left == [every - read]
