"""Destinations keep their secrets."""

import pytest

from apps.automations.doing import destinations
from apps.automations.doing.destinations import BadDestination, opened, save
from apps.automations.models import Destination
from apps.events.models import Event

pytestmark = pytest.mark.django_db(transaction=True)

TOLD = {"url": "https://user:word@a.example:8443/path/token", "secret": "whsec_c2VjcmV0"}


def chat(**fields):
    return Destination(**{"name": "Chat", "kind": "webhook"} | fields)


def test_what_is_sealed_can_be_opened_and_is_not_shown(empty_log):
    kept = save(chat(), TOLD | {"headers": {"X-Key": "abc"}}, by="ada")
    assert kept.shown == "https://a.example:8443"
    assert "token" not in kept.sealed
    assert opened(kept) == destinations.Webhook(TOLD["url"], TOLD["secret"], {"X-Key": "abc"})
    (told,) = Event.objects.all()
    assert told.event == "eventfeed.audit.destination.made"
    assert "token" not in str(told.payload)
    assert told.related[0]["prefect.resource.id"] == "eventfeed.user.ada"


def test_a_change_without_an_address_keeps_the_address(empty_log):
    kept = save(chat(), TOLD)
    kept.name, kept.private = "Talk", True
    save(kept)
    again = Destination.objects.get()
    assert (again.name, again.private) == ("Talk", True)
    assert opened(again).url == TOLD["url"]
    destinations.delete(again)
    assert not Destination.objects.exists()
    assert {one.event.rpartition(".")[2] for one in Event.objects.all()} == {
        "made",
        "changed",
        "removed",
    }


@pytest.mark.parametrize(
    ("fields", "told", "field"),
    [
        ({"name": " "}, TOLD, "name"),
        ({"name": "x" * 201}, TOLD, "name"),
        ({}, None, "url"),
        ({}, {"url": ""}, "url"),
        ({}, {"url": "gopher://a"}, "url"),
        ({}, {"url": "https://"}, "url"),
        ({}, TOLD | {"headers": {"a\n": "b"}}, "headers"),
        ({}, TOLD | {"headers": {"a": "b\r\nc"}}, "headers"),
        ({}, TOLD | {"headers": {"Webhook-Id": "b"}}, "headers"),
        ({"kind": "notification"}, TOLD, "url"),
        ({"kind": "prefect"}, {"url": "127.0.0.1:4200"}, "url"),
    ],
)
def test_what_cannot_be_one_is_said_beside_its_field(fields, told, field):
    with pytest.raises(BadDestination) as bad:
        save(chat(**fields), told)
    assert bad.value.field == field
    assert bad.value.say


def test_a_name_is_of_one():
    save(chat(), TOLD)
    with pytest.raises(BadDestination, match="this name"):
        save(chat(), TOLD)


def test_of_a_notification_only_the_service_is_shown():
    kept = save(chat(kind="notification"), {"url": "slack://TokenA/TokenB/TokenC/#ops"})
    assert kept.shown == "slack://…"
