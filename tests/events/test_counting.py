"""Counts say what the rows say, from wherever they are read, and own up to what is estimated."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.events import counting, readings
from apps.events.counting import BadField, QueryTimeout, count, facet, histogram, step_of
from apps.events.draft import Draft
from apps.events.follower import step
from apps.events.models import Event, EventCount, Source
from apps.events.readings import Range, is_counted, pieces
from apps.events.record import record
from apps.events.rollups import HOUR, MINUTE, Rollups
from apps.events.search import search
from apps.query import Outcome, parse
from tests.events.telling import told
from tests.events.waiting import until_final

NOW = datetime.now(UTC).replace(microsecond=0)
HOURS = timedelta(hours=1)
MINUTES = timedelta(minutes=1)


def happen(source: Source, *drafts: Draft) -> None:
    record(list(drafts), source_id=source.id)
    until_final()


def roll_up() -> None:
    while step(Rollups()):
        pass


@pytest.fixture
def many(source: Source) -> Source:
    """Two days of events; the rollups have come to about half of them."""

    def some(first: int, last: int) -> list[Draft]:
        return [
            told(
                f"e.{at % 9}",
                occurred=NOW - at * 97 * timedelta(seconds=10),
                outcome=Outcome(at % 5 + 1),
                resource=f"acme.invoice.{at}",
                labels={"team": f"t{at % 11}"} if at % 3 else {},
                related=[{"prefect.resource.id": "acme.payer.1", "prefect.resource.role": "payer"}]
                if at % 2
                else [],
            )
            for at in range(first, last)
        ]

    happen(
        source,
        *some(
            0,
            180,
        ),
        *some(90, 100),
    )
    roll_up()
    happen(source, *some(100, 140))
    return source


def of_rows(within: Range, key: Any) -> Counter[Any]:
    return Counter(
        key(event)
        for event in Event.objects.select_related("source")
        if within.since <= event.occurred < within.until
    )


KEYS = {
    "event": lambda event: event.event,
    "outcome": lambda event: event.outcome_word,
    "source": lambda event: event.source.name,
    "system": lambda event: event.system,
    "label.team": lambda event: event.resource.get("team"),
}


@pytest.mark.parametrize("by", KEYS)
@pytest.mark.parametrize("hours", [0.01, 1, 5, 24, 40, 24 * 40])
def test_a_histogram_tells_each_bucket_as_the_rows_do(many, by, hours):
    found = histogram(None, since=NOW - hours * HOURS, until=NOW + HOURS / 360, by=by)
    counted: Counter[Any] = Counter()
    for series in found.series:
        for start, events in zip(found.starts, series.counts, strict=True):
            counted[start, series.value, series.rest] += events
    tops = {series.value for series in found.series if not series.rest}

    def key(event: Event) -> Any:
        value = KEYS[by](event)
        start = max(at for at in found.starts if at <= event.occurred)
        return (start, value, False) if value in tops else (start, None, True)

    assert +counted == of_rows(found.range, key)
    assert found.sample is None
    assert len(found.starts) <= 122


@pytest.mark.parametrize(
    "query",
    [
        "event:e.1",
        "event:e.*",
        "-event:e.1",
        "outcome:failed source:billing",
        "event:e.2 OR outcome:failed",
        "(event:e.2 OR outcome:failed) -system:custom",
        "source:nobody",
        "label.team:t3",
        "resource:acme.invoice.7",
    ],
)
def test_every_reading_of_a_query_counts_the_same(many, query):
    asked = parse(query)
    since = NOW - 30 * HOURS
    events = search(asked, since=since, limit=1_000).events
    assert count(asked, since=since) == (len(events), False)
    assert count(asked, since=since, exact=True) == (len(events), False)
    assert facet(asked, "event", since=since).values[:1] == [
        (name, number, (name,))
        for name, number in sorted(
            Counter(event.event for event in events).items(), key=lambda one: (-one[1], one[0])
        )[:1]
    ]


def test_only_what_the_rollups_tell_apart_is_read_from_them():
    for query in ("", "event:a", "outcome:[failed,running] -source:x", "event:a OR (system:b)"):
        assert is_counted(parse(query)), query
    for query in ("word", "resource:a", "event:a resource:b", "event:a OR label.x:y", "is:late"):
        assert not is_counted(parse(query)), query


def test_counts_without_a_range_need_no_row_that_is_rolled_up(many, monkeypatch):
    monkeypatch.setattr(counting, "rows", None)
    assert count(None) == (Event.objects.count(), False)
    assert count(parse("event:e.1")) == (Event.objects.filter(event="e.1").count(), False)


def test_late_events_are_counted_before_and_after_they_are_rolled_up(many):
    before = count(None).events
    happen(many, told("late", occurred=NOW - 30 * HOURS))
    assert count(None).events == before + 1
    roll_up()
    assert count(None).events == before + 1
    found = histogram(parse("event:late"), since=NOW - 40 * HOURS)
    [place] = [at for at, events in enumerate(found.series[0].counts) if events]
    assert found.starts[place] <= NOW - 30 * HOURS < found.starts[place] + found.step


def test_without_any_rollup_everything_is_the_tail(source):
    happen(source, told("a", occurred=NOW), told("b", occurred=NOW))
    assert not EventCount.objects.exists()
    assert count(None) == (2, False)


def test_a_bounded_count_ends_and_an_exact_one_does_not(many, monkeypatch):
    monkeypatch.setattr(counting, "BOUND", 5)
    asked = parse("any:acme.payer.1")
    assert count(asked) == (5, True)
    assert count(asked, exact=True).events > 5


def test_a_kind_that_only_whole_ids_tell_is_called_after_what_they_have_in_common(source):
    ids = [
        *("cloudevents.subject./shop#orders/17", "cloudevents.subject.shop.acme.com#orders/18"),
        *("prefect.flow-run.x", "acme.invoice.3"),
    ]
    happen(source, *(told("a", resource=id, occurred=NOW - MINUTES) for id in ids))
    kinds = {value.text: value.events for value in facet(None, "kind").values}
    assert kinds == {"subject": 2, "flow run": 1, "invoice": 1}


def test_facets_tell_the_most_frequent_values(many):
    since = NOW - 48 * HOURS
    every = list(Event.objects.filter(occurred__gte=since))
    of = {field: facet(None, field, since=since) for field in counting.FACETS}
    assert [value.events for value in of["event"].values] == sorted(
        Counter(event.event for event in every).values(), reverse=True
    )
    assert of["source"].values[0].text == "billing"
    assert of["kind"].values == [("invoice", len(every), ("acme.invoice.*",))]
    assert of["role"].values[0][:2] == ("payer", sum(1 for event in every if event.related))
    assert of["label"].values[0][:2] == ("team", sum("team" in event.resource for event in every))
    teams = facet(None, "label.team", since=since)
    assert (len(teams.values), teams.distinct) == (10, 11)


def test_a_frequent_value_is_estimated_and_says_so(many, monkeypatch):
    monkeypatch.setattr(counting, "FEW_SAMPLED", 50)
    found = facet(None, "role", since=NOW - 48 * HOURS)
    assert found.sample is not None
    assert found.sample.read == 50
    assert found.sample.of == Event.objects.filter(occurred__gte=NOW - 48 * HOURS).count()
    assert facet(None, "event").sample is None


@pytest.mark.parametrize(
    ("told", "most", "scaled"),
    [
        pytest.param([("a", 9, 2), ("b", 4, 2)], 100, [90, 40], id="by the share of the sample"),
        pytest.param([("a", 9, 2), ("b", 3, 2)], 72, [72, 24], id="a value is of all at most"),
        pytest.param([(0, "a", 0, 6), (1, "a", 0, 2)], 40, [30, 10], id="so are all buckets"),
        pytest.param([("a", 9, 1)], 3, [9], id="what was seen is there"),
        pytest.param([], 3, [], id="nothing"),
    ],
)
def test_an_estimate_is_never_of_more_than_there_is(told, most, scaled):
    place = 3 if told and len(told[0]) == 4 else 1
    assert [row[place] for row in counting.scaled(told, 0.1, most)] == scaled


def test_what_takes_too_long_is_told(many, monkeypatch):
    for budget in ("ROWS_BUDGET", "SAMPLE_BUDGET", "ROLLED_BUDGET"):
        monkeypatch.setattr(counting, budget, 0.0)
    with pytest.raises(QueryTimeout):
        facet(None, "role")


@pytest.mark.parametrize("field", ["", "resource", "label.", "payload.x"])
def test_there_is_no_counting_by_everything(source, field):
    with pytest.raises(BadField):
        facet(None, field)
    with pytest.raises(BadField):
        histogram(None, by=field)


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        (timedelta(0), 1),
        (timedelta(minutes=2), 1),
        (timedelta(minutes=15), 10),
        (HOURS, 30),
        (24 * HOURS, 15 * 60),
        (7 * 24 * HOURS, 2 * 3_600),
        (120 * 24 * HOURS, 86_400),
        (365 * 24 * HOURS, 4 * 86_400),
    ],
)
def test_the_step_gives_at_most_120_buckets(span, seconds):
    assert step_of(Range(NOW - span, NOW)) == seconds


def test_a_range_is_covered_once_by_the_longest_spans_that_fit():
    since = datetime(2026, 11, 21, 9, 58, 30, tzinfo=UTC)
    until = datetime(2026, 11, 21, 13, 1, 0, tzinfo=UTC)
    parts = pieces(Range(since, until))
    assert [part.span for part in parts] == [0, MINUTE, HOUR, MINUTE]
    ends = [part.range for part in parts]
    assert [a.until for a in ends[:-1]] == [b.since for b in ends[1:]]
    assert (ends[0].since, ends[-1].until) == (since, until)
    assert pieces(Range(since, since + timedelta(seconds=9))) == [
        (0, (since, since + timedelta(seconds=9)))
    ]
    assert pieces(Range(None, None)) == [(HOUR, (None, None))]


@pytest.mark.parametrize("query", ["event:'", "event:%", "event:*%*", 'label."a\'b":c'])
def test_nothing_asked_breaks_the_count(many, query):
    assert count(parse(query)).events == 0
    assert histogram(parse(query), by="label.a'b%s\"").events == 0
    assert facet(parse(query), "label.%s'").values == []


def test_ranges_at_the_ends_of_time_are_told(many):
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert histogram(None, since=first, until=last).events == Event.objects.count()
    assert histogram(None, until=first).events == 0
    assert count(None, since=first, until=last).events == Event.objects.count()
    assert readings.floor(first, HOUR) == first
