import json
from collections.abc import AsyncIterator

import httpx
import pytest
from channels.testing import WebsocketCommunicator
from django.test import Client
from pytest_django.fixtures import Settings

from eventfeed.asgi import application


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    settings.LOCAL_MODE = True
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize("path", ["/healthz", "/healthz/"])
async def test_the_process_says_that_it_lives(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.json()["alive"] is True


@pytest.mark.django_db(transaction=True)
async def test_it_is_ready_when_database_and_followers_are(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    report = answer.json()
    assert report["ready"] is True
    assert report["followers"]["registry"]["events_behind"] == 0
    assert report["server"].startswith("another")  # httpx's own stands in for ours here


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/logs", "POST"),
        ("GET", "/api/v1/lineage/", "POST"),
        ("PUT", "/api/cloudevents", "POST, OPTIONS"),
        ("PUT", "/hooks/shop-AAAAAAAAAAAAAAAAAAAAAA", "POST, GET, HEAD, OPTIONS"),
        ("DELETE", "/api/events", "POST, GET, HEAD, OPTIONS"),
    ],
)
async def test_a_doorway_says_by_which_methods_it_takes_what(
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    allowed: str,
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert "AAAA" not in caplog.text


@pytest.mark.parametrize("path", ["/ws/nothing", "/"])
async def test_a_socket_to_nowhere_is_refused(settings: Settings, path: str) -> None:
    settings.LOCAL_MODE = True
    headers = [(b"host", b"localhost")]
    connected, _ = await WebsocketCommunicator(application, path, headers=headers).connect()
    assert not connected


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/"])
def test_a_page_is_at_its_path_with_and_without_a_slash(client: Client, path: str) -> None:
    assert Client().get(path).status_code == 200


def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing_inline() -> None:
    policy = Client().get("/sign-in")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_admin_may_run_what_its_theme_needs() -> None:
    policy = Client().get("/admin/login/")["Content-Security-Policy"]
    assert "'unsafe-eval'" in policy
    assert json.dumps(policy).count("default-src 'self'") == 1


async def test_another_server_is_told_what_it_does_not_do(caplog: pytest.LogCaptureFixture) -> None:
    incoming = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive() -> dict[str, str]:
        return next(incoming)

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    await application({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert "before events are stored" in caplog.text
