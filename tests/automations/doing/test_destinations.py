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


@pytest.mark.parametrize(
    ("url", "say"),
    [
        ("ntfy://ntfy.example/a?attach=/etc/hostname", "nothing is attached"),
        ("ntfy://ntfy.example/a?x=1;ATTACH=http://a.example/b", "nothing is attached"),
        ("slack://A/B/C/#ops?template=/tmp/a.json", "no file of this machine"),
        ("mailto://a:b@example.com?pgp=yes", "no file of this machine"),
        ("mailto://a:b@example.com?pgpprv=/root/key.asc", "no file of this machine"),
        ("json://a.example/?redirect=yes", "redirects are not followed"),
    ],
)
def test_what_apprise_would_do_and_we_do_not_is_refused_when_saved(url, say):
    with pytest.raises(BadDestination, match=say) as bad:
        save(chat(kind="notification"), {"url": url})
    assert bad.value.field == "url"


@pytest.mark.parametrize(
    "url",
    [
        "ntfys://ntfy.example/a?verify=no&redirect=no",
        "sendgrid://key:a@example.com/b@example.com?template=d-7",
        "mailto://a:b[@example.com?attach=",
    ],
)
def test_what_else_apprise_is_asked_for_is_its_own_affair(url):
    kept = save(chat(kind="notification"), {"url": url})
    assert kept.shown == f"{url.partition(':')[0]}://…"
