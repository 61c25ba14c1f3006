"""The log in the admin: found as the feed finds it, never counted, never changed."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from apps.events.models import Event, Source
from apps.events.record import record
from apps.ingest import demo

pytestmark = pytest.mark.django_db

LIST = "/admin/events/event/"


@pytest.fixture(autouse=True)
def signed_in(client, settings):
    settings.LOCAL_MODE = True
    client.force_login(User.objects.create_superuser("root"))


@pytest.fixture
def stored():
    """Three pages of events of one source and one event of another."""
    now = datetime.now(UTC)
    drafts = list(islice(demo.events(Random(3), now - timedelta(minutes=5)), 121))
    record(drafts[:-1], source_id=Source.objects.create(name="demo", system="prefect").pk)
    record(drafts[-1:], source_id=Source.objects.create(name="other", system="custom").pk)
    return drafts


def listed(answer):
    """Leave out what Eventfeed tells of itself: that somebody has signed in."""
    shown = answer.context["cl"].result_list
    return [event.pk for event in shown if event.system != "eventfeed"]


def newest_first(drafts):
    # Of events that occurred at the same moment the one stored last comes first.
    ranked = sorted(enumerate(drafts), key=lambda pair: (pair[1].occurred, pair[0]), reverse=True)
    return [draft.id for _, draft in ranked]


def test_the_list_shows_the_newest_and_goes_on_by_older(client, stored):
    answer = client.get(LIST)
    assert answer.status_code == 200
    seen = listed(answer)
    while "Older" in answer.content.decode():
        answer = client.get(LIST + answer.context["cl"].older_url)
        seen += listed(answer)
    assert seen == newest_first(stored)


def test_no_page_of_the_log_counts_it_or_asks_for_distinct_values(client, stored):
    paths = ["", "?q=outcome:completed", "?source=demo&event=prefect.*", f"{stored[0].id}/change/"]
    with CaptureQueriesContext(
        connection,
    ) as captured:
        for path in paths:
            assert client.get(LIST + path).status_code == 200
    of_events = [q["sql"] for q in captured if "FROM event" in q["sql"] or '"event"' in q["sql"]]
    assert of_events
    assert not [sql for sql in of_events if "COUNT(" in sql.upper() or "DISTINCT" in sql.upper()]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("q=event:prefect.task-run.*", lambda d: d.event.startswith("prefect.task-run.")),
        ("event=prefect.flow-run.*", lambda d: d.event.startswith("prefect.flow-run.")),
        ("outcome=completed", lambda d: d.outcome.word == "completed"),
        ("source=other", None),
        ("source=nobody", lambda d: False),
        ("occurred_to=2020-01-01", lambda d: False),
        ("q=outcome:completed&event=prefect.task-run.Completed",
         lambda d: d.event == "prefect.task-run.Completed"),
    ],
)  # fmt: skip
def test_box_and_filters_narrow_the_list(client, stored, asked, wanted):
    found = [draft for draft in stored if wanted(draft)] if wanted else stored[-1:]
    assert listed(client.get(f"{LIST}?{asked}")) == newest_first(found)[:50]


def test_the_filters_by_date_include_their_last_day(client, stored):
    first, last = stored[0].occurred, stored[-1].occurred
    asked = f"occurred_from={first:%Y-%m-%d}&occurred_to={last:%Y-%m-%d}"
    assert len(client.get(f"{LIST}?{asked}").context["cl"].result_list) == 50
    assert client.get(f"{LIST}?occurred_to=9999-12-31").status_code == 200


@pytest.mark.parametrize("asked", ["q=outcom:failed", "q=(", "after=nonsense", "event=%22"])
def test_a_question_that_cannot_be_read_is_answered_in_words(client, stored, asked):
    answer = client.get(f"{LIST}?{asked}")
    assert answer.status_code == 200
    assert [str(message) for message in answer.context["messages"]]
    assert listed(answer) == []


def test_an_event_can_be_read_but_not_changed(client, stored):
    draft = next(d for d in stored if d.payload)
    page = f"{LIST}{draft.id}/change/"
    answer = client.get(page)
    assert draft.event in answer.content.decode()
    assert f"/events/{draft.id}?at=" in answer.content.decode()
    for refused in (
        client.post(page, {"event": "other"}),
        client.get(f"{LIST}{draft.id}/delete/"),
        client.get(f"{LIST}add/"),
    ):
        assert refused.status_code == 403
        assert "Events are facts" in refused.content.decode()


def test_one_of_two_events_with_the_same_id_is_named_by_its_position(client, stored):
    again = replace(stored[0], occurred=stored[0].occurred + timedelta(seconds=1), message="again")
    record([again], source_id=Source.objects.get(name="demo").pk)
    first, second = Event.objects.filter(pk=again.id).order_by("received", "tx", "seq")
    for event in (first, second):
        answer = client.get(f"{LIST}{event.pk}/change/?at={event.at}")
        assert answer.context["original"].occurred == event.occurred


def test_an_event_that_is_not_there_is_not_an_error(client):
    for id in ("2c3d5d0e-0000-4000-8000-000000000000", "nonsense"):
        assert client.get(f"{LIST}{id}/change/", follow=True).status_code == 200
