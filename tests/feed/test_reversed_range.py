"""A range that ends before it begins is refused wherever one is asked for, never answered empty."""

from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from apps.feed.moments import BadMoment
from apps.feed.subscription import Sub

REVERSED = {"since": "2026-11-21T12:00:00Z", "until": "2026-11-21T11:00:00Z"}
SAID = "The range ends (2026-11-21T11:00:00) before it begins (2026-11-21T12:00:00)."
API = [f"/api/events{of}" for of in ("", "/count", "/histogram", "/facets", "/export")]


@pytest.fixture
def ask(client, settings, db):
    settings.LOCAL_MODE = True
    return lambda path, **asked: client.get(path, asked, headers={"host": "127.0.0.1"})


@pytest.mark.parametrize("path", ["/", "/counted", "/histogram", "/facets", "/export"])
def test_a_page_says_so(ask, path):
    answer = ask(path, **REVERSED)
    assert answer.status_code == 400
    assert SAID in answer.content.decode()


@pytest.mark.parametrize("path", API)
def test_the_api_says_so(ask, path):
    answer = ask(path, **REVERSED)
    assert answer.status_code == 400
    assert (answer.json()["error"]["field"], answer.json()["error"]["message"]) == ("until", SAID)


@pytest.mark.parametrize("command", ["count", "export"])
def test_a_command_says_so(db, command):
    ends = [f"--{name}={moment}" for name, moment in REVERSED.items()]
    with pytest.raises(CommandError, match="before it begins"):
        call_command(command, *ends)


def test_the_live_feed_says_so():
    with pytest.raises(BadMoment, match="before it begins"):
        Sub(since=REVERSED["since"], until=REVERSED["until"]).read(datetime.now(UTC))


def test_a_moment_is_a_range(ask):
    moment = REVERSED["since"]
    assert ask("/api/events", since=moment, until=moment).status_code == 200
