"""Who sends from a network that a source names needs no token."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError

from apps.accounts.access import LOCAL, Caller
from apps.accounts.models import Token
from apps.events import sources
from apps.events.away import DatabaseAway
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


def scope(address: str, *headers: tuple[bytes, bytes], local: bool = False) -> dict[str, Any]:
    return {"headers": headers, "client": (address, 1), "eventfeed.local": local}


def admitted(scope: dict[str, Any], system: str = "flyte") -> Caller:
    return async_to_sync(admit)(scope, system)


@pytest.mark.parametrize("address", ["10.2.3.4", "::1"])
def test_a_neighbour_sends_as_its_source_and_may_do_nothing_else(address):
    caller = admitted(scope(address))
    assert (caller.source, caller.scopes) == ("cluster", frozenset({"ingest"}))


@pytest.mark.parametrize("address", ["10.3.0.1", "::2", "", "nonsense"])
def test_everyone_else_is_a_stranger(address):
    with pytest.raises(Stranger):
        admitted(scope(address))


def test_without_an_address_nobody_is_a_neighbour():
    with pytest.raises(Stranger):
        admitted({"headers": (), "client": None, "eventfeed.local": False})


def test_a_token_says_more_than_a_network():
    _, secret = Token.make("orders", scopes=["ingest"])
    bearer = (b"authorization", f"Bearer {secret}".encode())
    assert admitted(scope("10.2.3.4", bearer)).source == "orders"


def test_where_nobody_needs_a_token_a_network_says_all_the_same_who_sends():
    assert admitted(scope("10.2.3.4", local=True)).source == "cluster"
    assert admitted(scope("10.3.0.1", local=True)) is LOCAL


def test_where_nobody_needs_a_token_each_network_keeps_to_its_doorway():
    assert admitted(scope("10.2.3.4", local=True), "cloudevents").source == "cluster"
    assert admitted(scope("10.2.3.4", local=True), "prefect") is LOCAL


def test_of_two_sources_of_a_network_it_is_the_one_of_the_doorway():
    Source.objects.create(name="jobs", system="flink", networks=["10.2.0.0/16"])
    forget_sources()
    assert admitted(scope("10.2.3.4"), "otel").source == "jobs"
    assert admitted(scope("10.2.3.4"), "flyte").source == "cluster"
    assert admitted(scope("10.2.3.4"), "prefect").source == "cluster"


def test_networks_known_before_stay_known_while_the_database_is_away(monkeypatch):
    with monkeypatch.context() as away:
        away.setattr(sources, "_neighbours", is_away)
        with pytest.raises(DatabaseAway):
            admitted(scope("10.2.3.4"))
    admitted(scope("10.2.3.4"))
    monkeypatch.setattr(sources, "_neighbours", is_away)
    known, _ = sources._networks
    monkeypatch.setattr(sources, "_networks", (known, 0.1))
    assert admitted(scope("10.2.3.4")).source == "cluster"


def is_away():
    raise OperationalError
