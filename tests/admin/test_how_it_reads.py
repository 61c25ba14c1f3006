"""What the admin's pages say: times with their zone, names as they are, empty lists in words."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from apps.events.models import Rejection, Source
from apps.ingest.models import Relay
from eventfeed.sealed import seal

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, settings):
    settings.LOCAL_MODE = True
    client.force_login(User.objects.create_superuser("root"))


@pytest.fixture
def source():
    return Source.objects.create(name="billing", system="prefect")


@pytest.fixture
def read(client):
    def get(path):
        answer = client.get(f"/admin/{path}", follow=True)
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    return get


def test_times_have_one_form_and_their_zone(read, source):
    told = {"doorway": "POST /", "reason": "no", "body": b"{}", "body_size": 2}
    rejection = Rejection.objects.create(source=source, **told)
    at = f"{rejection.received:%Y-%m-%d %H:%M:%S} UTC"
    assert at in read("events/rejection/")
    assert at in read(f"events/rejection/{rejection.pk}/change/")
    assert f"{source.created:%Y-%m-%d %H:%M:%S} UTC" in read("events/source/")


def test_a_title_keeps_a_name_as_it_is(read, source):
    page = read(f"events/source/{source.pk}/change/")
    assert "> billing <" in page
    assert "Billing" not in page


@pytest.mark.parametrize(
    ("list_of", "say"),
    [
        ("events/rejection/", "There are no rejections yet."),
        ("events/rejection/?q=nothing-like-it", "Nothing matches."),
        ("events/event/?q=outcom:failed", "This could not be searched for"),
        ("events/event/?q=event:acme.nothing", "Nothing matches."),
        ("accounts/token/", "There are no tokens yet."),
    ],
)
def test_an_empty_list_says_what_holds(read, list_of, say):
    page = read(list_of)
    assert say in page
    assert "Create a new item" not in page


@pytest.mark.parametrize("path", ["events/source/add/", "ingest/hook/add/", "accounts/token/add/"])
def test_a_name_is_one_line(read, path):
    page = read(path)
    assert '<input type="text" name="name"' in page
    assert '<textarea name="name"' not in page


@pytest.fixture
def relay(source):
    url, now = "http://127.0.0.1:4200/api", timezone.now()
    kept = seal("user:password")
    return Relay.objects.create(url=url, source=source, sealed=kept, last_stored=now, error="gone")


def test_a_relay_is_shown_without_its_secret(read, relay):
    assert relay.url in read("ingest/relay/")
    page = read(f"ingest/relay/{relay.pk}/change/")
    assert relay.url in page
    assert relay.sealed not in page
    assert "user:password" not in page


def test_a_relay_is_switched_and_nothing_else(client, relay):
    changed = {"enabled": "on", "url": "http://elsewhere/api", "sealed": "x", "own_count": 7}
    client.post(f"/admin/ingest/relay/{relay.pk}/change/", changed)
    now = Relay.objects.get()
    assert (now.enabled, now.error) == (True, "")
    assert (now.url, now.sealed, now.own_count) == (relay.url, relay.sealed, 0)
    assert client.get("/admin/ingest/relay/add/").status_code == 403
    assert client.post(f"/admin/ingest/relay/{relay.pk}/delete/", {"post": 1}).status_code == 403
