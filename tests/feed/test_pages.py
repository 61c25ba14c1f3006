"""The pages as the server writes them, before any script arrives."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client

from apps.events.draft import Draft
from apps.events.models import Event, Rejection, Source
from apps.feed.views import broken
from apps.ingest.strict_json import MAX_DEPTH
from apps.query import Outcome, clause
from tests.feed.watching import draft, store

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
ID = "prefect.resource.id"
NAME = "prefect.resource.name"
ROLE = "prefect.resource.role"


@pytest.fixture
def page(client: Client, settings):
    """Read a page as a visitor in local mode."""
    settings.LOCAL_MODE = True

    def read(path: str, *, status: int = 200, **params: str) -> str:
        answer = client.get(path, params)
        assert answer.status_code == status
        return unescape(answer.content.decode())

    return read


def rows(html: str) -> list[str]:
    """Return the event names of the rows, in order."""
    return re.findall(r'<p class="raw"><code><bdi>(.*?)</bdi>', html)


def link(html: str, text: str) -> str:
    """Return the address of the link that says this."""
    found = [a for a in re.findall(r"<a\b[^>]*>.*?</a>", html, re.S) if said(a) == text]
    assert found, f"no link says {text!r}"
    return re.search(r'href="([^"]*)"', found[0])[1]


def said(html: str) -> str:
    """Return the text of a page as it is read."""
    inline = re.sub(r"</?(?:bdi|b|i|span|strong|code)\b[^>]*>", "", html)
    return " ".join(re.sub(r"<[^>]+>", " ", inline).split())


def failed_run(**changes: Any):
    told: dict[str, Any] = {
        "resource": {ID: "prefect.flow-run.1", NAME: "crimson-fox"},
        "related": [{ID: "prefect.flow.7", NAME: "nightly-orders", ROLE: "flow"}],
        "outcome": Outcome.FAILED,
        "system": "prefect",
        "message": "3 partitions missing",
    }
    return draft("prefect.flow-run.Failed", **told | changes)


def test_a_row_tells_the_event_in_words_and_raw(page):
    store(failed_run())
    row = page("/")
    assert "failed: Flow run failed flow run crimson-fox" in said(row)
    assert "prefect.flow-run.Failed 3 partitions missing" in said(row)
    assert "flow nightly-orders" in said(row)
    assert link(row, "flow nightly-orders") == "/?q=any:prefect.flow.7"


def test_the_mark_of_a_row_says_its_outcome_to_the_mouse_alone(page):
    store(failed_run())
    assert '<svg class="mark" aria-hidden="true"><title>failed</title>' in page("/")


def test_newest_come_first_and_older_ones_by_a_link(page):
    store(*(draft(f"n{n}", occurred=NOW - timedelta(seconds=n)) for n in range(120)))
    seen, href = [], "/"
    while href:
        html = page(href)
        seen += rows(html)
        href = link(html, "Older events") if "Older events" in html else ""
    assert seen == [f"n{n}" for n in range(120)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("outcome:failed", ["prefect.flow-run.Failed"]),
        ("any:nightly-orders", ["prefect.flow-run.Failed"]),
        ("-outcome:failed", ["invoice.paid"]),
        ("partitions", []),
        ("event:invoice.*", ["invoice.paid"]),
    ],
)
def test_the_text_is_what_is_shown(page, text, found):
    store(failed_run(), draft("invoice.paid"))
    assert rows(page("/", q=text)) == found


def test_an_outcome_button_writes_into_the_text_and_out_again(page):
    store(failed_run())
    chosen = link(page("/", q="crimson"), "failed")
    assert chosen == "/?q=crimson%20outcome:failed"
    assert link(page(chosen), "failed") == "/?q=crimson"
    assert link(page(chosen), "waiting") == "/?q=crimson%20outcome:[failed,waiting]"


def test_a_filter_form_edits_its_clause_in_place(client, settings):
    settings.LOCAL_MODE = True
    asked = {"q": "any:a crimson", "filter": "any", "value": ["a", "prefect.flow.7", ""]}
    assert client.get("/", asked).headers["Location"] == "/?q=any:[a,prefect.flow.7]%20crimson"
    asked["value"] = [""]
    assert client.get("/", asked).headers["Location"] == "/?q=crimson"


def test_a_query_that_is_wrong_is_told_where_and_what_instead(page):
    html = page("/", q="lable.team:x", status=400)
    assert "There is no field “lable”" in html
    assert "<mark>lable" in html
    assert link(html, "label.team:x") == "/?q=label.team:x"
    assert rows(page(link(html, "Search for this text literally"))) == []


@pytest.mark.parametrize("text", ["🎉", "-", ",,,", "()", "2026-11-21T03:41:35Z"])
def test_a_text_without_words_is_not_offered_to_be_searched_literally(page, text):
    html = page("/", q=text, status=400)
    assert "Nothing in this text can be searched for." in html
    assert "literally" not in html
    assert "<mark>" in html


@pytest.mark.parametrize("written", ["{}", '"{}"', " {} "])
def test_the_id_of_an_event_searched_as_a_word_offers_that_event(page, written):
    run = failed_run()
    store(run)
    html = page("/", q=written.format(run.id), since="now-15m")
    assert rows(html) == []
    offered = link(html, f"id:{run.id}")
    assert len(rows(page(offered))) == 1


def test_an_id_that_no_event_has_offers_nothing(page):
    store(failed_run())
    assert "this very id" not in page("/", q=str(uuid4()))


@pytest.mark.parametrize("wrong", [{"since": "tomorrow"}, {"after": "x"}, {"from": "1.2"}])
def test_a_link_that_is_wrong_is_told_in_a_sentence(page, wrong):
    assert 'id="query-error"' in page("/", status=400, **wrong)


def test_a_feed_without_events_says_how_to_send_one(page):
    html = page("/")
    assert "Waiting for your first event" in html
    assert "PREFECT_API_URL=http://testserver/api" in html


def test_an_empty_range_says_when_the_last_match_was(page):
    store(failed_run(occurred=NOW - timedelta(days=2)))
    html = page("/", q="outcome:failed", since="now-1h")
    last = re.search(r'The last match was <a href="([^"]+)"', html)[1]
    assert rows(page(last)) == ["prefect.flow-run.Failed"]


def test_an_empty_result_says_what_each_part_alone_would_give(page):
    store(failed_run(), draft("invoice.paid"))
    told = said(page("/", q="outcome:failed event:invoice.paid zork"))
    assert "outcome:failed 1 event:invoice.paid 1 zork none" in told


def headings(html: str) -> list[str]:
    """Return the headings and the event names of the rows, in order."""
    return re.findall(r'(?:<li class="day"><h2>|<p class="raw"><code><bdi>)(.*?)<', html)


def test_rows_of_another_day_stand_under_its_name(page):
    store(failed_run(), draft("invoice.paid", occurred=datetime(2023, 4, 3, 12, tzinfo=UTC)))
    names = ["prefect.flow-run.Failed", "Monday 3 April 2023", "invoice.paid"]
    assert headings(page("/")) == names


def test_rows_of_today_below_another_day_stand_under_today(page):
    store(draft("day.now"), draft("day.last", occurred=datetime(9999, 12, 31, tzinfo=UTC)))
    today = f"{NOW:%A} {NOW.day} {NOW:%B %Y}"
    names = ["Friday 31 December 9999", "day.last", today, "day.now"]
    assert headings(page("/", q="event:day.*")) == names


# The log is read below its horizon, so what it shows has to be committed, and stays for others.


@pytest.mark.django_db(transaction=True)
def test_a_stretch_of_the_log_is_a_page(page):
    store(draft("stretch.before"))
    first = Event.objects.get(event="stretch.before")
    store(draft("stretch.one"), draft("stretch.two"))
    last = Event.objects.get(event="stretch.two")
    store(draft("stretch.after"))
    html = page("/", **{"from": first.at, "to": last.at})
    assert rows(html) == ["stretch.two", "stretch.one"]
    assert 'data-not-live="a stretch of the log"' in html


@pytest.mark.django_db(transaction=True)
def test_arrival_order_shows_what_came_last_first(page):
    store(draft("order.now"))
    store(draft("order.replayed", occurred=datetime(2023, 4, 3, tzinfo=UTC)))
    asked = {"q": "event:order.*"}
    assert rows(page("/", **asked)) == ["order.now", "order.replayed"]
    assert rows(page("/", order="arrival", **asked)) == ["order.replayed", "order.now"]


def test_an_order_that_is_none_is_told_in_words(page):
    assert "“zz” is no order; write occurred or arrival." in page("/", order="zz", status=400)
    page("/", order="occurred")


NASTY = "<script>alert(1)</script>\"'\u202e" + "x" * 900


def test_nothing_a_sender_writes_becomes_markup(client, settings):
    settings.LOCAL_MODE = True
    nasty = {ID: "javascript:alert(1)", NAME: NASTY, ROLE: NASTY, "k" + NASTY: NASTY}
    (id,) = store(
        draft(
            NASTY, resource=nasty, related=[nasty] * 4, message=NASTY[:200], payload={NASTY: NASTY}
        )
    )
    for path in ("/", f"/events/{id}", f"/events/{id}/drawer"):
        html = client.get(path).content.decode()
        assert "<script>alert" not in html
        assert 'href="javascript' not in html
        for href in re.findall(r'href="([^"]*)"', html):
            assert href[0] in "/#"


def test_the_event_page_says_what_happened(page):
    run = {ID: "prefect.flow-run.1", NAME: "crimson-fox"}
    began = NOW - timedelta(minutes=20)
    started = draft(
        "prefect.flow-run.Running", resource=run, occurred=began, outcome=Outcome.RUNNING
    )
    ended = failed_run(occurred=began + timedelta(minutes=12, seconds=4), follows=started.id)
    store(started, ended)
    html = page(f"/events/{ended.id}")
    sentence = "crimson-fox of flow nightly-orders failed, 12 min 4 s after it started."
    assert sentence in said(html)
    assert link(html, "Flow run running").startswith(f"/events/{started.id}?at=")
    assert "Previous event of this resource" in html
    assert "Next event of this resource" not in html


@pytest.mark.parametrize(
    "occurred",
    [
        datetime.min,
        datetime(1, 1, 2),
        datetime(1, 6, 1),
        datetime(9999, 12, 31),
        datetime.max,
    ],
    ids=str,
)
def test_an_event_at_the_edge_of_all_times_has_its_page(page, occurred):
    occurred = occurred.replace(tzinfo=UTC)
    (id,) = store(failed_run(occurred=occurred))
    for path in (f"/events/{id}", f"/events/{id}/drawer"):
        html = page(path)
        assert occurred.isoformat(sep=" ")[:19] in html
        around = link(html, "1 event around it, Everything")
        assert rows(page(around)) == ["prefect.flow-run.Failed"]
        assert f'value="{occurred.isoformat()[:10]}' in page(around)


def test_neighbours_are_found_up_to_the_edges_of_all_times(page):
    edges = [datetime.min, datetime.max - timedelta(seconds=1), datetime.max]
    first, near, last = store(*(failed_run(occurred=at.replace(tzinfo=UTC)) for at in edges))
    assert "Previous event of this resource" not in page(f"/events/{first}")
    assert f'href="/events/{near}' in page(f"/events/{first}")
    assert f'href="/events/{last}' in page(f"/events/{near}")
    assert f'href="/events/{near}' in page(f"/events/{last}")


def test_the_source_of_an_event_leads_to_its_page(page):
    (id,) = store(failed_run())
    assert "tests" in said(page(link(page(f"/events/{id}"), "tests")))


def test_every_value_filters_with_and_without(page):
    error = {"kind": "ValueError", "tries": 3, "code": "7", "cause": None, "at": [True]}
    (id,) = store(failed_run(payload={"error": error}))
    html = page(f"/events/{id}")
    for text in (
        "event:prefect.flow-run.Failed",
        "outcome:failed",
        "any:prefect.flow-run.1",
        "any:prefect.flow.7",
        f"id:{id}",
        "payload.error.kind:ValueError",
        "payload.error.tries:3",
        "payload.error.code:%227%22",
        "payload.error.cause:null",
        "payload.error.at[]:true",
    ):
        only = f"/?q={text}"
        assert f'href="{only}"' in html
        assert f'href="{only.replace("q=", "q=-", 1)}"' in html


def test_a_label_that_is_a_time_is_read_as_one(page):
    stamp = "2026-11-21T20:57:22.863251+02:00"
    (id,) = store(
        draft("odd", resource={ID: "acme.1", "at": stamp, "no": "0001-01-01T00:00+14:00"})
    )
    html = page(f"/events/{id}")
    assert f'title="{stamp}" data-full>2026-11-21 18:57:22.863 UTC</time>' in html
    assert "<bdi>0001-01-01T00:00+14:00</bdi>" in html


def test_what_a_value_links_to_finds_its_event(page):
    odd = {ID: 'acme:a b,[c]*"d"', "team[1]": "x, y"}
    (id,) = store(draft("odd", resource=odd))
    assert rows(page("/", q=clause("any", odd[ID]))) == ["odd"]
    for href in re.findall(r'href="(/\?q=[^-"][^"]*)" data-narrow', page(f"/events/{id}")):
        assert rows(page(href)) == ["odd"], href


def test_the_same_id_at_another_time_is_told_on_both_pages(page):
    first = failed_run(occurred=NOW - timedelta(hours=1))
    second = failed_run(id=first.id, occurred=NOW)
    store(first, second)
    one, other = Event.objects.order_by("occurred")
    for shown, twin in ((one, other), (other, one)):
        html = page(f"/events/{first.id}", at=shown.at)
        assert f'data-at="{shown.at}"' in html
        assert f"/events/{first.id}?at={twin.at}" in html


def test_a_leader_that_never_came_is_named(page):
    absent = uuid4()
    (id,) = store(failed_run(follows=absent))
    assert f"{absent}, which was not received" in said(page(f"/events/{id}"))


def test_a_chain_that_closes_on_itself_ends(page):
    first, second = uuid4(), uuid4()
    store(draft("a", id=first, follows=second), draft("b", id=second, follows=first))
    html = page(f"/events/{first}")
    assert "closes on itself" in html
    assert steps(html) == ["B", "A"]


def steps(html: str) -> list[str]:
    """Return what a chain lists, in order."""
    return re.findall(r"<bdi>(.*?)</bdi>", re.search(r"<ol>.*?</ol>", html, re.S)[0])


def linked(count: int, *, apart: timedelta = timedelta(seconds=1)) -> list[Draft]:
    """Return events that each follow the one before."""
    ids = [uuid4() for _ in range(count)]
    return [
        draft(f"n{n}", id=ids[n], occurred=NOW + n * apart, follows=ids[n - 1] if n else None)
        for n in range(count)
    ]


def test_a_chain_that_is_cut_says_so_where_it_is_cut_and_leads_on(page):
    ids = store(*linked(61))
    html = page(f"/events/{ids[28]}")
    assert [steps(html)[0], steps(html)[-1]] == ["N3", "N53"]
    begins, goes_on = html.index("The chain begins earlier"), html.index("The chain goes on")
    assert begins < html.index("<ol>") < goes_on
    earlier = page(link(html, "Show it around the first of these"))
    assert steps(earlier)[0] == "N0"
    assert "begins earlier" not in earlier
    later = page(link(html, "Show it around the last of these"))
    assert steps(later)[-1] == "N60"
    assert "goes on" not in later


def test_a_chain_of_just_as_many_is_not_cut(page):
    ids = store(*linked(26))
    assert "The chain" not in page(f"/events/{ids[0]}") + page(f"/events/{ids[25]}")


def test_steps_closer_than_a_millisecond_say_so_in_a_sign(page):
    ids = store(*linked(2, apart=timedelta(microseconds=40)))
    html = page(f"/events/{ids[0]}")
    assert "+<1 ms" in html
    assert "under 1 ms" not in html[html.index("<ol>") :]


def test_a_large_payload_is_cut_and_can_be_downloaded(page):
    payload = {"rows": [{"n": n, "text": "x" * 100} for n in range(3_000)]}
    (id,) = store(draft("big", payload=payload))
    html = page(f"/events/{id}")
    assert "too large to be drawn" in html
    assert '{"rows": [{"n": 0, "text": "xxx' in html
    assert len(html) < 60_000
    assert page(link(html, "Download the payload")).count('"text"') == 3_000


@pytest.mark.parametrize(
    ("nest", "written"),
    [(lambda inner: {"k": inner}, '{"k": {"k": '), (lambda inner: [inner], "[[[")],
)
def test_a_payload_as_deep_as_is_taken_is_shown_as_json_from_some_level_on(page, nest, written):
    value = "the very last"
    for _ in range(MAX_DEPTH - 2):
        value = nest(value)
    (id,) = store(draft("deep", payload={"a": value}))
    for path in (f"/events/{id}", f"/events/{id}/drawer"):
        html = page(path)
        tree = html[html.index('class="tree"') : html.index("Raw JSON")]
        assert 10 < tree.count("<details") < 20
        assert written in tree
        assert "the very last" in html[html.index("Raw JSON") :]


def test_a_long_value_too_deep_to_be_drawn_is_cut_and_says_so(page):
    value: object = list(range(1_000))
    for _ in range(20):
        value = {"k": value}
    (id,) = store(draft("deep", payload=value))
    assert re.search(r"… [\d,]+ more characters", said(page(f"/events/{id}")))


def test_a_payload_of_many_values_counts_what_it_leaves_out(page):
    (id,) = store(draft("many", payload={"numbers": list(range(1_000))}))
    assert "more are in the download" in page(f"/events/{id}")


def test_an_event_that_is_not_stored_is_told_in_words(page):
    assert "Events are kept for 30 days" in page(f"/events/{uuid4()}", status=404)


def test_a_single_day_is_not_days(page, settings):
    settings.EVENTFEED_RETENTION_DAYS = 1
    store(draft())
    assert "kept for 1 day." in said(page("/"))
    assert "kept for 1 day." in page(f"/events/{uuid4()}", status=404)


def test_a_rejection_is_listed_with_its_reason_and_message(page):
    assert "Nothing was refused" in page("/rejections")
    source = Source.objects.create(name="orders", system="prefect")
    id = uuid4()
    refused = Rejection.objects.create(
        source=source,
        doorway="POST /api/events",
        index=3,
        path="resource",
        reason="An event needs a resource with an id.",
        body=b'{"event": "<b>x</b>"}',
        body_size=21,
        event_id=str(id),
    )
    html = page("/rejections")
    assert link(html, "An event needs a resource with an id.") == f"/rejections/{refused.id}"
    assert '{"event": "<b>x</b>"}' in page(f"/rejections/{refused.id}")
    store(draft("later", id=id))
    assert "was refused: An event needs a resource with an id." in said(page(f"/events/{id}"))


def test_a_database_that_is_away_is_a_503_in_our_look(rf):
    try:
        raise OperationalError("connection refused")
    except OperationalError:
        answer = broken(rf.get("/"))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "The database is away" in answer.content.decode()


@pytest.mark.parametrize("path", ["/sign-in", "/admin/login/"])
def test_who_signs_in_is_told_where_the_first_password_is(page, path):
    assert "the password was printed once" in page(path)


def test_a_name_we_do_not_answer_to_is_told_which_setting_allows_it(client):
    answer = client.get("/sign-in", headers={"host": "events.example.com"})
    assert answer.status_code == 400
    told = said(answer.content.decode())
    assert "This name is not allowed" in told
    assert "does not answer to events.example.com" in told
    assert "EVENTFEED_ALLOWED_HOSTS" in told


def test_links_that_lead_nowhere_are_told_in_our_look(page):
    for path in ("/nothing", "/rejections/77"):
        assert "To the feed" in page(path, status=404)
