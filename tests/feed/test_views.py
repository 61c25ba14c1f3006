"""Saved views: each person's own, and those that are shared."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission, User

from apps.accounts.models import Scope, Token
from apps.events.log import head_sync
from apps.events.models import Event
from apps.events.search import search_log
from apps.feed.models import Pin, View
from apps.query import parse
from tests.feed.watching import draft, store

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

HOST = {"host": "127.0.0.1"}


@pytest.fixture
def local(settings):
    settings.LOCAL_MODE = True


@pytest.fixture
def signed_in(settings, client_of):
    """Two readers and one of the staff, each in a browser of their own."""
    settings.LOCAL_MODE = False
    return {name: client_of(name, staff=name == "chief") for name in ("ada", "ben", "chief")}


@pytest.fixture
def client_of():
    from django.test import Client

    def client_of(name, *, staff=False):
        user = User.objects.create_user(name, is_staff=staff)
        user.user_permissions.add(Permission.objects.get(codename="view_event"))
        client = Client()
        client.force_login(user)
        return client

    return client_of


def save(client, name="Failures", query="outcome:failed", **fields):
    answer = client.post("/views", {"name": name, "query": query, **fields}, headers=HOST)
    assert answer.status_code == 302, answer.content
    return View.objects.get(name=name), answer.url


def do(client, view, what, **fields):
    return client.post(f"/views/{view.pk}/{what}", fields, headers=HOST).status_code


def names(client):
    listed = client.get("/api/views", headers=HOST).json()["views"]
    return [view["name"] for view in listed]


def counts(client, **asked):
    return client.get("/views/counts", asked, headers=HOST).json()["counts"]


# Made and opened


def test_a_view_keeps_what_the_feed_shows(local, client):
    view, url = save(client, since="now-7d", columns="label.team,payload.n")
    assert url == (f"/?q=outcome:failed&since=now-7d&columns=label.team,payload.n&view={view.pk}")
    opened = client.get(f"/views/{view.pk}", headers=HOST)
    assert opened.url == url
    assert client.get(url, headers=HOST).status_code == 200


def test_the_page_of_a_feed_offers_to_save_it(local, client):
    page = client.get("/?q=outcome:failed&since=now-1h", headers=HOST).content.decode()
    assert '<input type="hidden" name="query" value="outcome:failed">' in page
    assert '<input type="hidden" name="since" value="now-1h">' in page
    assert 'href="/export?q=outcome%3Afailed&amp;since=now-1h&amp;format=csv"' in page


@pytest.mark.parametrize(
    ("fields", "say"),
    [
        ({"query": "evnt:x"}, "There is no field"),
        ({"since": "yester"}, "is no time"),
        ({"name": ""}, "required"),
        ({"columns": "nonsense"}, "nonsense"),
    ],
)
def test_what_cannot_be_a_view_is_said_and_nothing_is_kept(local, client, fields, say):
    told = {"name": "x", "query": ""} | fields
    answer = client.post("/views", told, headers=HOST)
    assert answer.status_code == 422
    assert say in answer.content.decode()
    assert not View.objects.exists()


def test_the_default_view_opens_the_feed_and_everything_is_still_there(local, client):
    view, _ = save(client)
    assert client.get("/", headers=HOST).status_code == 200
    assert do(client, view, "default", on="1") == 302
    assert client.get("/", headers=HOST).url == view.link
    page = client.get(view.link, headers=HOST).content.decode()
    assert '<a href="/?q=">Show everything</a>' in page
    assert client.get("/?q=", headers=HOST).status_code == 200
    other, _ = save(client, name="Others")
    do(client, other, "default", on="1")
    assert client.get("/", headers=HOST).url == other.link
    do(client, other, "default", on="0")
    assert client.get("/", headers=HOST).status_code == 200


def test_a_view_can_be_changed_and_deleted(local, client):
    view, _ = save(client)
    told = {"name": "Paid", "query": "event:invoice.paid", "since": "", "until": "", "columns": ""}
    prefixed = {f"v{view.pk}-{name}": value for name, value in told.items()}
    assert do(client, view, "change", **prefixed) == 302
    view.refresh_from_db()
    assert (view.name, view.query) == ("Paid", "event:invoice.paid")
    assert do(client, view, "change", **prefixed | {f"v{view.pk}-query": "evnt:x"}) == 422
    assert do(client, view, "remove") == 302
    assert not View.objects.exists()


def test_the_list_escapes_what_people_write(local, client):
    save(client, name="<script>alert(1)</script>", query='"<b>"', pinned="on")
    page = client.get("/views", headers=HOST).content.decode()
    assert "<script>alert" not in page
    assert "<b>&quot;" not in page


# Named


def test_a_name_is_taken_once_and_what_had_it_is_replaced_only_when_asked_to(local, client):
    view, _ = save(client, shared="on")
    other = {"name": "Failures", "query": "is:late", "stay": "1"}
    refused = client.post("/views", other, headers=HOST)
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "You have a view “Failures” already. Replace it, or choose another name." in page
    assert "<span>Replace “<bdi>Failures</bdi>”</span></button>" in page
    # It stands below all the views, and is where one reads on.
    [asked_again] = re.findall("<input[^>]* autofocus[^>]*>", page)
    assert 'name="name"' in asked_again
    assert View.objects.get().query == "outcome:failed"
    replaced = client.post("/views", other | {"replace": "1"}, headers=HOST)
    assert (replaced.status_code, replaced.url) == (302, "/views")
    kept = View.objects.get()
    assert (kept.pk, kept.query, kept.shared) == (view.pk, "is:late", True)


def test_replacing_asks_again_where_more_is_wrong(local, client):
    save(client)
    told = {"name": "Failures", "query": "evnt:x", "replace": "1"}
    answer = client.post("/views", told, headers=HOST)
    assert answer.status_code == 422
    assert "There is no field" in answer.content.decode()
    assert View.objects.get().query == "outcome:failed"


def test_a_view_takes_no_name_that_another_of_its_owner_has(local, client, ask):
    save(client)
    view, _ = save(client, name="Late", query="is:late")
    told = {f"v{view.pk}-name": "Failures", f"v{view.pk}-query": "is:late"}
    assert do(client, view, "change", **told) == 422
    for method, path in (("patch", f"/api/views/{view.pk}"), ("post", "/api/views")):
        answer = ask(method, path, {"name": "Failures"})
        error = answer.json()["error"]
        assert (answer.status_code, error["field"]) == (400, "name")
        assert "There is a view “Failures” already: change /api/views/" in error["message"]
    assert sorted(names(client)) == ["Failures", "Late"]
    assert ask("patch", f"/api/views/{view.pk}", {"name": "Late"}).status_code == 200


def test_each_owner_names_views_as_they_like(signed_in):
    answers = [
        signed_in[name].post("/views", {"name": "Failures", "shared": "on"}).status_code
        for name in ("ada", "ben")
    ]
    assert answers == [302, 302]
    User.objects.filter(username__in=["ada", "ben"]).delete()
    assert names(signed_in["chief"]) == ["Failures", "Failures"]


def test_pins_that_are_called_the_same_say_whose_they_are(signed_in):
    for name in ("ada", "ben"):
        told = {"name": "Failures", "shared": "on", "pinned": "on"}
        signed_in[name].post("/views", told)
    page = signed_in["ben"].get("/?q=").content.decode()
    assert "<bdi>Failures</bdi><b" in page
    of_ada = View.objects.get(owner__username="ada")
    do(signed_in["ben"], of_ada, "pin", on="1")
    page = signed_in["ben"].get("/?q=").content.decode()
    assert "<bdi>Failures</bdi><small>ada</small>" in page
    assert "<bdi>Failures</bdi><small>ben</small>" in page


def test_a_range_that_ends_before_it_begins_is_not_kept(local, client, ask):
    reversed = {"since": "2026-11-21T12:00", "until": "2026-11-21T11:00"}
    told = {"name": "x", "query": ""} | reversed
    assert "before it begins" in client.post("/views", told, headers=HOST).content.decode()
    error = ask("post", "/api/views", told).json()["error"]
    assert error["field"] == "until"
    view = ask("post", "/api/views", {"name": "x", "since": "2026-11-21T12:00"}).json()
    assert ask("patch", f"/api/views/{view['id']}", reversed).status_code == 400


# Grown invalid


@pytest.mark.parametrize(
    ("fields", "say", "rest"),
    [
        (
            {"since": "now-1h", "until": "2026-01-01T00:00"},
            "before it begins",
            "/?q=outcome:failed&amp;columns=label.team&amp;view={}",
        ),
        (
            {"columns": "nonsense"},
            "“nonsense”",
            "/?q=outcome:failed&amp;view={}",
        ),
    ],
    ids=["a range that is over before it begins", "a column that is none"],
)
def test_a_view_that_has_grown_invalid_opens_with_one_click(local, client, fields, say, rest):
    kept = {"name": "Old", "query": "outcome:failed", "columns": "label.team"} | fields
    view = View.objects.create(**kept, is_default=True)
    opened = client.get(client.get("/", headers=HOST).url, headers=HOST)
    page = opened.content.decode()
    assert opened.status_code == 400
    assert say in page
    href = rest.format(view.pk)
    assert f'<a href="{href}">Show the rest, ' in page
    assert f'<a href="/views#view-{view.pk}">Change the view</a>' in page
    assert client.get(href.replace("&amp;", "&"), headers=HOST).status_code == 200
    assert client.get("/views", headers=HOST).status_code == 200


def test_what_mends_a_query_keeps_its_time_and_columns(local, client):
    told = {"q": "lable.x:y", "since": "now-1h", "columns": "label.team"}
    page = client.get("/", told, headers=HOST).content.decode()
    kept = "since=now-1h&amp;columns=label.team"
    assert f'<a href="/?q=label.x:y&amp;{kept}">' in page
    assert f"/?q=%22lable.x:y%22&amp;{kept}" in page


# Whose they are


def test_a_private_view_is_its_owners_alone(signed_in):
    view, _ = save(signed_in["ada"])
    assert names(signed_in["ada"]) == ["Failures"]
    for other in ("ben", "chief"):
        assert names(signed_in[other]) == []
        assert signed_in[other].get(f"/views/{view.pk}").status_code == 404
        assert do(signed_in[other], view, "remove") == 404
        assert signed_in[other].get(f"/api/views/{view.pk}").status_code == 404


def test_a_shared_view_is_read_by_all_and_changed_by_its_owner_or_staff(signed_in):
    view, _ = save(signed_in["ada"], shared="on")
    assert names(signed_in["ben"]) == ["Failures"]
    assert signed_in["ben"].get(f"/views/{view.pk}").url == view.link
    assert "shared by" in signed_in["ben"].get("/views").content.decode()
    for what in ("share", "remove", "default"):
        assert do(signed_in["ben"], view, what) == 403
    assert do(signed_in["chief"], view, "default", on="1") == 403
    assert do(signed_in["chief"], view, "share", on="0") == 302
    assert names(signed_in["ben"]) == []


def test_a_default_is_its_owners(signed_in):
    view, _ = save(signed_in["ada"], shared="on")
    do(signed_in["ada"], view, "default", on="1")
    assert signed_in["ada"].get("/").url == view.link
    assert signed_in["ben"].get("/").status_code == 200


def test_what_is_done_to_shared_views_is_told_as_events(signed_in):
    save(signed_in["ada"], name="Mine")
    view, _ = save(signed_in["ada"], name="Ours", shared="on")
    do(signed_in["chief"], view, "share", on="0")
    do(signed_in["ada"], view, "remove")
    told = Event.objects.filter(event__startswith="eventfeed.audit.view.").order_by("tx", "seq")
    assert [(one.event, one.related[0]["prefect.resource.name"]) for one in told] == [
        ("eventfeed.audit.view.shared", "ada"),
        ("eventfeed.audit.view.unshared", "chief"),
    ]
    assert all(one.resource["prefect.resource.name"] == "Ours" for one in told)


def test_the_views_of_those_who_are_gone_stay_when_they_are_shared(signed_in):
    for name in ("ada", "chief"):
        view, _ = save(signed_in[name], name=f"Of {name}", shared="on")
        do(signed_in[name], view, "default", on="1")
        User.objects.get(username=name).delete()
    assert names(signed_in["ben"]) == ["Of ada", "Of chief"]
    assert signed_in["ben"].get("/").status_code == 200


# Pinned, with what is new


def test_a_pinned_view_counts_what_came_since_it_was_looked_at(local, client):
    view, _ = save(client, query="event:invoice.*", pinned="on")
    assert counts(client) == {str(view.pk): {"count": 0, "more": False}}
    store(draft("invoice.paid"), draft("invoice.late"), draft("order.paid"))
    assert counts(client)[str(view.pk)] == {"count": 2, "more": False}
    client.get(f"/views/{view.pk}", headers=HOST)
    assert counts(client)[str(view.pk)]["count"] == 0
    store(draft("invoice.paid"))
    assert counts(client, looking=view.pk)[str(view.pk)]["count"] == 0


def test_the_count_is_bounded_and_keeps_to_the_range(local, client):
    view, _ = save(client, query="", since="now-1h", pinned="on")
    store(draft(occurred=datetime.now(UTC) - timedelta(hours=2)), draft())
    assert counts(client)[str(view.pk)] == {"count": 1, "more": False}
    store(*(draft(number=n) for n in range(150)))
    assert counts(client)[str(view.pk)] == {"count": 99, "more": True}


def test_what_is_counted_is_not_read_again(local, client, monkeypatch):
    view, _ = save(client, query="event:invoice.*", pinned="on")
    store(draft("invoice.paid"), draft("order.paid"))
    assert counts(client)[str(view.pk)]["count"] == 1
    read = []

    def searched(query, *, first, **asked):
        read.append(first)
        return search_log(query, first=first, **asked)

    monkeypatch.setattr("apps.feed.saved.search_log", searched)
    head = head_sync()
    store(draft("invoice.late"))
    assert counts(client)[str(view.pk)]["count"] == 2
    assert read[0].tx >= Event.objects.get(event="order.paid").tx
    assert read[0] <= head
    store(*(draft("invoice.paid", number=n) for n in range(150)))
    for _ in range(2):
        assert counts(client)[str(view.pk)] == {"count": 99, "more": True}
    assert len(read) == 2


def test_where_the_time_did_not_suffice_the_next_count_goes_on(local, client, monkeypatch):
    view, _ = save(client, query="event:invoice.*", pinned="on")
    store(draft("invoice.paid"), draft("order.paid"))
    reached = head_sync()
    store(draft("invoice.late"))

    def searched_for_a_while(query, *, first, last, **asked):
        page = search_log(query, first=first, last=reached, **asked)
        return replace(page, next=reached)

    with monkeypatch.context() as hurried:
        hurried.setattr("apps.feed.saved.search_log", searched_for_a_while)
        assert counts(client)[str(view.pk)] == {"count": 1, "more": True}
    assert counts(client)[str(view.pk)] == {"count": 2, "more": False}


def test_a_view_that_is_changed_is_counted_anew_from_where_it_was_looked_at(local, client, ask):
    view, _ = save(client, query="event:invoice.*", pinned="on")
    store(draft("invoice.paid"), draft("order.paid"), draft("order.late"))
    assert counts(client)[str(view.pk)]["count"] == 1
    ask("patch", f"/api/views/{view.pk}", {"query": "event:order.*"})
    assert counts(client)[str(view.pk)]["count"] == 2


def test_the_navigation_shows_pinned_views_of_whoever_looks(signed_in):
    view, _ = save(signed_in["ada"], shared="on", pinned="on")
    link = f'data-view="{view.pk}"'
    assert link in signed_in["ada"].get("/?q=").content.decode()
    assert link not in signed_in["ben"].get("/?q=").content.decode()
    do(signed_in["ben"], view, "pin", on="1")
    assert link in signed_in["ben"].get("/sources").content.decode()
    do(signed_in["ada"], view, "share", on="0")
    assert link not in signed_in["ben"].get("/?q=").content.decode()


def test_a_pin_in_a_log_that_has_begun_anew_begins_anew(local, client):
    view, _ = save(client, query="", pinned="on")
    Pin.objects.update(counted_to="0123456789ab.5.5")
    store(draft())
    assert counts(client)[str(view.pk)]["count"] == 0
    store(draft())
    assert counts(client)[str(view.pk)]["count"] >= 1


def test_a_view_the_language_no_longer_understands_breaks_nothing(local, client):
    view = View.objects.create(name="Old", query="evnt:x")
    do(client, view, "pin", on="1")
    assert counts(client) == {str(view.pk): None}
    assert client.get("/views", headers=HOST).status_code == 200


# The API


@pytest.fixture
def ask(client):
    def ask(method, path, body=None, **headers):
        return getattr(client, method)(
            path,
            json.dumps(body) if body is not None else None,
            content_type="application/json",
            headers=HOST | headers,
        )

    return ask


def test_the_api_names_a_field_that_a_view_does_not_have(local, ask):
    answer = ask("post", "/api/views", {"name": "Failures", "q": "outcome:failed"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (400, "parameter", "q")
    assert not View.objects.exists()
    told = ask("post", "/api/views", {"name": "Failures"}).json()
    assert ask("patch", f"/api/views/{told['id']}", {"shard": True}).status_code == 400
    assert ask("patch", f"/api/views/{told['id']}", told | {"name": "Late"}).status_code == 200


def test_the_api_makes_changes_and_deletes_a_view(local, ask):
    made = ask("post", "/api/views", {"name": "Failures", "query": "outcome:failed"})
    assert made.status_code == 201
    told = made.json()
    assert told.pop("made").endswith("Z")
    path = f"/api/views/{told['id']}"
    assert told == {
        "id": told["id"],
        "name": "Failures",
        "query": "outcome:failed",
        "since": "",
        "until": "",
        "columns": "",
        "shared": False,
        "default": False,
        "pinned": False,
        "owner": None,
        "mine": True,
        "link": f"/?q=outcome:failed&view={told['id']}",
    }
    changed = ask("patch", path, {"since": "now-1h", "pinned": True, "default": True}).json()
    assert (changed["since"], changed["pinned"], changed["default"]) == ("now-1h", True, True)
    assert ask("get", path).json() == changed
    assert ask("delete", path).status_code == 204
    assert ask("get", path).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "query": "evnt:x"}, "query"),
        ({"query": ""}, "name"),
        ({"name": "x", "since": "yester"}, "since"),
        (["x"], "body"),
    ],
)
def test_a_mistake_is_told_in_the_shape_of_the_api(local, ask, body, field):
    answer = ask("post", "/api/views", body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


@pytest.mark.parametrize("text", ["lable:x", "outcome:failed evnt:x", "(", "outcome:bad"])
def test_a_mistake_in_a_query_is_told_as_it_is_of_a_list(local, ask, text):
    of_list = ask("get", f"/api/events?{urlencode({'q': text})}").json()["error"]
    of_view = ask("post", "/api/views", {"name": "x", "query": text}).json()["error"]
    assert of_list["position"]
    assert of_view == of_list | {"field": "query"}


def test_the_default_is_told_to_its_owner_alone(ask, signed_in):
    view, _ = save(signed_in["ada"], shared="on")
    do(signed_in["ada"], view, "default", on="1")
    told = {}
    for name in ("ada", "ben"):
        [one] = signed_in[name].get("/api/views", headers=HOST).json()["views"]
        told[name] = one["default"]
    assert told == {"ada": True, "ben": False}


def test_what_is_done_by_a_button_leads_to_it_by_a_link(local, client):
    view, _ = save(client)
    answer = client.get(f"/views/{view.pk}/pin", headers=HOST)
    assert (answer.status_code, answer.url) == (302, f"/views#view-{view.pk}")
    nothing = client.get(f"/views/{view.pk}/zz", headers=HOST)
    assert nothing.status_code == 404
    assert "A view can be changed, shared" in nothing.content.decode()


def test_a_token_reads_what_is_shared_and_only_an_admins_changes_it(settings, ask, signed_in):
    view, _ = save(signed_in["ada"], shared="on")
    save(signed_in["ada"], name="Mine")
    reader = {"authorization": f"Bearer {Token.make('reader', scopes=[Scope.READ])[1]}"}
    admin = {"authorization": f"Bearer {Token.make('admin', scopes=[Scope.ADMIN])[1]}"}
    path = f"/api/views/{view.pk}"
    listed = ask("get", "/api/views", **reader).json()["views"]
    assert [one["name"] for one in listed] == ["Failures"]
    assert ask("patch", path, {"name": "x"}, **reader).status_code == 403
    assert ask("post", "/api/views", {"name": "x", "shared": True}, **reader).status_code == 403
    assert ask("post", "/api/views", {"name": "x"}, **admin).status_code == 403
    assert ask("post", "/api/views", {"name": "x", "shared": True}, **admin).status_code == 201
    assert ask("patch", path, {"pinned": True}, **admin).status_code == 403
    assert ask("patch", path, {"name": "y"}, **admin).json()["name"] == "y"


def test_a_saved_query_means_what_it_says(local, client):
    view, _ = save(client)
    assert view.asked == parse("outcome:failed")
