"""The sources page tells of every sender, and adding one shows the exact lines to paste."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Token
from apps.events.draft import Draft
from apps.events.follower import step
from apps.events.models import Event, Rejection, Source, SourceMinute, SourceSeen
from apps.events.record import record
from apps.ingest.masking import Rules
from apps.ingest.recipes import RECIPES
from apps.ingest.senders import lag_in_words, senders
from apps.ingest.source_counts import SourceCounts
from tests.events.waiting import until_final

ID = "prefect.resource.id"


@pytest.fixture
def log(empty_log, settings):
    settings.LOCAL_MODE = True


@pytest.fixture
def staff(log, settings, client):
    settings.LOCAL_MODE = False
    user = User.objects.create_superuser("ada")
    client.force_login(user)
    return user


def tell(source: Source, *, ago: timedelta = timedelta(), count: int = 1) -> None:
    drafts = [
        Draft(
            id=uuid4(),
            occurred=datetime.now(UTC) - ago,
            event="orders.order.paid",
            resource={ID: "orders.order.42"},
        )
        for _ in range(count)
    ]
    record(drafts, source_id=source.id)


def follow() -> None:
    until_final()
    follower = SourceCounts()
    while step(follower):
        pass


def text(answer) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", "", answer.content.decode())).split())


def pasted(answer) -> str:
    found = re.findall(r"<pre><code>(.*?)</code></pre>", answer.content.decode(), re.DOTALL)
    return unescape("\n".join(found))


def test_the_follower_counts_what_each_source_sends_exactly_once(log):
    one, two = (Source.objects.create(name=name, system="prefect") for name in ("one", "two"))
    tell(one, ago=timedelta(seconds=90), count=3)
    tell(two)
    follow()
    tell(one, ago=timedelta(seconds=90))
    follow()
    follow()
    seen = {one.source.name: one for one in SourceSeen.objects.select_related("source")}
    assert (seen["one"].events, seen["two"].events) == (4, 1)
    assert seen["one"].lag == pytest.approx(90, abs=10)
    last = Event.objects.filter(source=one).order_by("tx", "seq").last()
    assert (seen["one"].last_id, seen["one"].last) == (last.id, last.received)
    assert sum(SourceMinute.objects.filter(source=one).values_list("events", flat=True)) == 4


def test_minutes_older_than_a_day_are_dropped(log):
    source = Source.objects.create(name="one", system="prefect")
    SourceMinute.objects.create(source=source, minute=timezone.now() - timedelta(days=2), events=1)
    tell(source)
    follow()
    assert SourceMinute.objects.count() == 1


def test_the_page_tells_of_every_sender(log, client):
    assert "Nobody has sent anything yet" in text(client.get("/sources"))
    source = Source.objects.create(name="orders", system="openlineage", kind="openlineage-spark")
    Source.objects.create(name="silent", system="flyte")
    token, _ = Token.make("orders-spark", scopes=["ingest"], source="orders")
    for reason in ("No time.", "No time.", "No run."):
        Rejection.objects.create(source=source, doorway="x", reason=reason, body=b"", body_size=0)
    tell(source, count=10)
    follow()
    page = text(client.get("/sources"))
    assert page.index("orders") < page.index("silent")
    for said in ("Apache Spark", f"{token.prefix}…", "Order paid", "2 a minute", "10 in 24 h",
                 "3 refused", "No time. · 1 more reason",
                 "Waiting for its first event"):  # fmt: skip
        assert said in page
    assert f'href="/rejections?source={source.id}"' in client.get("/sources").content.decode()


def test_the_page_asks_a_few_questions_however_many_sources(
    log, client, django_assert_max_num_queries
):
    for number in range(30):
        tell(Source.objects.create(name=f"source {number}", system="prefect"))
    follow()
    with django_assert_max_num_queries(12) as captured:
        assert len(senders(Source.objects.all())) == 30
    assert not [q for q in captured if "count(" in q["sql"].lower() and 'event"' in q["sql"]]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (12, "12 s"), (90, "2 minutes"), (3_600, "1 hour"), (86_400 * 3, "3 days"),
     (-5, "5.0 s ahead")],
)  # fmt: skip
def test_lag_is_said_as_people_do(seconds, said):
    assert lag_in_words(seconds) == said


@pytest.mark.parametrize("kind", RECIPES)
def test_every_kind_has_lines_with_this_address_and_a_fresh_token(staff, client, kind):
    answer = client.post(
        f"/sources/add/{kind}", {"name": "mine"}, headers={"host": "localhost:8200"}
    )
    source = Source.objects.get(name="mine")
    assert answer.status_code == 302
    answer = client.get(answer.url, headers={"host": "localhost:8200"})
    lines = pasted(answer)
    assert "localhost" in lines
    assert "$" not in re.sub(r"\$\(date.*?\)", "", lines)
    tokens = set(Token.objects.filter(source="mine"))
    assert [(one.scopes, one.created_by) for one in tokens] in ([], [(["ingest"], staff)])
    secrets = set(re.findall(r"ef_[\w-]{43}", lines))
    assert {Token.objects.bearing(secret) for secret in secrets} == tokens
    # flyteadmin says who may.
    assert bool(tokens) == ("shown only now" in text(answer)) == (kind != "flyte-grpc")
    assert source.kind == kind
    assert "Waiting for your first event" in text(answer)


@pytest.mark.parametrize("kind", ["", "flyte-grpc"])
def test_a_token_that_no_line_carries_is_shown_by_itself(staff, client, kind):
    source = Source.objects.create(name="mine", system="flyte", kind=kind)
    assert "ef_" not in pasted(client.get(f"/sources/{source.id}"))
    answer = client.get(client.post(f"/sources/{source.id}/tokens").url)
    secret = re.search(r"ef_[\w-]{43}", pasted(answer))[0]
    assert Token.objects.bearing(secret).source == "mine"
    assert "shown only now" in text(answer)


def test_every_way_in_can_be_found_under_add_a_source(staff, client):
    page = client.get("/sources/add").content.decode()
    ways = [*(f"/sources/add/{kind}" for kind in RECIPES), "/hooks", "/sources/relays", "/api/docs"]
    assert [way for way in ways if f'href="{way}"' not in page] == []


@pytest.mark.parametrize("kind", RECIPES)
def test_where_nobody_needs_a_token_the_lines_have_none(log, client, kind):
    answer = client.post(f"/sources/add/{kind}", {"name": ""})
    lines = pasted(client.get(answer.url))
    assert not re.search("ef_|Bearer|API_KEY|apiKey|access_token", lines)
    assert not Token.objects.exists()
    assert Source.objects.exclude(name="Eventfeed").get().name == RECIPES[kind].source


def test_a_token_is_shown_until_its_first_event_and_never_again(staff, client):
    page = client.post("/sources/add/prefect", {"name": "mine"}).url
    source = Source.objects.get(name="mine")
    secret = re.search(r"ef_[\w-]{43}", pasted(client.get(page)))[0]
    assert secret in pasted(client.get(page))
    assert secret not in str(client.session.items())
    tell(source)
    follow()
    answer = client.get(page)
    assert "It has arrived" in text(answer)
    assert "Order paid" in text(answer)
    assert secret not in answer.content.decode()
    assert "ef_…" in pasted(client.get(page))


def test_waiting_says_at_once_what_was_refused(staff, client):
    client.post("/sources/add/prefect", {"name": "mine"})
    source = Source.objects.get(name="mine")
    Rejection.objects.create(source=source, doorway="x", reason="No time.", body=b"", body_size=0)
    part = text(client.get(f"/sources/{source.id}/first"))
    assert "Waiting for your first event" in part
    assert "Refused: No time." in part


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "Give it a name"),
        ("a:b", "A name has no colon"),
        ("taken", "There is a source of this name"),
        ("token", "A token has this name"),
    ],
)
def test_a_name_that_cannot_be_is_said_in_words(staff, client, name, said):
    Source.objects.create(name="taken", system="prefect")
    Token.make("token", scopes=["read"])
    answer = client.post("/sources/add/prefect", {"name": name})
    assert answer.status_code == 400
    assert said in text(answer)


def test_a_source_can_have_several_tokens_and_each_be_revoked(staff, client):
    client.post("/sources/add/prefect", {"name": "mine"})
    source = Source.objects.get(name="mine")
    client.post(f"/sources/{source.id}/tokens")
    first, second = Token.objects.order_by("id")
    assert (first.name, second.name, second.source) == ("mine", "mine 2", "mine")
    client.post(f"/sources/{source.id}/tokens/{first.id}/revoke")
    assert list(Token.objects.usable()) == [second]
    other, _ = Token.make("other", scopes=["ingest"])
    assert client.post(f"/sources/{source.id}/tokens/{other.id}/revoke").status_code == 404
    assert other in Token.objects.usable()


def test_masks_and_networks_are_settings_of_a_source(staff, client):
    source = Source.objects.create(name="mine", system="prefect")
    page = f"/sources/{source.id}/settings"
    told = {"settings": "on", "keys": "card\n*.ssn", "networks": "10.2.3.4/16 ::1"}
    assert client.post(page, told).status_code == 302
    source.refresh_from_db()
    assert Rules.of(source.masks) == Rules(passwords=False, keys=("card", "*.ssn"))
    assert source.networks == ["10.2.0.0/16", "::1/128"]
    answer = client.post(page, {"networks": "everywhere"})
    assert answer.status_code == 400
    assert "everywhere is no network" in text(answer)
    assert "eventfeed.audit.source.changed" in Event.objects.values_list("event", flat=True)


WRITES = [
    ("get", "/sources/add"),
    ("post", "/sources/add/prefect"),
    ("post", "/sources/{id}/settings"),
    ("post", "/sources/{id}/tokens"),
    ("post", "/sources/{id}/tokens/1/revoke"),
    ("post", "/rejections/1/again"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_writing_needs_a_user_who_is_staff(log, settings, client, method, path):
    settings.LOCAL_MODE = False
    reader = User.objects.create_user("bob")
    reader.user_permissions.add(Permission.objects.get(codename="view_event"))
    client.force_login(reader)
    source = Source.objects.create(name="mine", system="prefect")
    assert getattr(client, method)(path.format(id=source.id)).status_code == 403
    assert client.get(f"/sources/{source.id}").status_code == 200


def test_writing_needs_a_form_of_ours(log):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/sources/add/prefect", {"name": "x"}).status_code == 403
    assert not Source.objects.exists()
