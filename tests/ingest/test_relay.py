"""What a real Prefect server has stored is taken over, once each."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection

from apps.events.counters import gauges
from apps.events.log import state_sync
from apps.events.models import Event
from apps.ingest.models import Relay
from apps.ingest.relay import keeping
from apps.ingest.relay.destinations import transport
from apps.ingest.relay.keeping import keep_relays, relay_for, run_relay
from apps.ingest.relay.prefect_server import PrefectServer, ServerRefuses, Window
from apps.ingest.relay.relaying import many, spans
from eventfeed.sealed import unseal
from tests.ports import free_port
from tests.prefect_server import Server
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("prefect"))
    server.start()
    yield server
    server.end()


@pytest.fixture
def corner() -> str:
    return f"test-{uuid4().hex[:12]}"


def event(corner: str, occurred: datetime = NOW) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "occurred": occurred.isoformat(),
        "event": f"{corner}.happened",
        "resource": {"prefect.resource.id": f"{corner}.thing"},
        "payload": {"amount": 12.5},
    }


def relay(url: str) -> str:
    out = StringIO()
    call_command("relay", "prefect", "--from", url, "--once", stdout=out)
    return out.getvalue()


def stored(corner: str) -> list[str]:
    found = Event.objects.filter(resource_id=f"{corner}.thing").order_by("tx", "seq")
    return [str(one.id) for one in found]


def test_all_that_the_server_keeps_is_taken_over_once(prefect: Server, corner: str):
    spread = [event(corner, NOW - timedelta(hours=n / 9)) for n in range(40)]
    crowded = [event(corner, NOW - timedelta(minutes=3)) for _ in range(120)]
    prefect.tell(*spread, *crowded)
    relay(prefect.api)
    told = {one["id"] for one in spread + crowded}
    assert sorted(stored(corner)) == sorted(told)
    relay(prefect.api)
    assert sorted(stored(corner)) == sorted(told)
    kept = Relay.objects.get()
    assert kept.own_count == kept.server_count >= len(told)
    assert Event.objects.filter(resource_id=f"{corner}.thing")[0].source == kept.source


def test_a_running_relay_shows_a_new_event_within_seconds(
    prefect: Server, corner: str, running: Callable[[str], None]
):
    running(prefect.api)
    fresh = event(corner, datetime.now(UTC))
    prefect.tell(fresh)
    wait_until(lambda: stored(corner) == [fresh["id"]], what="the event is taken over")


def test_what_came_late_into_an_old_hour_is_found_by_its_count(prefect: Server, corner: str):
    prefect.tell(event(corner, NOW - timedelta(hours=30)))
    relay(prefect.api)
    late = event(corner, NOW - timedelta(hours=30))
    prefect.tell(late)
    relay(prefect.api)
    assert late["id"] in stored(corner)


def test_a_relay_goes_on_after_its_server_was_away(
    tmp_path: Path, corner: str, running: Callable[[str], None]
):
    server = Server(tmp_path)
    server.start()
    running(server.api)
    server.end()
    wait_until(lambda: Relay.objects.get().error != "", what="the relay says that it waits")
    server.start()
    back = event(corner, datetime.now(UTC))
    server.tell(back)
    wait_until(lambda: stored(corner) == [back["id"]], what="the event is taken over", within=90)
    wait_until(lambda: Relay.objects.get().error == "", what="the relay says that it works")
    server.end()


@pytest.fixture
def worker(settings) -> Iterator[None]:
    """The part of a worker that keeps relays, allowed to call this machine."""
    settings.EVENTFEED_ALLOWED_DESTINATIONS = ["127.0.0.1"]
    stop = threading.Event()
    thread = threading.Thread(target=keep_relays, args=[stop])
    thread.start()
    yield
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


def test_the_worker_runs_a_relay_that_is_switched_on_and_ends_one_switched_off(
    prefect: Server, corner: str, worker: None
):
    prefect.tell(event(corner))
    relay_for(prefect.api)
    Relay.objects.update(enabled=True)
    wait_until(lambda: len(stored(corner)) == 1, what="the worker has taken it over")
    Relay.objects.update(enabled=False)
    wait_until(lambda: is_free(prefect.api), what="nobody holds the relay")


def test_the_worker_says_of_a_private_address_that_it_may_not_go_there(
    prefect: Server, worker: None, settings
):
    settings.EVENTFEED_ALLOWED_DESTINATIONS = []
    relay_for(prefect.api)
    Relay.objects.update(enabled=True)
    wait_until(
        lambda: "EVENTFEED_ALLOWED_DESTINATIONS" in Relay.objects.get().error,
        what="the relay says what is in its way",
    )


def test_who_looks_after_relays_lives_through_anything(monkeypatch, caplog):
    stop, looked = threading.Event(), threading.Event()

    def fail() -> None:
        if len(caplog.records) > 1:
            looked.set()
        raise RuntimeError("what nobody has thought of")

    monkeypatch.setattr(keeping, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(keeping, "_switched_on", fail)
    thread = threading.Thread(target=keeping.keep_relays, args=[stop])
    thread.start()
    assert looked.wait(10)
    assert gauges["relays_unkept"]() > 0
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def is_free(url: str) -> bool:
    try:
        relay(url)
    except CommandError:
        return False
    return True


def test_a_relay_is_run_by_one_process_at_a_time(prefect: Server, running: Callable[[str], None]):
    running(prefect.api)
    with pytest.raises(CommandError, match="another process"):
        relay(prefect.api)


def test_a_server_that_cannot_be_reached_is_said():
    with pytest.raises(CommandError, match="does not answer"):
        relay(f"http://127.0.0.1:{free_port()}/api")


def test_a_relay_takes_from_another_eventfeed_and_nothing_from_itself(settings, empty_log):
    settings.LOCAL_MODE = True
    here = "http://localhost:8670/api"
    to_us = httpx.WSGITransport(app=get_wsgi_application())
    assert PrefectServer(here, transport=to_us, ours="another").first() is None
    with pytest.raises(ServerRefuses, match="is this Eventfeed itself"):
        PrefectServer(here, transport=to_us, ours=state_sync().id).first()


def test_an_address_without_prefect_behind_it_is_said(prefect: Server):
    with pytest.raises(CommandError, match="is not the API"):
        relay(prefect.api.removesuffix("/api") + "/elsewhere")


def test_a_private_address_is_not_called_unless_it_is_allowed(prefect: Server):
    window = Window(NOW, NOW)
    closed = PrefectServer(prefect.api, transport=transport(allowed=[]))
    with pytest.raises(Exception, match="EVENTFEED_ALLOWED_DESTINATIONS"):
        closed.page(window)
    allowed = PrefectServer(prefect.api, transport=transport(allowed=["127.0.0.1"]))
    assert allowed.page(window).total >= 0


def test_one_hour_is_said_as_one():
    assert [many(count, "hour") for count in (0, 1, 2_000)] == ["0 hours", "1 hour", "2,000 hours"]


def test_a_long_time_is_counted_in_spans_that_the_server_allows():
    oldest = NOW - timedelta(days=120)
    found = list(spans(oldest, NOW))
    assert found[0].since <= oldest
    assert found[-1].until == NOW
    assert all(one.until - one.since < timedelta(hours=1_000) for one in found)
    for one, following in pairwise(found):
        assert following.since - one.until == timedelta(microseconds=1)


@pytest.fixture
def running() -> Iterator[Callable[[str], None]]:
    """Run a relay beside the test until it ends."""
    stop = threading.Event()
    threads = []

    def run(url: str) -> None:
        relay = relay_for(url)

        def work() -> None:
            try:
                run_relay(relay, stop, anywhere=True)
            finally:
                connection.close()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        wait_until(
            lambda: Relay.objects.get().compared is not None, what="the relay has begun", within=60
        )

    yield run
    stop.set()
    for thread in threads:
        thread.join(60)


def test_a_relay_is_started_stopped_and_forgotten_on_its_page(client, settings):
    settings.LOCAL_MODE = True
    url = "http://prefect.acme.example:4200/api"
    assert client.post("/sources/relays", {"url": url, "auth": "me:secret"}).status_code == 302
    kept = Relay.objects.get()
    assert (kept.url, kept.enabled, kept.anywhere) == (url, True, True)
    assert unseal(kept.sealed) == "me:secret"
    page = client.get("/sources/relays").text
    assert url in page
    assert "secret" not in page
    client.post(f"/sources/relays/{kept.id}/switch", {"off": ""})
    assert not Relay.objects.get().enabled
    client.post(f"/sources/relays/{kept.id}/remove")
    assert not Relay.objects.exists()


def test_what_a_command_began_goes_on_from_the_page_wherever_its_server_is(
    client, settings, prefect: Server, worker: None
):
    settings.LOCAL_MODE, settings.EVENTFEED_ALLOWED_DESTINATIONS = True, []
    relay(prefect.api)
    kept = Relay.objects.get()
    client.post(f"/sources/relays/{kept.id}/switch", {"on": ""})
    before = kept.compared
    wait_until(lambda: Relay.objects.get().compared > before, what="the worker has compared")
    assert Relay.objects.get().error == ""


def test_in_local_mode_a_relay_that_is_switched_on_may_go_anywhere(client, settings):
    url = "http://prefect.acme.example:4200/api"
    kept = relay_for(url)
    for local in (False, True):
        settings.LOCAL_MODE = local
        client.post(f"/sources/relays/{kept.id}/switch", {"on": ""})
        kept.refresh_from_db()
        assert (kept.enabled, kept.anywhere) == (local, local)


def test_what_becomes_of_a_relay_is_told(client, settings, empty_log):
    settings.LOCAL_MODE = True
    with suppress(CommandError):
        relay(f"http://127.0.0.1:{free_port()}/api")
    id = Relay.objects.get().id
    client.post(f"/sources/relays/{id}/switch", {"on": ""})
    client.post(f"/sources/relays/{id}/switch", {"off": ""})
    client.post(f"/sources/relays/{id}/remove")
    told = Event.objects.order_by("tx", "seq").values_list("event", "message")
    assert [(event.removeprefix("eventfeed.audit."), message) for event, message in told] == [
        ("relay.added", None),
        ("relay.changed", "Switched on"),
        ("relay.changed", "Switched off"),
        ("relay.removed", None),
    ]


def test_what_is_no_address_is_said_beside_it(client, settings):
    settings.LOCAL_MODE = True
    answer = client.post("/sources/relays", {"url": "ftp://acme.example"})
    assert answer.status_code == 400
    assert "begins with http" in answer.text
    assert not Relay.objects.exists()


def test_only_who_may_write_starts_a_relay(client, settings):
    settings.LOCAL_MODE = False
    answer = client.post("/sources/relays", {"url": "http://prefect.acme.example:4200/api"})
    assert answer.status_code in (302, 403)
    assert not Relay.objects.exists()
