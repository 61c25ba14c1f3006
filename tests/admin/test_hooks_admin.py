"""Webhooks in the admin."""

import pytest
from django.contrib.auth.models import User

from apps.events.models import Source
from apps.ingest.models import Hook
from eventfeed.sealed import unseal

pytestmark = pytest.mark.django_db

WRITTEN = {
    "name": "Payments",
    "enabled": "on",
    "template": '{"event": "a", "resource": {"prefect.resource.id": "b"}}',
    "delivery": "",
    "signature": "github",
    "signature_header": "",
    "secret": "twelve-letters",
}


@pytest.fixture(autouse=True)
def signed_in(client, settings):
    settings.LOCAL_MODE = True
    client.force_login(User.objects.create_superuser("root"))


def test_a_webhook_is_made_with_its_address_and_source(client):
    answer = client.post("/admin/ingest/hook/add/", WRITTEN)
    assert answer.status_code == 302
    hook = Hook.objects.get()
    assert hook.path.startswith("/hooks/payments-")
    assert hook.source == Source.objects.get(name="Payments", system="webhook")
    assert unseal(hook.sealed_secret) == "twelve-letters"


def test_its_secret_is_never_shown(client):
    client.post("/admin/ingest/hook/add/", WRITTEN)
    hook = Hook.objects.get()
    page = client.get(f"/admin/ingest/hook/{hook.pk}/change/").content.decode()
    assert hook.path in page
    assert "twelve-letters" not in page
    assert hook.sealed_secret not in page


def test_a_secret_that_is_not_written_stays(client):
    client.post("/admin/ingest/hook/add/", WRITTEN)
    hook = Hook.objects.get()
    client.post(f"/admin/ingest/hook/{hook.pk}/change/", WRITTEN | {"secret": "", "name": "Paid"})
    changed = Hook.objects.get()
    assert (changed.name, changed.source.name) == ("Paid", "Paid")
    assert (changed.slug, changed.sealed_secret) == (hook.slug, hook.sealed_secret)


def test_a_template_that_is_none_is_told_with_its_line(client):
    answer = client.post("/admin/ingest/hook/add/", WRITTEN | {"template": "{\n{% for %}"})
    assert "Line 2: " in answer.content.decode()
    assert not Hook.objects.exists()


def test_selected_ones_are_given_a_new_address(client):
    client.post("/admin/ingest/hook/add/", WRITTEN)
    hook = Hook.objects.get()
    client.post("/admin/ingest/hook/", {"action": "rotate_selected", "_selected_action": [hook.pk]})
    changed = Hook.objects.get()
    assert changed.slug != hook.slug
    assert changed.former_slug == hook.slug
