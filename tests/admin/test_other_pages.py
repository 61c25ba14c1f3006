"""Every other page of the admin opens, and rejections show what arrived."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.events.models import Rejection, Source

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, settings):
    settings.LOCAL_MODE = True
    client.force_login(User.objects.create_superuser("root"))


@pytest.fixture
def rejection():
    return Rejection.objects.create(
        source=Source.objects.create(name="billing", system="prefect"),
        doorway="POST /api/events",
        index=3,
        path="resource",
        reason="The field resource is required.",
        body=b'{"event": "<b>\xff"}',
        body_size=200_000,
    )


@pytest.mark.parametrize(
    "path",
    ["", "events/source/", "events/source/add/", "events/rejection/", "auth/user/",
     "auth/user/add/", "auth/group/", "auth/group/add/", "accounts/token/add/", "password_change/"],
)  # fmt: skip
def test_the_page_opens(client, rejection, path):
    assert client.get(f"/admin/{path}").status_code == 200


def test_a_rejection_shows_what_arrived_as_text(client, rejection):
    page = client.get(f"/admin/events/rejection/{rejection.pk}/change/").content.decode()
    assert "{&quot;event&quot;: &quot;&lt;b&gt;\\xff&quot;}" in page
    assert f"{200_000 - len(rejection.body):,} bytes more were not kept" in page


def test_the_list_of_rejections_leaves_the_bodies_where_they_are(client, rejection):
    with CaptureQueriesContext(connection) as captured:
        client.get("/admin/events/rejection/?q=required")
    assert not [q for q in captured if '"rejection"."body",' in q["sql"]]


def test_a_source_is_not_deleted(client, rejection):
    source = rejection.source
    assert client.post(f"/admin/events/source/{source.pk}/delete/", {"post": 1}).status_code == 403
