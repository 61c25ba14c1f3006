from typing import Any

import pytest
from pytest_django.fixtures import Settings

from eventfeed.local_guard import LocalGuard, trespass


def asked(method: str = "POST", **headers: str) -> dict[str, Any]:
    named = {"host": "127.0.0.1:8200", **headers}
    return {
        "type": "http" if method != "SOCKET" else "websocket",
        "method": method,
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }


@pytest.mark.parametrize(
    "scope",
    [
        asked(),
        asked(host="localhost:8200"),
        asked(host="[::1]:8200"),
        asked(host="LOCALHOST"),
        asked(origin="http://127.0.0.1:8200"),
        asked("SOCKET", origin="http://127.0.0.1:8200"),
        asked("GET", origin="https://elsewhere.example"),
        asked(host="localhost:9000", origin="http://localhost:9000"),
    ],
    ids=[
        "a program",
        "by name",
        "IPv6",
        "in capitals",
        "a page of ours",
        "a socket of ours",
        "a foreign page that only looks",
        "through a tunnel",
    ],
)
def test_who_may_come_in_locally(scope: dict[str, Any], settings: Settings) -> None:
    settings.LOCAL_MODE = True
    assert trespass(scope) is None


@pytest.mark.parametrize(
    "scope",
    [
        asked(host="rebound.example:8200"),
        asked(host=""),
        asked("GET", host="rebound.example"),
        asked(origin="https://elsewhere.example"),
        asked(origin="null"),
        asked(origin="http://127.0.0.1:9999"),
        asked("SOCKET", origin="https://elsewhere.example"),
        asked(host="localhost.evil.example", origin="http://localhost.evil.example"),
    ],
    ids=[
        "a foreign name that points here",
        "no name",
        "looking by a foreign name",
        "a foreign page",
        "a page of no place",
        "a page of another port",
        "a socket of a foreign page",
        "a name that begins like ours",
    ],
)
def test_who_may_not(scope: dict[str, Any], settings: Settings) -> None:
    settings.LOCAL_MODE = True
    assert trespass(scope) is not None


def test_a_name_can_be_allowed(settings: Settings) -> None:
    settings.LOCAL_MODE = True
    settings.ALLOWED_HOSTS = ["feed.example"]
    assert trespass(asked(host="feed.example")) is None


async def test_a_trespasser_is_told_why(settings: Settings) -> None:
    settings.LOCAL_MODE = True
    sent = await answer_of(asked(host="rebound.example"))
    assert sent[0]["status"] == 403
    assert b"EVENTFEED_ALLOWED_HOSTS" in sent[1]["body"]


async def test_a_trespassing_socket_is_closed(settings: Settings) -> None:
    settings.LOCAL_MODE = True
    sent = await answer_of(asked("SOCKET", origin="null"))
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_where_people_sign_in_posts_are_left_to_django(settings: Settings) -> None:
    settings.LOCAL_MODE = False
    assert await answer_of(asked(origin="null")) == [{"local": False}]


async def test_a_socket_from_another_page_is_closed_where_people_sign_in_too(
    settings: Settings,
) -> None:
    settings.LOCAL_MODE = False
    sent = await answer_of(asked("SOCKET", origin="https://elsewhere.example"))
    assert [message["type"] for message in sent] == ["websocket.close"]


async def answer_of(scope: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"local": scope["eventfeed.local"]})

    await LocalGuard(inner)(scope, None, send)
    return sent
