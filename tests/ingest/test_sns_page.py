"""The page on which a person confirms a subscription of SNS."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from apps.events.models import Event, Rejection, Source
from apps.ingest import sns

pytestmark = pytest.mark.django_db

TOPIC = "arn:aws:sns:eu-central-1:123456789012:flyte"
HOST = "https://sns.eu-central-1.amazonaws.com"


def asked(topic: str = TOPIC, *, host: str = HOST, days: int = 0) -> Rejection:
    address = f"{host}/?Action=ConfirmSubscription&TopicArn={topic}&Token=1"
    told = {"Type": "SubscriptionConfirmation", "TopicArn": topic, "SubscribeURL": address}
    body = json.dumps(told).encode()
    source, _ = Source.objects.get_or_create(name="CloudEvents", system="cloudevents")
    return Rejection.objects.create(
        source=source,
        received=timezone.now() - timedelta(days=days),
        doorway="POST /api/cloudevents",
        path="SubscribeURL",
        reason="SNS asks.",
        body=body,
        body_size=len(body),
    )


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that are called, in Amazon's place; it says yes."""
    addresses: list[str] = []
    monkeypatch.setattr(sns, "call", addresses.append)
    return addresses


@pytest.fixture(autouse=True)
def at_the_machine(settings: Any) -> None:
    """Nobody has to sign in."""
    settings.LOCAL_MODE = True


def test_a_click_confirms_and_what_asked_is_settled(client: Client, called: list[str]) -> None:
    earlier, newest, another = asked(), asked(), asked(f"{TOPIC}-2")
    assert client.get("/sns").content.decode().count("<form") == 2
    answer = client.post(f"/sns/{newest.id}")
    assert answer.status_code == 200
    assert f"The subscription to {TOPIC} is confirmed." in answer.content.decode()
    assert called == [f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=1"]
    assert [*Rejection.objects.values_list("id", flat=True)] == [another.id]
    told = Event.objects.get(event="eventfeed.audit.subscription.confirmed")
    assert told.resource["prefect.resource.name"] == "flyte"
    assert client.post(f"/sns/{earlier.id}").status_code == 404


def test_looking_calls_nobody(client: Client, called: list[str]) -> None:
    rejection = asked()
    assert TOPIC in client.get("/sns").content.decode()
    assert client.get(f"/sns/{rejection.id}").status_code == 405
    assert not called


def test_an_address_elsewhere_is_neither_shown_nor_called(
    client: Client, called: list[str]
) -> None:
    rejection = asked(host="https://169.254.169.254")
    assert TOPIC not in client.get("/sns").content.decode()
    assert client.post(f"/sns/{rejection.id}").status_code == 404
    assert not called


def test_what_amazon_refuses_is_said_and_still_waits(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sns, "call", lambda address: "SNS answered 403.")
    rejection = asked()
    answer = client.post(f"/sns/{rejection.id}")
    assert answer.status_code == 502
    assert "was not confirmed. SNS answered 403." in answer.content.decode()
    assert Rejection.objects.filter(id=rejection.id).exists()


def test_after_three_days_sns_has_to_ask_again(client: Client, called: list[str]) -> None:
    asked(days=4)
    page = client.get("/sns").content.decode()
    assert "let it ask again" in page
    assert "<form" not in page


def test_a_reader_may_look_and_not_click(client: Client, called: list[str], settings: Any) -> None:
    settings.LOCAL_MODE = False
    reader = User.objects.create_user("reader", password="x")
    reader.user_permissions.add(Permission.objects.get(codename="view_event"))
    client.force_login(reader)
    rejection = asked()
    assert "<button>Confirm" not in client.get("/sns").content.decode()
    assert client.post(f"/sns/{rejection.id}").status_code == 403
    assert not called


def test_staff_may_click(client: Client, called: list[str], settings: Any) -> None:
    settings.LOCAL_MODE = False
    client.force_login(User.objects.create_superuser("ada", password="x"))
    assert client.post(f"/sns/{asked().id}").status_code == 200
    assert len(called) == 1


def test_a_click_from_another_page_is_refused(called: list[str]) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(f"/sns/{asked().id}").status_code == 403
    assert not called


def test_whoever_may_not_click_does_not_see_the_address_either(client: Client) -> None:
    rejection = asked()
    page = client.get(f"/rejections/{rejection.id}").content.decode()
    assert "Action=ConfirmSubscription" in page
    assert "Token=*" in page
    assert "Token=1" not in page


def test_a_rejection_is_shown_by_the_rules_that_its_source_has_by_now(client: Client) -> None:
    rejection = asked()
    rejection.source.masks = {"keys": ["subscribe*"]}
    rejection.source.save()
    page = client.get(f"/rejections/{rejection.id}").content.decode()
    assert "TopicArn" in page
    assert "ConfirmSubscription" not in page
