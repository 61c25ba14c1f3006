"""The filters of the feed page are told what the feed holds."""

import pytest
from django.db import connection
from django.utils import timezone

from apps.events.models import Event
from apps.resources.registry import Registry

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(client, settings):
    settings.LOCAL_MODE = True
    labels = {"prefect.resource.id": "prefect.flow-run.1", "prefect.resource.name": "big-cat"}
    event = Event(
        event="prefect.flow-run.Failed",
        received=timezone.now(),
        resource=labels,
        related=[],
        tx=1,
        seq=1,
    )
    with connection.cursor() as cursor:
        Registry().handle([event], cursor)

    def ask(**asked):
        return client.get("/suggest", asked, headers={"host": "127.0.0.1"})

    return ask


def test_events_are_suggested_by_name_and_beginning(ask):
    found = ask(field="event", text="flow-run").json()["suggestions"]
    assert [one["value"] for one in found] == ["prefect.flow-run.*", "prefect.flow-run.Failed"]
    assert found[1]["text"] == "Flow run failed"


def test_resources_are_suggested_with_name_and_kind(ask):
    [found] = ask(field="resource", text="cat").json()["suggestions"]
    assert found["value"] == "prefect.flow-run.1"
    assert (found["text"], found["kind"]) == ("big-cat", "flow run")


def test_another_field_is_a_mistake(ask):
    answer = ask(field="colour")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "field")


def test_a_stranger_is_sent_to_sign_in(client, settings):
    settings.LOCAL_MODE = False
    answer = client.get("/suggest", {"field": "event"})
    assert answer.status_code == 302
