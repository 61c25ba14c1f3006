"""The API of counts tells how many, when and of which kinds, and each part fails on its own."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.accounts.models import Scope, Token
from apps.events import counting
from apps.query import Outcome
from tests.feed.watching import draft, store

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

NOW = datetime.now(UTC)


@pytest.fixture
def ask(client, settings):
    settings.LOCAL_MODE = True

    def ask(what, **asked):
        return client.get(f"/api/events/{what}", asked, headers={"host": "127.0.0.1"})

    return ask


@pytest.fixture
def stored():
    payer = {"prefect.resource.id": "acme.payer.1", "prefect.resource.role": "payer"}
    store(
        *(draft("invoice.paid", number=n, occurred=NOW - timedelta(hours=n)) for n in range(5)),
        draft("invoice.late", outcome=Outcome.FAILED, related=[payer]),
        draft("invoice.old", occurred=NOW - timedelta(days=40)),
    )


def test_a_count_is_of_everything_kept_unless_a_range_is_given(ask, stored):
    assert ask("count").json() == {"count": 7, "more": False}
    assert ask("count", q="event:invoice.paid", since="now-150m").json()["count"] == 3
    assert ask("count", q="any:acme.payer.1").json() == {"count": 1, "more": False}
    assert ask("count", q="any:acme.payer.1", exact="true").json()["count"] == 1


def test_a_bounded_count_says_that_there_are_more(ask, stored, monkeypatch):
    monkeypatch.setattr(counting, "BOUND", 2)
    assert ask("count", q="resource:acme.invoice.*").json() == {"count": 2, "more": True}
    exact = ask("count", q="resource:acme.invoice.*", exact="1").json()
    assert exact == {"count": 7, "more": False}


def test_a_histogram_is_of_a_day_and_stacked_by_outcome(ask, stored):
    told = ask("histogram").json()
    assert (told["by"], told["step"], told["sample"]) == ("outcome", 900, None)
    assert [(one["value"], sum(one["counts"])) for one in told["series"]] == [
        ("failed", 1),
        ("information", 5),
    ]
    span = datetime.fromisoformat(told["until"]) - datetime.fromisoformat(told["since"])
    assert len(told["series"][0]["counts"]) == span / timedelta(seconds=900)


def test_a_histogram_is_stacked_by_what_is_asked(ask, stored):
    told = ask("histogram", by="event", since="now-60d", q="-event:invoice.late").json()
    assert [(one["value"], sum(one["counts"])) for one in told["series"]] == [
        ("invoice.paid", 5),
        ("invoice.old", 1),
    ]


def test_facets_tell_values_with_the_clause_that_asks_for_them(ask, stored):
    told = {facet["field"]: facet for facet in ask("facets").json()["facets"]}
    assert list(told) == list(counting.FACETS)
    assert told["event"]["values"] == [
        {"value": "invoice.paid", "count": 5, "query": "event:invoice.paid"},
        {"value": "invoice.late", "count": 1, "query": "event:invoice.late"},
    ]
    assert told["kind"]["values"][0]["query"] == "resource:acme.invoice.*"
    assert told["role"]["values"][0]["query"] == "related.role:payer"


def test_what_a_facet_counts_is_what_its_clause_finds(ask, stored):
    for facet in ask("facets").json()["facets"]:
        for value in facet["values"]:
            found = ask("count", q=value["query"], since="now-24h").json()["count"]
            assert found == value["count"], value


def test_a_facet_that_takes_too_long_leaves_the_others(ask, stored, monkeypatch):
    monkeypatch.setattr(counting, "ROWS_BUDGET", 0.0)
    monkeypatch.setattr(counting, "SAMPLE_BUDGET", 0.0)
    event, role = ask("facets", field=["event", "role"]).json()["facets"]
    assert (len(event["values"]), event["error"]) == (2, None)
    assert (role["values"], "too long" in role["error"]) == ([], True)


@pytest.mark.parametrize(
    ("what", "asked", "field"),
    [
        ("count", {"q": "evnt:x"}, "q"),
        ("count", {"exact": "perhaps"}, "exact"),
        ("histogram", {"by": "payload.x"}, "by"),
        ("histogram", {"since": "yesterdayish"}, "since"),
        ("facets", {"field": "nothing"}, "field"),
        ("facets", {"until": "x"}, "until"),
    ],
)
def test_a_mistake_names_the_parameter(ask, what, asked, field):
    answer = ask(what, **asked)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field


def test_a_timeout_is_ours_not_theirs(ask, stored, monkeypatch):
    for budget in ("ROLLED_BUDGET", "ROWS_BUDGET", "SAMPLE_BUDGET"):
        monkeypatch.setattr(counting, budget, 0.0)
    answer = ask("histogram")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "timeout")


def test_only_readers_are_told(client, settings):
    settings.LOCAL_MODE = False
    _, sender = Token.make("a sender", scopes=[Scope.INGEST])
    _, reader = Token.make("a reader", scopes=[Scope.READ])
    for what in ("count", "histogram", "facets"):
        path = f"/api/events/{what}"
        assert client.get(path).status_code == 401
        for secret, status in ((sender, 403), (reader, 200)):
            headers = {"authorization": f"Bearer {secret}"}
            assert client.get(path, headers=headers).status_code == status
