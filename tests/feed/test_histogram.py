"""What is counted beside the rows: the histogram, the facets and the count, each on its own."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from apps.events import counting
from apps.query import Outcome
from tests.feed.watching import draft, store

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _now() -> None:
    """Tests look at the last hours: long after this file was read these are others."""
    global NOW
    NOW = datetime.now(UTC)


@pytest.fixture
def see(client, settings):
    settings.LOCAL_MODE = True

    def see(path: str, **asked: Any) -> tuple[int, str]:
        answer = client.get(path, asked, headers={"host": "127.0.0.1"})
        return answer.status_code, answer.content.decode()

    return see


@pytest.fixture
def stored():
    payer = {"prefect.resource.id": "acme.payer.1", "prefect.resource.role": "payer"}
    store(
        *(draft("invoice.paid", number=n, occurred=NOW - timedelta(hours=n)) for n in range(5)),
        draft("invoice.late", occurred=NOW, outcome=Outcome.FAILED, related=[payer]),
    )


def queries(html: str, kind: str) -> list[str]:
    """The queries that the links of one kind ask, in the order they are drawn."""
    hrefs = re.findall(rf'<a class="{kind}[^"]*" href="([^"]*)"', html)
    return [parse_qs(urlsplit(unescape(href)).query).get("q", [""])[0] for href in hrefs]


def test_one_event_is_said_as_one(see):
    store(draft("a.b"))
    html = see("/histogram", part=1, q="event:a.b")[1]
    assert "1 event, in the last 24 hours" in html
    assert 'aria-label="Histogram of 1 event;' in html


def test_a_value_without_a_character_is_called_so(see):
    store(draft("", resource={"prefect.resource.id": "acme.x.1", "team": ""}))
    html = see("/facets", part=1, field="event")[1]
    assert "<bdi>(empty)</bdi>" in html
    assert 'event:""' in queries(html, "include")
    assert "<bdi>(empty)</bdi>" in see("/facets", part=1, field="label.team")[1]
    assert "<bdi>(empty)</bdi>" in see("/histogram", part=1, by="label.team")[1]


def test_bars_are_drawn_without_style_and_told_in_words(see, stored):
    status, html = see("/histogram", part=1)
    assert status == 200
    assert "6 events, in the last 24 hours" in html
    assert "15 minutes" in html
    assert not re.search(r"\bstyle=|<script|\bon\w+=", html)
    assert html.count('data-outcome="failed"') >= 2
    titles = re.findall(r"<title[^>]*>[^<]* UTC: ([^<]*)</title>", html)
    assert "1 failed, 1 information" in titles
    assert titles.count("nothing") == len(titles) - 5


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("occurred:>now-2h", "3 events, in the time that the query asks for"),
        ("occurred:>now-2h occurred:<now-90m", "0 events, in the time that the query asks for"),
        ("occurred:>now+2h", "0 events, in the last 24 hours only"),
        ("occurred:2023 OR event:x", "0 events, in the last 24 hours only"),
        ("occurred:<now+5m", "6 events, in the last 24 hours only"),
        ("-received:today", "events, in the last 24 hours only"),
        ("event:invoice.*", "6 events, in the last 24 hours;"),
    ],
)
def test_the_times_of_a_query_are_those_of_the_histogram_or_it_says_otherwise(
    see, stored, query, said
):
    store(draft("old", occurred=datetime(2023, 4, 3, tzinfo=UTC)))
    _, html = see("/histogram", part=1, q=query)
    text = re.sub(r"<[^>]+>", "", html)
    assert said in text
    offers = "The query names times itself: count all that is kept" in text
    assert offers == (" only" in said)
    _, facets = see("/facets", part=1, q=query)
    whose = (
        "Of the time that the query asks for." if "query asks" in said else "Of the last 24 hours"
    )
    assert whose in re.sub(r"<[^>]+>", "", facets)


def test_a_query_for_a_past_day_is_counted_on_that_day(see):
    store(draft("old", occurred=datetime(2023, 4, 3, 12, tzinfo=UTC)))
    _, html = see("/histogram", part=1, q="occurred:2023-04-03")
    assert "1 event, in the time" in html
    [first, *_] = re.findall(r'<g data-since="([^"]*)"', html)
    assert first == "2023-04-03T00:00:00Z"


def test_a_range_without_a_beginning_is_said_to_be_of_a_day(see, stored):
    _, html = see("/histogram", part=1, until="2023-04-03T12:00:00Z")
    assert "events, in the 24 hours before" in html


def test_the_table_holds_the_numbers_of_the_bars(see, stored):
    _, html = see("/histogram", part=1)
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", html)
    cells = [list(map(int, re.findall(r"<td>(\d+)</td>", row))) for row in rows]
    assert [row[-1] for row in cells] == [sum(row[:-1]) for row in cells]
    assert sum(row[-1] for row in cells) == 6


def test_a_bar_of_the_table_leads_to_its_range(see, stored):
    _, html = see("/histogram", part=1, q="event:invoice.late")
    [href] = re.findall(r'<th scope="row"><a href="([^"]*)"', html)
    asked = parse_qs(urlsplit(unescape(href)).query)
    since, until = (datetime.fromisoformat(asked[name][0]) for name in ("since", "until"))
    assert asked["q"] == ["event:invoice.late"]
    assert until - since == timedelta(minutes=15)
    assert since <= NOW < until


def test_zooming_out_asks_for_three_times_as_much(see, stored):
    since, until = NOW - timedelta(hours=40), NOW - timedelta(hours=30)
    _, html = see("/histogram", part=1, since=since.isoformat(), until=until.isoformat())
    [href] = re.findall(r'<a class="wider" href="([^"]*)"', html)
    asked = parse_qs(urlsplit(unescape(href)).query)
    wider = [datetime.fromisoformat(asked[name][0]) for name in ("since", "until")]
    assert wider[0] < since - timedelta(hours=9)
    assert wider[1] > until + timedelta(hours=9)


def test_stacked_by_a_label_those_without_it_are_told(see, stored):
    store(draft("a", resource={"prefect.resource.id": "x", "team": "<b>&"}))
    _, html = see("/histogram", part=1, by="label.team")
    assert "<bdi>&lt;b&gt;&amp;</bdi> <b>1</b>" in html
    assert "<bdi>without it</bdi> <b>6</b>" in html


def test_facets_include_and_exclude(see, stored):
    _, html = see("/facets", part=1, q="invoice", field="event")
    assert queries(html, "include") == ["invoice event:invoice.paid", "invoice event:invoice.late"]
    assert queries(html, "exclude") == [
        "invoice -event:invoice.paid",
        "invoice -event:invoice.late",
    ]


def test_what_is_included_or_excluded_can_be_taken_back(see, stored):
    _, html = see("/facets", part=1, q="event:invoice.paid", field="event")
    assert queries(html, "include") == [""]
    assert "data-chosen" in html
    _, html = see("/facets", part=1, q="-event:invoice.late -event:x", field="event")
    assert queries(html, "exclude") == ["-event:invoice.late -event:x -event:invoice.paid"]


def test_a_value_narrows_the_glob_that_holds_it(see, stored):
    _, html = see("/facets", part=1, q="event:[invoice.*,order.paid]", field="event")
    assert queries(html, "include")[0] == "event:[order.paid,invoice.paid]"


def test_every_facet_link_finds_as_many_as_it_says(see, stored):
    _, html = see("/facets", part=1)
    numbers = [int(found) for found in re.findall(r'class="number">(\d+)', html)]
    counted = [see("/counted", q=query, since="now-24h")[1] for query in queries(html, "include")]
    assert [int(re.match(r"\d+", one)[0]) for one in counted] == numbers


def test_a_kind_is_asked_for_by_what_its_ids_begin_with(see, stored):
    _, html = see("/facets", part=1, field="kind")
    assert queries(html, "include") == ["resource:acme.invoice.*"]


def test_an_estimate_says_of_how_many(see, stored, monkeypatch):
    for most in ("SAMPLED", "FEW_SAMPLED"):
        monkeypatch.setattr(counting, most, 2)
    _, html = see("/facets", part=1, field="role")
    assert "None." in html or "≈" in html
    _, html = see("/histogram", part=1, by="label.prefect.resource.id")
    assert "Estimated from about 2 of 6 events." in html


def test_one_part_that_takes_too_long_leaves_the_others(see, stored, monkeypatch):
    monkeypatch.setattr(counting, "ROWS_BUDGET", 0.0)
    monkeypatch.setattr(counting, "SAMPLE_BUDGET", 0.0)
    status, html = see("/facets", part=1)
    assert status == 200
    assert html.count("This takes too long to count.") == 3
    assert "invoice.paid" in html
    assert see("/histogram", part=1, by="label.team")[0] == 503
    assert see("/histogram", part=1)[0] == 200
    assert see("/")[0] == 200


def test_a_count_is_bounded_and_can_be_had_exactly(see, stored, monkeypatch):
    monkeypatch.setattr(counting, "BOUND", 2)
    _, html = see("/counted", q="resource:acme.*")
    assert "2+ events" in html
    [href] = re.findall(r'href="([^"]*)"', html)
    assert see(unescape(href))[1].strip() == "6 events"


@pytest.mark.parametrize("path", ["/histogram", "/facets", "/counted"])
def test_a_mistake_is_told_in_its_place(see, path):
    for asked in ({"q": "evnt:x"}, {"since": "soonish"}):
        status, html = see(path, part=1, **asked)
        assert status == 400
        assert "<html" not in html


@pytest.mark.parametrize("path", ["/histogram", "/facets"])
def test_without_script_each_is_a_page(see, stored, path):
    _, feed = see("/", q="invoice")
    assert f'<a href="{path}?q=invoice">' in feed
    _, html = see(path, q="invoice")
    assert "<html" in html
    assert '<a href="/?q=invoice">Back to the events</a>' in html


def test_the_feed_page_counts_nothing_itself(see, stored, monkeypatch):
    for name in ("histogram", "facet", "count"):
        monkeypatch.setattr(counting, name, None)
    assert see("/")[0] == 200


@pytest.mark.parametrize(
    ("long", "every"), [(3, 1), (7, 1), (14, 2), (30, 4), (60, 8), (365, None)]
)
def test_days_below_the_bars_are_named_without_a_gap(long, every, see):
    store(draft("a.b", occurred=NOW))
    html = see("/histogram", part=1, q="event:a.b", since=f"now-{long}d")[1]
    told = [datetime.fromisoformat(one) for one in re.findall(r'data-time="([^"]*)"', html)]
    assert 3 <= len(told) <= 8
    assert {(one.hour, one.minute) for one in told} == {(0, 0)}
    gaps = {(later - one).days for one, later in pairwise(told)}
    assert len(gaps) == 1
    assert every is None or gaps == {every}
