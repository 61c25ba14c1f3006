"""Who sends from a network that a source names needs no token."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync

from apps.accounts.models import Token
from apps.events.models import Source
from apps.events.sources import forget_sources
from apps.ingest.doors.admission import Stranger, admit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def cluster():
    forget_sources()
    Source.objects.create(name="silent", system="flyte")
    yield Source.objects.create(name="cluster", system="flyte", networks=["10.2.0.0/16", "::1"])
    forget_sources()


def scope(address: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"headers": headers, "client": (address, 1), "eventfeed.local": False}


@pytest.mark.parametrize("address", ["10.2.3.4", "::1"])
def test_a_neighbour_sends_as_its_source_and_may_do_nothing_else(address):
    caller = async_to_sync(admit)(scope(address))
    assert (caller.source, caller.scopes) == ("cluster", frozenset({"ingest"}))


@pytest.mark.parametrize("address", ["10.3.0.1", "::2", "", "nonsense"])
def test_everyone_else_is_a_stranger(address):
    with pytest.raises(Stranger):
        async_to_sync(admit)(scope(address))


def test_without_an_address_nobody_is_a_neighbour():
    with pytest.raises(Stranger):
        async_to_sync(admit)({"headers": (), "client": None, "eventfeed.local": False})


def test_a_token_says_more_than_a_network():
    _, secret = Token.make("orders", scopes=["ingest"])
    bearer = (b"authorization", f"Bearer {secret}".encode())
    assert async_to_sync(admit)(scope("10.2.3.4", bearer)).source == "orders"
