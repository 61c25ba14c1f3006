"""The read API answers what the feed page shows, as JSON, and says what is wrong in one shape."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from apps.accounts.models import Scope, Token
from tests.feed.watching import draft, store

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]


@pytest.fixture
def ask(client, settings):
    settings.LOCAL_MODE = True

    def ask(path, **asked):
        return client.get(path, asked, headers={"host": "127.0.0.1"})

    return ask


def ids_in(answer):
    return [event["id"] for event in answer.json()["events"]]


def test_an_event_is_told_with_the_fields_of_prefect_and_ours(ask):
    follows = uuid4()
    [id] = store(
        draft(
            "invoice.paid",
            number=7,
            occurred=datetime(2026, 11, 21, 14, tzinfo=UTC),
            related=[{"prefect.resource.id": "acme.customer.1", "prefect.resource.role": "payer"}],
            payload={"amount": 12.5, "lines": [1, {"a": None}]},
            follows=follows,
            message="12.50 paid",
        )
    )
    event = ask(f"/api/events/{id}").json()
    assert event.pop("received").endswith("Z")
    assert event.pop("position")
    assert event == {
        "id": str(id),
        "occurred": "2026-11-21T14:00:00.000000Z",
        "event": "invoice.paid",
        "resource": {"prefect.resource.id": "acme.invoice.7"},
        "related": [{"prefect.resource.id": "acme.customer.1", "prefect.resource.role": "payer"}],
        "payload": {"amount": 12.5, "lines": [1, {"a": None}]},
        "follows": str(follows),
        "system": "custom",
        "source": "tests",
        "outcome": "information",
        "message": "12.50 paid",
        "warnings": [],
    }


def test_a_list_tells_the_same_as_each_event_alone(ask):
    ids = store(*(draft(number=n, payload={"n": n}) for n in range(3)))
    listed = ask("/api/events").json()["events"]
    assert {event["id"] for event in listed} == set(map(str, ids))
    assert listed == [ask(f"/api/events/{event['id']}").json() for event in listed]


def test_pages_follow_each_other_without_loss(ask):
    now = datetime.now(UTC)
    ids = store(*(draft(occurred=now - timedelta(seconds=n)) for n in range(7)))
    found, after = [], ""
    while after is not None:
        answer = ask("/api/events", limit=3, after=after)
        found += ids_in(answer)
        after = answer.json()["next"]
    assert found == list(map(str, ids))


def test_the_query_and_the_times_narrow(ask):
    now = datetime.now(UTC)
    old, new, _late = store(
        draft("invoice.paid", occurred=now - timedelta(hours=2)),
        draft("invoice.paid", occurred=now - timedelta(minutes=2)),
        draft("invoice.late", occurred=now - timedelta(minutes=1)),
    )
    assert ids_in(ask("/api/events", q="event:invoice.paid")) == [str(new), str(old)]
    assert ids_in(ask("/api/events", q="event:invoice.paid", since="now-1h")) == [str(new)]
    assert ids_in(ask("/api/events", q="event:invoice.paid", until="now-1h")) == [str(old)]


def test_positions_ask_for_a_stretch_of_the_log(ask):
    now = datetime.now(UTC)
    ids = [store(draft(occurred=now - timedelta(hours=n)))[0] for n in range(4)]
    places = [ask(f"/api/events/{id}").json()["position"] for id in ids]
    stretch = ask("/api/events", **{"from": places[0], "to": places[2]})
    assert ids_in(stretch) == [str(ids[2]), str(ids[1])]
    assert ids_in(ask("/api/events", order="arrival")) == [str(id) for id in reversed(ids)]


def test_one_of_several_events_with_the_same_id_is_named_by_its_position(ask):
    id = uuid4()
    store(draft(id=id, payload={"n": 1}))
    store(draft(id=id, occurred=datetime(2024, 1, 1, tzinfo=UTC), payload={"n": 2}))
    listed = ask("/api/events", q=f"id:{id}").json()["events"]
    assert [event["payload"] for event in listed] == [{"n": 1}, {"n": 2}]
    second = ask(f"/api/events/{id}", at=listed[1]["position"])
    assert second.json()["payload"] == {"n": 2}
    first = ask(f"/api/events/{id}")
    assert first.json()["payload"] == {"n": 1}
    assert first.json()["also_at"] == [listed[1]["position"]]
    assert second.json()["also_at"] == [listed[0]["position"]]


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({"q": "evnt:x"}, "query", "q"),
        ({"limit": "0"}, "parameter", "limit"),
        ({"limit": "201"}, "parameter", "limit"),
        ({"limit": "many"}, "parameter", "limit"),
        ({"since": "yesterday"}, "parameter", "since"),
        ({"until": "2026-13-01"}, "parameter", "until"),
        ({"after": "nowhere"}, "parameter", "after"),
        ({"from": "1.2"}, "parameter", "from"),
        ({"order": "size"}, "parameter", "order"),
    ],
)
def test_a_mistake_is_named_with_its_place(ask, asked, code, field):
    answer = ask("/api/events", **asked)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == (code, field)
    assert error["message"]


@pytest.mark.parametrize("path", ["", "/count", "/histogram", "/facets", "/export", f"/{uuid4()}"])
def test_a_parameter_that_there_is_not_is_named(ask, path):
    answer = ask(f"/api/events{path}", quer="outcome:failed")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (400, "parameter", "quer")
    assert error["message"].startswith("“quer” is no parameter; write ")


def test_a_page_takes_no_offence_at_what_a_mailer_adds_to_its_address(ask):
    assert ask("/", q="", utm_source="mail").status_code == 200


def test_a_mistake_in_a_query_says_where_and_what_may_have_been_meant(ask):
    error = ask("/api/events", q="outcome:failed evnt:x").json()["error"]
    assert error["position"][0] == 15
    assert error["suggestion"] == "outcome:failed event:x"


def test_a_place_in_another_log_is_to_start_again(ask):
    answer = ask("/api/events", **{"from": "0123456789ab.5.5"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "start-again")


@pytest.mark.parametrize("id", [uuid4(), "no-uuid"])
def test_an_event_that_is_not_kept_is_not_found(ask, id):
    answer = ask(f"/api/events/{id}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not-found")


@pytest.mark.parametrize("path", ["/api/nope", "/api/events/1/2", "/api/"])
def test_a_path_that_is_none_is_answered_in_the_same_shape(ask, path):
    answer = ask(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not-found")
    assert path in answer.json()["error"]["message"]


def test_a_slash_at_the_end_changes_nothing(ask):
    store(draft())
    for path in ("/api/events", "/api/schema", "/api/docs"):
        assert ask(path).status_code == ask(f"{path}/").status_code == 200


def test_strangers_are_asked_for_a_token(client, settings):
    settings.LOCAL_MODE = False
    answer = client.get("/api/events")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["error"]["code"] == "not-authenticated"


@pytest.mark.parametrize("form", ["", "?format=json"])
def test_strangers_who_want_the_schema_are_told_so_as_by_the_api(client, settings, form):
    settings.LOCAL_MODE = False
    answer = client.get(f"/api/schema{form}")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/json")
    assert answer.json()["error"]["code"] == "not-authenticated"


@pytest.mark.parametrize(("scope", "status"), [(Scope.READ, 200), (Scope.INGEST, 403)])
def test_a_token_may_read_when_its_scope_says_so(client, settings, scope, status):
    settings.LOCAL_MODE = False
    _, secret = Token.make("a reader", scopes=[scope])
    answer = client.get("/api/events", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["code"] == "permission-denied"


def test_signed_in_people_who_may_read_can_ask_too(admin_client, settings):
    settings.LOCAL_MODE = False
    assert admin_client.get("/api/events").status_code == 200


def test_the_schema_describes_both_paths_and_their_errors(ask):
    schema = json.loads(ask("/api/schema", format="json").content)
    assert {"/api/events", "/api/events/{id}"} <= schema["paths"].keys()
    assert "/api/events/filter" in schema["info"]["description"]
    listed = schema["paths"]["/api/events"]["get"]
    assert {"q", "since", "until", "after", "limit", "order", "from", "to"} == {
        parameter["name"] for parameter in listed["parameters"]
    }
    assert {"200", "400", "503"} <= listed["responses"].keys()


def test_the_docs_run_no_script_and_no_style_of_their_own(ask):
    page = ask("/api/docs").content.decode()
    assert "<style" not in page
    assert "<script>" not in page
    assert "cdn" not in page
    assert '<a href="/">' in page


def test_strangers_who_want_the_docs_are_led_to_the_sign_in(client, settings):
    settings.LOCAL_MODE = False
    answer = client.get("/api/docs")
    assert (answer.status_code, answer.url) == (302, "/sign-in?next=/api/docs")
