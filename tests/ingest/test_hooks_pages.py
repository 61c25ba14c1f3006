"""The pages of webhooks, without a browser: what is written comes back, and who may write."""

import re
from html import unescape

import httpx
import pytest
from django.contrib.auth.models import User

from apps.ingest.models import Hook
from tests.ingest.conftest import Eventfeed
from tests.ingest.hooking import TEMPLATE, Person

PATHS = ["/hooks", "/hooks/new", "/hooks/new?from=github", "/hooks/1"]
POSTS = ["/hooks", "/hooks/form/preview", "/hooks/1/edit", "/hooks/1/rotate", "/hooks/1/remove"]


@pytest.fixture
def person(eventfeed: Eventfeed) -> Person:
    return Person(eventfeed)


@pytest.mark.parametrize("key", ["github", "alertmanager", "static"])
def test_a_webhook_is_made_from_a_template_as_it_stands(
    eventfeed: Eventfeed, person: Person, key: str
) -> None:
    page = person.get(f"/hooks/new?from={key}")
    template = unescape(
        re.search(r'<textarea name="template"[^>]*>\n?(.*?)</textarea>', page, re.S)[1]
    )
    hook = person.makes(name=f"{key} {eventfeed.corner}", template=template, ready=key)
    assert "At the sender" in person.get(f"/hooks/{hook.id}")
    assert hook.address.rpartition("/")[2].startswith(f"{key}-test-")


def test_the_preview_is_the_event_that_the_delivery_will_be(person: Person) -> None:
    page = person.submit(
        "/hooks",
        name="Payments",
        template=TEMPLATE,
        delivery="body.id",
        headers="X-Any: 1",
        body='{"what": "paid", "note": "<b>five</b>", "id": 5}',
        preview="1",
    )
    assert page.status_code == 200
    assert "CORNER.paid" in page.text
    assert "&lt;b&gt;five&lt;/b&gt;" in page.text
    assert "The same delivery sent again changes nothing." in page.text
    assert "eventfeed.webhook.Payments" in page.text


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("github", "changes nothing"),
        ("alertmanager", "changes nothing"),
        ("pass-through", "changes nothing"),
        ("dynamic", "is a new event, also one that is sent again"),
    ],
)
def test_the_preview_says_what_a_retry_would_be(person: Person, key: str, said: str) -> None:
    assert said in person.get(f"/hooks/new?from={key}").partition('id="preview"')[2]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"template": "{{ body.missing }}"}, "There is no “missing” here"),
        ({"template": "{% for %}"}, "Expected an expression"),
        ({"template": "{"}, "The template wrote no JSON"),
        ({"template": "[]"}, "The template made no event of it"),
        ({"template": "{{ skip() }}"}, "The template skips this delivery"),
        ({"template": TEMPLATE, "delivery": "body..id"}, "Delivery id: expected name"),
        ({"template": TEMPLATE, "body": '{"what": 1'}, "There is no “what” here"),
    ],
)
def test_the_preview_says_what_is_wrong(person: Person, written: dict[str, str], said: str) -> None:
    page = person.submit("/hooks/form/preview", **{"body": '{"what": "paid"}', **written})
    assert page.status_code == 200
    assert said in unescape(page.text)
    assert "<html" not in page.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 41}, "at most 40 characters"),
        ({"template": "{\n\n{% if %}"}, "Line 3: "),
        ({"delivery": "body["}, "unexpected"),
        ({"signature": "github"}, "only be checked with a secret"),
        ({"signature": "github", "secret": "short"}, "at least 8 characters"),
        ({"signature": "hmac", "secret": "long-enough"}, "Say which header holds it."),
        ({"signature": "rot13"}, "is not one of the available choices"),
        (
            {"signature": "token", "secret": "long-enough", "signature_header": "X Sig: a"},
            "This is no name of a header",
        ),
    ],
)
def test_what_cannot_be_saved_is_said_beside_it_and_nothing_is_lost(
    person: Person, wrong: dict[str, str], said: str
) -> None:
    written = {"name": "Payments", "template": TEMPLATE, "signature": "none", "body": "<mine>"}
    page = person.submit("/hooks", **{**written, **wrong})
    assert page.status_code == 422
    assert said in unescape(page.text)
    assert "&lt;mine&gt;" in page.text


