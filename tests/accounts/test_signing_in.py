"""Who comes through the door of the pages."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from apps.accounts import backends
from apps.accounts.first import first_admin

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def away_from_home(settings):
    settings.LOCAL_MODE = False
    backends.tries.failed.clear()


@pytest.fixture
def viewer():
    user = User.objects.create_user("dana", password=PASSWORD)
    viewers = Group.objects.get_or_create(name="Viewers")[0]
    viewers.permissions.add(Permission.objects.get(codename="view_event"))
    user.groups.add(viewers)
    return user


def sign_in(client, password=PASSWORD, username="dana", path="/sign-in"):
    return client.post(path, {"username": username, "password": password, "next": "/?q=a"})


@pytest.mark.parametrize(
    ("path", "sent_to"),
    [
        ("/", "/sign-in?next=/"),
        ("/?q=outcome:failed", "/sign-in?next=/%3Fq%3Doutcome%3Afailed"),
        ("/rejections", "/sign-in?next=/rejections"),
        ("/suggest?field=event&text=a", "/sign-in?next=/suggest%3Ffield%3Devent%26text%3Da"),
        ("/admin/", "/admin/login/?next=/admin/"),
    ],
)
def test_a_stranger_is_sent_to_the_sign_in_page(client, path, sent_to):
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, sent_to)


def test_local_mode_asks_nobody(client, settings):
    settings.LOCAL_MODE = True
    assert client.get("/").status_code == 200


def test_a_viewer_signs_in_and_comes_to_the_page_asked_for(client, viewer):
    assert client.get("/sign-in").status_code == 200
    assert sign_in(client)["Location"] == "/?q=a"
    assert client.get("/").status_code == 200


def test_no_address_elsewhere_is_followed_after_signing_in(client, viewer):
    answer = client.post(
        "/sign-in", {"username": "dana", "password": PASSWORD, "next": "https://evil.example/"}
    )
    assert answer["Location"] == "/"


def test_who_signs_out_is_a_stranger_again(client, viewer):
    sign_in(client)
    assert client.post("/sign-out")["Location"] == "/sign-in"
    assert client.get("/").status_code == 302


def test_a_user_who_may_not_read_is_told_so(client):
    User.objects.create_user("dana", password=PASSWORD)
    sign_in(client)
    answer = client.get("/")
    assert answer.status_code == 403
    assert "may not read" in answer.content.decode()
    assert client.post("/sign-out")["Location"] == "/sign-in"


def test_a_viewer_does_not_come_into_the_admin(client, viewer):
    sign_in(client)
    assert client.get("/admin/", follow=True).redirect_chain[0][0].startswith("/admin/login/")


@pytest.mark.parametrize("path", ["/sign-in", "/admin/login/"])
def test_after_ten_wrong_passwords_even_the_right_one_has_to_wait(
    client, viewer, path, monkeypatch, settings
):
    settings.LOCAL_MODE = True  # The admin's own page is seen only so.
    now = [1_000.0]
    monkeypatch.setattr(backends.tries, "clock", lambda: now[0])
    User.objects.filter(username="dana").update(is_staff=True)
    for _ in range(backends.MOST_TRIES):
        sign_in(client, "wrong", path=path)
    assert sign_in(client, path=path).status_code == 200
    assert sign_in(Client(REMOTE_ADDR="10.9.8.7"), path=path).status_code == 302
    now[0] += backends.WINDOW_SECONDS + 1
    assert sign_in(client, path=path).status_code == 302


def test_the_page_says_that_one_has_to_wait(client, viewer):
    for _ in range(backends.MOST_TRIES):
        answer = sign_in(client, "wrong")
    assert "Try again in five minutes" in answer.content.decode()


def test_the_tries_of_many_strangers_take_no_more_room():
    for number in range(backends.MOST_TRACKED + 10):
        backends.tries.note_failure(("10.0.0.1", str(number)))
    assert len(backends.tries.failed) == backends.MOST_TRACKED


def test_the_first_admin_is_made_once_and_can_sign_in(client):
    username, password = first_admin()
    assert first_admin() is None
    assert sign_in(client, password, username).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_no_admin_is_made_where_the_name_belongs_to_somebody():
    User.objects.create_user("admin")
    assert first_admin() is None
