"""Finding: every match once, in order, whatever arrives meanwhile."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from apps.events import search as searching
from apps.events import walk
from apps.events.follower import step
from apps.events.log import StartAgain, head_sync, read_sync
from apps.events.models import Event, Source
from apps.events.record import record
from apps.events.rollups import Rollups
from apps.events.search import Cursor, Page, QueryTimeout, count, last_match, search, search_log
from apps.query import Outcome, Query, parse
from apps.query.tree import CHAIN
from tests.events.telling import NOON, told
from tests.events.waiting import until_final

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def short_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the walk so short, and the rare so rare, that a few events need slices, too."""
    monkeypatch.setattr(walk, "WALK", 5)
    monkeypatch.setattr(walk, "RARE", 3)


def happen(names: str, source: Source) -> None:
    """Record an event a second, named by letters: `a` at noon."""
    drafts = [told(name, occurred=NOON + at * SECOND) for at, name in enumerate(names)]
    record(drafts, source_id=source.id)
    until_final()


def names(events: list[Event]) -> str:
    return "".join(event.event for event in events)


def pages(read: Callable[[Any], Page]) -> list[str]:
    """Read page after page to the end."""
    read_pages: list[str] = []
    after = None
    while True:
        page = read(after)
        read_pages.append(names(page.events))
        if page.next is None:
            return read_pages
        after = page.next


def test_newest_come_first_and_the_last_page_knows_it(source: Source):
    happen("abcdef", source)
    assert pages(lambda after: search(None, after=after, limit=4)) == ["fedc", "ba"]
    assert pages(lambda after: search(None, after=after, limit=3)) == ["fed", "cba"]


def test_rare_events_are_found_far_behind_the_walk(source: Source):
    long_ago = told("rare", occurred=datetime(2001, 1, 1, tzinfo=UTC))
    longer_ago = told("rare", occurred=datetime(1, 1, 1, tzinfo=UTC))
    to_come = told("rare", occurred=datetime(9999, 12, 31, tzinfo=UTC))
    record([longer_ago, long_ago, to_come], source_id=source.id)
    happen("x" * 20, source)
    found = search(parse("event:rare")).events
    assert [event.id for event in found] == [to_come.id, long_ago.id, longer_ago.id]


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages_of_a_query_hold_every_match_once(source: Source, limit: int):
    happen("axbxxcxxxxxdxxxxxxxxexxxxxxxxxxxxxf", source)
    query = parse("-event:x")
    assert "".join(pages(lambda after: search(query, after=after, limit=limit))) == "fedcba"


@pytest.mark.parametrize("counted", ["wholly", "in part", "not at all"])
@pytest.mark.parametrize("text", ["event:*are", "source:rare", "source:r*e -event:*x"])
def test_what_no_term_tells_is_found_by_the_minutes_that_have_it(
    source: Source, monkeypatch: pytest.MonkeyPatch, text: str, counted: str
):
    monkeypatch.setattr(walk, "FEW_MINUTES", 2)
    rare = Source.objects.create(name="rare", system="custom")
    times = [NOON - hours * timedelta(hours=1) for hours in (1, 2, 2, 30, 31, 300)]
    times += [datetime(2001, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)]
    events = [told("rare", occurred=at) for at in times]
    record(events[::2], source_id=rare.id)
    happen("x" * 20, source)
    if counted == "in part":
        count_all_there_is()
    record(events[1::2], source_id=rare.id)
    until_final()
    if counted == "wholly":
        count_all_there_is()

    def no_slices(*_: Any) -> None:
        raise AssertionError("What is counted needs no slices.")

    monkeypatch.setattr(walk.Walk, "_take_slices", no_slices)
    query = parse(text)
    for limit in (1, 3, 50):
        found = pages(partial(search_after, query, limit))
        assert "".join(found) == "rare" * len(times)
    since = NOON - timedelta(hours=30)
    assert len(search(query, since=since, until=NOON - timedelta(hours=2)).events) == 3
    assert search(parse("source:nobody")).events == []


def search_after(query: Query, limit: int, after: Any) -> Page:
    return search(query, after=after, limit=limit)


def count_all_there_is() -> None:
    until_final()
    while step(Rollups()):
        pass


def test_a_chain_is_followed_step_by_step_never_by_reading_everything(source: Source):
    happen("x" * 20, source)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {CHAIN}", [uuid4(), uuid4()])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Nested Loop" in plan
    assert "Hash Join" not in plan
    assert "Merge Join" not in plan


def test_rare_events_are_told_by_the_index_at_once(source: Source, monkeypatch: pytest.MonkeyPatch):
    happen("abc" + "x" * 30, source)
    monkeypatch.setattr(walk.Walk, "_take_slices", None)
    assert names(search(parse("event:[a,b,c]"), limit=2).events) == "cb"
    assert names(search(parse("event:[a,b] -event:b")).events) == "a"
    assert search(parse("event:[a,b] resource:absent*")).events == []


def test_where_many_match_it_walks_on(source: Source, monkeypatch: pytest.MonkeyPatch):
    happen("ax" * 100, source)
    monkeypatch.setattr(walk.Walk, "_take_slices", None)
    assert names(search(parse("event:a"), limit=60).events) == "a" * 60


