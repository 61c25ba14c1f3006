"""Who may send to an Eventfeed that others can reach."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.crash.up import CHECKOUT, Up
from tests.ingest.conftest import Eventfeed

PREFECT = [Subprotocol("prefect")]


@pytest.fixture(scope="module")
def environment(running: Up) -> dict[str, str]:
    variables = {"EVENTFEED_DATA": str(running.data), "PYTHONUNBUFFERED": "1"}
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return {**inherited, **variables, "DJANGO_SETTINGS_MODULE": "eventfeed.settings"}


@pytest.fixture(scope="module")
def guarded(running: Up, environment: dict[str, str]) -> Iterator[Eventfeed]:
    """A second web server on the same data, on all addresses: it asks for tokens."""
    command = [sys.executable, "manage.py", "web", "--host", "0.0.0.0", "--port", "0"]
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True
    ) as web:
        assert web.stdout is not None
        address = web.stdout.readline().split()[-1]
        yield Eventfeed(int(address.rpartition(":")[2]), running.dsn)
        web.terminate()


@pytest.fixture(scope="module")
def secrets(environment: dict[str, str]) -> dict[str, str]:
    """A token for each scope; the one that may send is filed under the source "orders"."""
    return {scope: make_token(scope, environment) for scope in ("ingest", "read")}


def make_token(scope: str, environment: dict[str, str]) -> str:
    command = ["token", "create", f"may-{scope}", "--scope", scope, "--source", "orders"]
    return subprocess.check_output(
        [sys.executable, "manage.py", *command], cwd=CHECKOUT, env=environment, text=True
    ).strip()


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize("shape", ["Bearer {}", "basic"])
def test_a_post_with_a_token_is_filed_under_its_source(
    guarded: Eventfeed, secrets: dict[str, str], shape: str
) -> None:
    secret = secrets["ingest"]
    authorization = basic(f"anything:{secret}") if shape == "basic" else shape.format(secret)
    event = guarded.event()
    assert guarded.post([event], authorization=authorization).status_code == 204
    assert source_of(guarded, event["id"]) == "orders"


@pytest.mark.parametrize("authorization", ["", "Bearer ef_wrong", basic("admin:pass")])
def test_a_post_of_a_stranger_is_401(guarded: Eventfeed, authorization: str) -> None:
    answer = guarded.post([guarded.event()], authorization=authorization)
    assert (answer.status_code, answer.json()) == (401, {"exception_message": "Unauthorized"})
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_without_the_scope_is_403(guarded: Eventfeed, secrets: dict[str, str]) -> None:
    answer = guarded.post([guarded.event()], authorization=f"Bearer {secrets['read']}")
    assert answer.status_code == 403


def test_the_handshake_takes_the_token_as_the_sdk_sends_it(
    guarded: Eventfeed, secrets: dict[str, str]
) -> None:
    event = guarded.event()
    with connect(guarded.socket_url, subprotocols=PREFECT) as connection:
        connection.send(json.dumps({"type": "auth", "token": f"orders:{secrets['ingest']}"}))
        assert json.loads(connection.recv()) == {"type": "auth_success"}
        connection.send(json.dumps(event))
    assert source_of(guarded, event["id"]) == "orders"


@pytest.mark.parametrize("token", [None, "wrong", "orders:ef_wrong", "read"])
def test_a_stranger_in_the_handshake_is_closed_with_1008(
    guarded: Eventfeed, secrets: dict[str, str], token: str | None
) -> None:
    said = secrets["read"] if token == "read" else token
    with connect(guarded.socket_url, subprotocols=PREFECT) as connection:
        connection.send(json.dumps({"type": "auth", "token": said}))
        with pytest.raises(ConnectionClosed):
            connection.recv()
    assert connection.close_code == 1008


def test_without_a_handshake_a_header_must_say_who_it_is(
    guarded: Eventfeed, secrets: dict[str, str]
) -> None:
    with pytest.raises(InvalidStatus), connect(guarded.socket_url):
        pass
    event = guarded.event()
    headers = {"Authorization": f"Bearer {secrets['ingest']}"}
    with connect(guarded.socket_url, additional_headers=headers) as connection:
        connection.send(json.dumps(event))
    assert source_of(guarded, event["id"]) == "orders"


def source_of(eventfeed: Eventfeed, event_id: str) -> str:
    [(source,)] = eventfeed.query(
        "SELECT source.name FROM event JOIN source ON source.id = source_id WHERE event.id = %s",
        event_id,
    )
    return str(source)


def post_cloudevent(guarded: Eventfeed, query: str = "", **headers: str) -> httpx.Response:
    told = {"ce-specversion": "1.0", "ce-type": "t", "ce-source": "/s", "ce-id": guarded.corner}
    address = f"http://127.0.0.1:{guarded.port}/api/cloudevents{query}"
    return httpx.post(address, headers={**told, **headers})


def test_a_token_in_the_address_counts_beside_an_authorization_of_others(
    guarded: Eventfeed, secrets: dict[str, str]
) -> None:
    # As Pub/Sub sends: Google's own Authorization is beside what we have asked for.
    google = {"authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"}
    answer = post_cloudevent(guarded, f"?access_token={secrets['ingest']}", **google)
    assert (answer.status_code, answer.headers["cache-control"]) == (204, "private")
    assert post_cloudevent(guarded, "?access_token=ef_wrong", **google).status_code == 401


def test_who_asks_whether_it_may_send_needs_no_token(guarded: Eventfeed) -> None:
    address = f"http://127.0.0.1:{guarded.port}/api/cloudevents"
    answer = httpx.options(address, headers={"WebHook-Request-Origin": "a.test"})
    assert answer.headers["webhook-allowed-origin"] == "a.test"
    assert post_cloudevent(guarded).status_code == 401
