"""Prefect's read API answers as Prefect does, mistakes included."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from apps.accounts.models import Scope, Token
from apps.events.follower import step
from apps.events.rollups import Rollups
from apps.events.search import QueryTimeout
from tests.events.waiting import until_final
from tests.feed.prefect.recorded import NAMES, long_filter, name_of, occurred, recorded
from tests.feed.watching import draft, store

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

HOST = {"host": "127.0.0.1:4200"}


@pytest.fixture(autouse=True)
def local(settings):
    settings.LOCAL_MODE = True


@pytest.fixture
def post(client):
    def post(path, asked, **headers):
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        return client.generic("POST", path, body, "application/json", headers=HOST | headers)

    return post


@pytest.fixture
def ask(post):
    return lambda asked: post("/api/events/filter", asked)


def names_in(page):
    return [name_of(event["id"]) for event in page["events"]]


def following(client, page):
    """Read the page its link leads to."""
    link = urlsplit(page["next_page"])
    return client.get(f"{link.path}?{link.query}", headers=HOST).json()


def test_an_event_is_told_as_prefect_tells_it(ask):
    [draft] = recorded()[:1]
    store(draft)
    [event] = ask({}).json()["events"]
    received = event.pop("received")
    assert received.endswith("Z")
    assert list(event) == [
        "occurred", "event", "resource", "related", "payload", "id", "follows",
    ]  # fmt: skip
    assert event == {
        "occurred": "2026-11-21T03:41:35.496905Z",
        "event": "acme.invoice.paid",
        "resource": draft.resource,
        "related": draft.related,
        "payload": draft.payload,
        "id": str(draft.id),
        "follows": None,
    }


def test_whole_seconds_are_told_without_a_fraction(ask):
    store(draft(occurred=datetime(2026, 11, 21, 14, tzinfo=UTC)))
    assert ask({}).json()["events"][0]["occurred"] == "2026-11-21T14:00:00Z"


@pytest.mark.parametrize("asked", [b"", {}, {"filter": None}, {"filter": {}, "limit": 50}])
def test_nothing_asked_is_everything_newest_first(ask, asked):
    store(*recorded())
    page = ask(asked).json()
    assert names_in(page) == NAMES[::-1]
    assert (page["total"], page["next_page"]) == (5, None)


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_pages_follow_each_other_in_either_order(ask, client, order):
    # At one and the same moment, where Prefect has no order.
    ids = store(*(draft(number=n, occurred=datetime(2026, 1, 1, tzinfo=UTC)) for n in range(7)))
    page = ask({"filter": {"order": order}, "limit": 3}).json()
    found = [event["id"] for event in page["events"]]
    while page["next_page"]:
        assert page["total"] == 7
        assert page["next_page"].startswith("http://127.0.0.1:4200/api/events/filter/next?")
        page = following(client, page)
        found += [event["id"] for event in page["events"]]
    assert found == [str(id) for id in (ids if order == "ASC" else ids[::-1])]


def test_a_page_that_arrives_late_shifts_no_other(ask, client):
    now = datetime.now(UTC)
    ids = store(*(draft(occurred=now - timedelta(minutes=n)) for n in range(4)))
    page = ask({"limit": 2}).json()
    store(draft(occurred=now))
    assert [event["id"] for event in following(client, page)["events"]] == [
        str(id) for id in ids[2:]
    ]


def test_times_are_inclusive_and_without_a_zone_utc(ask):
    store(*recorded())
    times = {"since": occurred("completed"), "until": occurred("failed")}
    told = {key: moment.replace(tzinfo=None).isoformat() for key, moment in times.items()}
    page = ask({"filter": {"occurred": told}}).json()
    assert names_in(page) == ["failed", "heartbeat", "completed"]


@pytest.mark.parametrize("written", [
    "2026-11-21", "2026-11-21T00:00", "2026-11-20 23:00-01:00", 1_795_219_200, 1_795_219_200_000,
])  # fmt: skip
def test_a_time_is_read_as_prefect_reads_it_and_kept_from_page_to_page(ask, client, written):
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    store(*(draft(name, occurred=midnight + timedelta(minutes=minute))
            for name, minute in (("before", -1), ("at", 0), ("after", 1))))  # fmt: skip
    page = ask({"filter": between(None, written), "limit": 1}).json()
    pages = [page, following(client, page)]
    assert [[event["event"] for event in one["events"]] for one in pages] == [["at"], ["before"]]


def test_what_is_no_time_is_refused_at_its_place(ask):
    answer = ask({"filter": between("yesterday", None)})
    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["body", "filter", "occurred", "since"]


def test_an_event_of_tomorrow_is_found_where_no_end_is_asked_for(ask):
    store(draft(occurred=datetime.now(UTC) + timedelta(days=1)))
    assert ask({}).json()["total"] == 1


def test_distinct_tells_the_newest_of_each_resource(ask, client):
    store(*recorded())
    asked = {"filter": {"resource": {"distinct": True}}, "limit": 2}
    page = ask(asked).json()
    assert (names_in(page), page["total"]) == (["lone", "failed"], 4)
    # What comes later moves no resource to a page that is read already.
    store(draft("late", resource={"prefect.resource.id": "acme.invoice.42"}))
    assert names_in(following(client, page)) == ["heartbeat", "invoice"]


def test_no_limit_is_no_page_but_a_total(ask):
    store(*recorded())
    page = ask({"limit": 0}).json()
    assert page == {"events": [], "total": 5, "next_page": None}


def test_a_total_is_counted_up_to_a_bound(ask, monkeypatch):
    monkeypatch.setattr("apps.events.counting.BOUND", 3)
    store(*recorded())
    # By what rollups do not tell: they know of any number.
    assert ask({"filter": {"any_resource": {"id_prefix": ["a", "p"]}}}).json()["total"] == 3


def test_links_say_https_where_the_server_is_said_to_be_reached_so(ask, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://127.0.0.1:4200"]
    store(*recorded())
    assert ask({"limit": 1}).json()["next_page"].startswith("https://127.0.0.1:4200/api/")


@pytest.mark.parametrize(
    ("asked", "loc", "kind"),
    [
        (b"{", ["body"], "json_invalid"),
        (b'{"filter": {"text": {"query": "\\u0000"}}}', ["body"], "json_invalid"),
        ({"limit": 201}, ["body", "limit"], "value_error"),
        ({"limit": -1}, ["body", "limit"], "value_error"),
        ({"filter": {"evnt": {}}}, ["body", "filter", "evnt"], "extra_forbidden"),
        ({"filter": {"event": {"nam": []}}}, ["body", "filter", "event", "nam"], "extra_forbidden"),
        ({"filter": {"text": {}}}, ["body", "filter", "text", "query"], "missing"),
        (
            {"filter": {"text": {"query": "x" * 201}}},
            ["body", "filter", "text", "query"],
            "value_error",
        ),
        ({"filter": {"order": "asc"}}, ["body", "filter", "order"], "value_error"),
        ({"filter": {"id": {"id": ["x"]}}}, ["body", "filter", "id", "id", 0], "value_error"),
        (
            {"filter": {"occurred": {"since": "x"}}},
            ["body", "filter", "occurred", "since"],
            "value_error",
        ),
    ],
)
def test_a_mistake_is_told_where_prefects_clients_look(ask, asked, loc, kind):
    answer = ask(asked)
    assert answer.status_code == 422
    told = answer.json()
    assert told["exception_message"] == "Invalid request received."
    [detail] = told["exception_detail"]
    assert (detail["loc"], detail["type"]) == (loc, kind)
    assert told["request_body"] == (None if isinstance(asked, bytes) else asked)


def test_a_token_of_somebody_elses_making_is_refused(client):
    forged = urlsafe_b64encode(b'{"filter":{},"offset":50}').decode()
    answer = client.get("/api/events/filter/next", {"page-token": forged}, headers=HOST)
    assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"})
    missing = client.get("/api/events/filter/next", headers=HOST)
    assert missing.status_code == 422
    assert missing.json()["exception_detail"][0]["loc"] == ["query", "page-token"]


@pytest.mark.parametrize("path", ["filter", "count-by/event"])
def test_only_who_may_read_is_answered(post, client, settings, path):
    settings.LOCAL_MODE = False
    path = f"/api/events/{path}"
    stranger = post(path, {"filter": {}})
    assert (stranger.status_code, stranger.json()["exception_message"]) == (401, "Unauthorized")
    _, sender = Token.make("a sender", scopes=[Scope.INGEST])
    assert post(path, {"filter": {}}, authorization=f"Bearer {sender}").status_code == 403
    _, reader = Token.make("a reader", scopes=[Scope.READ])
    assert post(path, {"filter": {}}, authorization=f"Bearer {reader}").status_code == 200


def test_what_takes_too_long_says_so(ask, monkeypatch):
    def take_long(*_):
        raise QueryTimeout

    monkeypatch.setattr("apps.feed.prefect.views.first_page", take_long)
    answer = ask({})
    assert answer.status_code == 503
    assert answer.json()["exception_message"].startswith("This takes too long")


def test_a_filter_is_posted_only(client):
    answer = client.get("/api/events/filter", headers=HOST)
    assert (answer.status_code, "detail" in answer.json()) == (405, True)


def test_a_filter_beyond_what_the_database_takes_is_refused(ask):
    answer = ask({"filter": long_filter()})
    assert answer.status_code == 422
    assert answer.json()["exception_message"].startswith("The filter is longer")


# Counts


@pytest.fixture
def count(post):
    return lambda by, asked: post(f"/api/events/count-by/{by}", asked)


def between(since, until):
    return {"occurred": {"since": since, "until": until}}


def hours(since, until):
    return between(f"2026-11-21T{since}Z", f"2026-11-21T{until}Z")


def test_counts_by_time_fill_what_is_empty(count):
    store(*recorded())
    asked = {"filter": hours("02:30:00", "04:10:00"), "time_unit": "hour"}
    assert count("time", asked).json() == [
        {
            "value": str(index),
            "label": f"2026-11-21T0{index + 2}:00:00+00:00",
            "count": counted,
            "start_time": f"2026-11-21T0{index + 2}:00:00Z",
            "end_time": f"2026-11-21T0{index + 2}:59:59.999999Z",
        }
        for index, counted in enumerate([0, 5, 0])
    ]


def test_counts_by_time_count_within_the_filter_only(count):
    store(*recorded())
    asked = {"filter": hours("03:41:36", "03:41:38"), "time_unit": "hour"}
    assert [one["count"] for one in count("time", asked).json()] == [2]


@pytest.mark.parametrize("unit", ["hour", "minute"])
def test_counts_kept_by_the_minute_tell_what_the_rows_tell(count, unit):
    times = [datetime(2026, 11, 21, 3, minute, 30, tzinfo=UTC) for minute in (0, 0, 1, 59)]
    store(*(draft(occurred=time) for time in times))
    asked = {"filter": hours("03:00:15", "03:59:29"), "time_unit": unit}
    by_rows = count("time", asked).json()
    assert sum(one["count"] for one in by_rows) == 3
    until_final()
    while step(Rollups()):
        pass
    assert count("time", asked).json() == by_rows


def test_buckets_may_be_parts_of_a_unit(count):
    store(*recorded())
    asked = {"filter": hours("03:41:35", "03:41:39"), "time_unit": "second", "time_interval": 0.5}
    told = count("time", asked).json()
    assert [one["count"] for one in told] == [1, 0] * 4
    assert told[1]["start_time"] == "2026-11-21T03:41:35.500000Z"


def test_counts_by_day_are_days_whatever_the_unit(count):
    store(*recorded())
    asked = {"filter": hours("00:00:00", "23:00:00"), "time_unit": "second"}
    [day] = count("day", asked).json()
    assert (day["count"], day["label"]) == (5, "2026-11-21T00:00:00+00:00")


def test_without_times_half_a_year_is_counted(count):
    store(draft())
    told = count("day", {"filter": {}}).json()
    assert len(told) == 181
    assert told[-1]["count"] == 1


def test_too_many_buckets_are_refused(count):
    asked = {"filter": hours("00:00:00", "23:00:00"), "time_unit": "second"}
    answer = count("time", asked)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("The given interval would create 82800 buckets")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"filter": {}, "time_interval": 0.001},
        {"filter": {}, "time_unit": "year"},
        {"filter": {}, "time_interval": 1e300},
        {
            "filter": {
                "occurred": {"since": "0001-01-01T00:00:00Z", "until": "0001-01-01T00:00:01Z"}
            }
        },
        {
            "filter": {
                "occurred": {"since": "9999-12-31T23:00:00Z", "until": "9999-12-31T23:59:59Z"}
            }
        },
    ],
)
def test_what_cannot_be_counted_by_time_is_no_failure_of_ours(count, asked):
    assert count("time", asked).status_code in (200, 422)


def test_counts_by_name_are_most_first(count):
    store(*recorded(), draft("acme.invoice.late"))
    told = count("event", {"filter": {}}).json()
    assert [(one["value"], one["label"], one["count"]) for one in told] == [
        (name, name, counted)
        for name, counted in [
            ("acme.invoice.late", 2),
            ("acme.invoice.paid", 1),
            ("prefect.flow-run.Completed", 1),
            ("prefect.flow-run.heartbeat", 1),
            ("prefect.task-run.Failed", 1),
        ]
    ]
    assert told[1]["start_time"] == told[1]["end_time"] == "2026-11-21T03:41:35.496905Z"


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"event": {"prefix": ["acme.", "prefect.task"], "exclude_name": ["acme.none"]}},
        {"occurred": {"since": "2026-11-21T02:30:00Z", "until": "2026-11-21T05:10:00Z"}},
        {"event": {"name": ["acme.b"]}, "occurred": {"until": "2026-11-21T04:59:59Z"}},
        {"event": {"name": ["nobody"]}},
        {"resource": {"id": ["acme.invoice.42"]}},
    ],
)
def test_counts_by_name_that_are_kept_tell_what_the_rows_tell(count, asked):
    def at(hour, minute, name):
        return draft(name, occurred=datetime(2026, 11, 21, hour, minute, 30, tzinfo=UTC))

    store(at(2, 10, "acme.a"), at(2, 40, "acme.a"), at(3, 5, "acme.b"), at(5, 9, "acme.b"))
    store(at(5, 50, "acme.a"), at(4, 0, "prefect.task-run.Failed"), at(4, 1, "x" * 390))
    by_rows = count("event", {"filter": asked}).json()
    until_final()
    while step(Rollups()):
        pass
    assert count("event", {"filter": asked}).json() == by_rows
    # What the follower has not come to is counted, too.
    store(at(3, 6, "acme.b"))
    counted = sum(one["count"] for one in count("event", {"filter": asked}).json())
    assert counted - sum(one["count"] for one in by_rows) in (0, 1)


def test_a_range_that_ends_before_it_begins_holds_nothing_as_at_prefects(ask, count):
    store(*recorded())
    reversed = hours("05:00:00", "03:00:00")
    assert ask({"filter": reversed}).json()["events"] == []
    assert [count(by, {"filter": reversed}).json() for by in ("event", "resource")] == [[], []]
    # Both ends lie in the one day that is told.
    assert [day["count"] for day in count("time", {"filter": reversed}).json()] == [0]


def test_distinct_reads_on_where_the_beginning_does_not_tell(ask, client, monkeypatch):
    monkeypatch.setattr("apps.feed.prefect.pages.WALKS", (1, 2))
    store(*recorded())
    page = ask({"filter": {"resource": {"distinct": True}}, "limit": 2}).json()
    assert (names_in(page), page["total"]) == (["lone", "failed"], 4)
    assert names_in(following(client, page)) == ["heartbeat", "invoice"]


def test_counts_by_resource_call_it_as_it_is_called_last(count):
    renamed = {"prefect.resource.id": "acme.invoice.42", "prefect.resource.name": "Paid 42"}
    store(*recorded(), draft(resource=renamed))
    told = count("resource", {"filter": {"resource": {"id_prefix": ["acme."]}}}).json()
    assert [(one["value"], one["label"], one["count"]) for one in told] == [
        ("acme.invoice.42", "Paid 42", 2),
        ("acme.invoice.4", "acme.invoice.4", 1),
    ]


def test_nothing_else_can_be_counted(count, client):
    assert count("colour", {"filter": {}}).status_code == 422
    assert client.get("/api/events/count-by/event", headers=HOST).status_code == 405