def test_many_at_one_moment_are_paged_by_their_place(source: Source):
    record([told(name) for name in "abcdefghijkl"], source_id=source.id)
    assert "".join(pages(lambda after: search(None, after=after, limit=5))) == "lkjihgfedcba"
    query = parse("event:[a,l,f]")
    assert pages(lambda after: search(query, after=after, limit=1)) == ["l", "f", "a"]


def test_cursor_stands_while_events_arrive(source: Source):
    happen("abcdef", source)
    first = search(None, limit=2)
    record(
        [told("new", occurred=NOON + timedelta(hours=1)), told("z", occurred=NOON + 2.5 * SECOND)],
        source_id=source.id,
    )
    rest = search(None, after=Cursor.parse(str(first.next)))
    assert (names(first.events), names(rest.events)) == ("fe", "dzcba")


@pytest.mark.parametrize("text", ["", "-event:x"])
def test_range_includes_both_its_ends(source: Source, text: str):
    happen("abcdef", source)
    since, until = NOON + SECOND, NOON + 3 * SECOND
    assert names(search(parse(text), since=since, until=until).events) == "dcb"
    assert count(parse(text), since=since, until=until) == 3


def test_page_starts_live_where_its_rows_end(source: Source):
    happen("a", source)
    page = search(None)
    happen("b", source)
    assert names(read_sync(page.position, 10)) == "b"
    assert page.events[0].position.log == page.position.log


def test_list_reads_neither_payload_nor_terms(source: Source):
    happen("a", source)
    [event] = search(parse("event:a")).events
    assert event.get_deferred_fields() == {"payload", "terms", "terms_version"}


def test_log_is_read_in_both_directions_and_between_places(source: Source):
    for name in "cabxd":
        happen(name, source)
    events = search_log(None, first=None, last=None, after=None, limit=9, newest_first=False).events
    assert names(events) == "cabxd"
    first, last = events[0].position, events[3].position

    def page(after, newest_first: bool, text: str = "") -> Page:
        query = parse(text)
        return search_log(
            query, first=first, last=last, after=after, limit=2, newest_first=newest_first
        )

    assert pages(lambda after: page(after, True)) == ["xb", "a"]
    assert pages(lambda after: page(after, False)) == ["ab", "x"]
    assert pages(lambda after: page(after, True, "-event:x")) == ["ba"]


@pytest.mark.parametrize(("newest_first", "found"), [(True, "fedcba"), (False, "abcdef")])
def test_rare_events_are_found_along_the_log(source: Source, newest_first: bool, found: str):
    for name in "axbxxcxxxxxdxxxxxxxxexxxxxxxxxxxxxf":
        record([told(name)], source_id=source.id)
    until_final()
    query = parse("-event:x")

    def page(after) -> Page:
        return search_log(
            query, first=None, last=None, after=after, limit=2, newest_first=newest_first
        )

    assert "".join(pages(page)) == found


def test_place_of_another_log_starts_again(source: Source):
    elsewhere = head_sync()._replace(log="000000000000")
    with pytest.raises(StartAgain):
        search_log(None, first=elsewhere, last=None, after=None, limit=1)


def test_count_ends_at_its_limit(source: Source):
    happen("abcdef", source)
    assert count(None) == 6
    assert count(parse("-event:a"), limit=4) == 4


def test_last_match_is_of_all_times(source: Source):
    happen("ab", source)
    last = last_match(parse("event:a"))
    assert last is not None
    assert last.event == "a"
    assert last_match(parse("event:absent")) is None


def test_time_spent_says_how_far_it_came_and_how_to_go_on(
    source: Source, monkeypatch: pytest.MonkeyPatch
):
    happen("aaaa" + "x" * 30, source)
    fetch = walk.Clock.fetch

    def fetch_until_the_first_slice(clock: walk.Clock, sql: str, params: list) -> list:
        if "interval" in sql:
            raise QueryTimeout
        return fetch(clock, sql, params)

    with monkeypatch.context() as slow:
        slow.setattr(walk.Clock, "fetch", fetch_until_the_first_slice)
        page = search(parse("event:a"))
    assert page.events == []
    assert page.searched_to == NOON + 29 * SECOND
    assert names(search(parse("event:a"), after=Cursor.parse(str(page.next))).events) == "aaaa"


def test_query_without_any_time_is_told_so(source: Source, monkeypatch: pytest.MonkeyPatch):
    happen("abc", source)
    monkeypatch.setattr(searching, "BUDGET", 0.0)
    for ask in (search, count, last_match):
        with pytest.raises(QueryTimeout):
            ask(parse("event:a"))


def test_statement_that_takes_too_long_is_ended(source: Source):
    with pytest.raises(QueryTimeout), walk.in_time(0.05) as clock:
        clock.fetch("SELECT pg_sleep(10)", [])


def test_outcome_is_found(source: Source):
    record([told("a", outcome=Outcome.FAILED), told("b")], source_id=source.id)
    assert names(search(parse("outcome:failed")).events) == "a"
