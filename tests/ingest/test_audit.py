"""What people do with Eventfeed itself is in the feed, and says no secret."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.accounts.models import Token
from apps.events import partitions
from apps.events.models import Event, Source
from apps.events.words import REGISTRY, Kind, words
from apps.ingest import audit

PASSWORD = "correct horse"


@pytest.fixture
def told(empty_log):
    """What the log holds, as the event's name and what it is about."""
    audit.failures.told.clear()

    def read() -> list[tuple[str, str]]:
        return [
            (event.event.removeprefix("eventfeed.audit."), event.resource_id)
            for event in Event.objects.order_by("tx", "seq")
        ]

    return read


@pytest.fixture
def ada(empty_log) -> User:
    return User.objects.create_superuser("ada", password=PASSWORD)


def sign_in(client: Client, name: str, password: str) -> None:
    client.post("/sign-in", {"username": name, "password": password})


def test_signing_in_and_out_is_told(told, ada, client):
    sign_in(client, "ada", PASSWORD)
    client.post("/sign-out")
    assert told() == [
        ("user.signed-in", "eventfeed.user.ada"),
        ("user.signed-out", "eventfeed.user.ada"),
    ]


def test_a_wrong_password_is_told_without_a_name_that_nobody_has(told, ada, client):
    sign_in(client, "ada", "wrong")
    sign_in(client, "correct horse battery", "wrong")
    assert told() == [
        ("user.sign-in-failed", "eventfeed.user.ada"),
        ("user.sign-in-failed", "eventfeed.user.unknown"),
    ]
    event = Event.objects.order_by("tx", "seq")[0]
    assert (event.outcome_word, event.message) == ("failed", "From 127.0.0.1")


def test_who_guesses_passwords_does_not_fill_the_log(told, empty_log):
    for _ in range(audit.MOST_FAILURES + 5):
        audit.sign_in_failed({"username": "x"})
    assert len(told()) == audit.MOST_FAILURES


def test_tokens_are_told_of_when_made_and_revoked_without_their_secret(told, ada):
    token, secret = Token.make("orders", scopes=["ingest"], created_by=ada)
    token.revoke()
    assert told() == [
        ("token.made", "eventfeed.token.orders"),
        ("token.revoked", "eventfeed.token.orders"),
    ]
    made = Event.objects.order_by("tx", "seq")[0]
    assert made.related[0]["prefect.resource.id"] == "eventfeed.user.ada"
    assert made.message == f"{token.prefix}… may ingest"
    assert secret not in str(made.payload) + made.message


def test_using_a_token_is_nothing_to_tell(told, ada):
    token, _ = Token.make("orders", scopes=["ingest"])
    token.note_use()
    assert len(told()) == 1


def test_what_the_admin_changes_is_told(told, ada, client):
    client.force_login(ada)
    source = Source.objects.create(name="orders", system="prefect")
    page = f"/admin/events/source/{source.id}/change/"
    assert client.post(page, {"name": "orders", "system": "flyte", "keys": ""}).status_code == 302
    assert told()[-1] == ("source.changed", "eventfeed.source.orders")


def test_a_dropped_partition_is_told(told, monkeypatch):
    old = partitions.Partition(
        "event_20200101", datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
    )
    partitions._made(old)
    assert partitions.expire() == [old]
    assert told() == [("partition.dropped", "eventfeed.partition.event_20200101")]


def test_an_action_stays_done_when_it_cannot_be_told(ada, client, monkeypatch, caplog):
    monkeypatch.setattr("apps.events.audit.record", lambda *_, **__: 1 / 0)
    sign_in(client, "ada", PASSWORD)
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert "could not be told as an event" in caplog.text


@pytest.mark.parametrize("event", audit.WORDS)
def test_every_audit_event_has_words_an_icon_and_an_owner(event):
    said = words(event)
    assert said.text != said.text.lower()
    assert said.owner == "eventfeed"
    kind = REGISTRY.kinds[f"eventfeed.{said.kind}"]
    assert isinstance(kind, Kind)
    assert said.icon == kind.icon