def test_no_webhook_takes_the_name_of_another_source(eventfeed: Eventfeed, person: Person) -> None:
    eventfeed.post([eventfeed.event()])
    made = person.makes(name=f"Mine {eventfeed.corner}")
    for name in ("Prefect", f"Mine {eventfeed.corner}"):
        page = person.submit("/hooks", name=name, template=TEMPLATE, signature="none")
        assert page.status_code == 422
    person.submit(f"/hooks/{made.id}/remove")
    assert person.makes(name=f"Mine {eventfeed.corner}").id != made.id


def test_a_change_holds_from_the_next_delivery_on(eventfeed: Eventfeed, person: Person) -> None:
    hook = person.makes()
    assert "Kept as a rejection" in hook.post({"other": 1}).text
    page = person.get(f"/hooks/{hook.id}")
    kept = re.search(rf"/hooks/{hook.id}\?rejection=(\d+)", page)
    assert '{"other":1}' in unescape(person.get(kept[0]))
    template = TEMPLATE.replace("CORNER", eventfeed.corner).replace("body.what", "body.other")
    changed = person.submit(
        f"/hooks/{hook.id}/edit", name=f"N{hook.id}", template=template, signature="none"
    )
    assert "Saved." in changed.text
    assert hook.post({"other": 1}).json() == {"stored": 1, "known": 0}
    assert person.sees(hook.id) == hook


def test_the_secret_is_shown_once_after_it_was_written(
    eventfeed: Eventfeed, person: Person
) -> None:
    secret = "a-secret-of-" + eventfeed.corner
    written = {
        "name": f"S {eventfeed.corner}"[:40],
        "template": TEMPLATE,
        "signature": "github",
        "secret": secret,
    }
    made = person.submit("/hooks", **written)
    assert f"<code>{secret}</code>" in made.text
    assert secret not in str(made.url)
    assert made.headers["cache-control"] == "no-store"
    assert secret not in person.get(made.url.path)
    changed = person.submit(f"{made.url.path}/edit", **{**written, "secret": ""})
    assert secret not in changed.text
    changed = person.submit(f"{made.url.path}/edit", **{**written, "secret": secret + "2"})
    assert f"<code>{secret}2</code>" in changed.text
    stored = eventfeed.query("SELECT session_data FROM django_session")
    assert not any(secret in str(row) for row in stored)


def test_a_form_without_its_token_changes_nothing(eventfeed: Eventfeed) -> None:
    answer = httpx.post(
        f"http://127.0.0.1:{eventfeed.port}/hooks", data={"name": "a", "template": "{}"}
    )
    assert answer.status_code == 403


@pytest.fixture
def nobody_is_local(settings, db):
    settings.LOCAL_MODE = False
    Hook(name="Payments", template="{}").store()


@pytest.mark.parametrize("path", PATHS)
def test_strangers_are_sent_to_sign_in(nobody_is_local, client, path):
    assert client.get(path).url.startswith("/sign-in")


@pytest.mark.parametrize("path", PATHS)
def test_who_may_only_read_sees_no_address(nobody_is_local, client, path):
    reader = User.objects.create_user("reader")
    reader.groups.add(*reader.groups.model.objects.filter(name="Viewers"))
    client.force_login(reader)
    assert client.get(path).status_code == 403


@pytest.mark.parametrize("path", POSTS)
def test_who_may_only_read_changes_nothing(nobody_is_local, client, path):
    reader = User.objects.create_user("reader")
    reader.groups.add(*reader.groups.model.objects.filter(name="Viewers"))
    client.force_login(reader)
    assert client.post(path, {"name": "a", "template": "{}"}).status_code == 403
    assert Hook.objects.get().name == "Payments"


def test_staff_may(nobody_is_local, client):
    client.force_login(User.objects.create_superuser("root"))
    assert client.get("/hooks").status_code == 200


@pytest.mark.parametrize("path", ["/hooks/999999", "/hooks/new-1234567890123456789012"])
def test_a_hook_that_is_gone_is_404(person: Person, path: str) -> None:
    assert person.client.get(path).status_code == 404
