import os
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from eventfeed import database
from eventfeed.database import dsn, reach
from eventfeed.startup import CannotStart

SETTINGS = "DJANGO_SETTINGS_MODULE"


@pytest.mark.django_db
def test_django_and_raw_connections_reach_the_same_database() -> None:
    with psycopg.connect(dsn()) as raw, connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert raw.execute("SELECT current_database()").fetchone() == cursor.fetchone()


@pytest.mark.django_db
def test_what_the_address_says_besides_holds_for_raw_connections_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = settings.DATABASES["default"]
    monkeypatch.setitem(ours, "OPTIONS", {**ours["OPTIONS"], "sslmode": "require"})
    assert conninfo_to_dict(dsn())["sslmode"] == "require"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("other", "said"),
    [
        pytest.param(
            {"HOST": "127.0.0.1", "PORT": "1"},
            "127.0.0.1, port 1, database feed: Connection refused. Check",
            id="refused",
        ),
        pytest.param(
            {"HOST": "nosuch.invalid", "PORT": ""},
            "nosuch.invalid, port 5432, database feed: failed to resolve host 'nosuch.invalid'",
            id="unknown host",
        ),
        pytest.param(
            {"HOST": "/nosuch", "PORT": ""},
            "/nosuch, port 5432, database feed: No such file or directory. Check",
            id="no socket",
        ),
        pytest.param({}, 'database feed: database "feed" does not exist. Check', id="no database"),
    ],
)
def test_a_database_that_cannot_be_reached_is_said(
    monkeypatch: pytest.MonkeyPatch, other: dict[str, str], said: str
) -> None:
    dsn()  # starts the embedded one
    ours = {**settings.DATABASES["default"], "NAME": "feed", "PASSWORD": "secret", **other}
    monkeypatch.setattr(settings, "EMBEDDED", False)
    monkeypatch.setitem(settings.DATABASES, "default", ours)
    with pytest.raises(CannotStart) as trouble:
        reach()
    assert said in str(trouble.value)
    assert "secret" not in str(trouble.value)
    assert len(str(trouble.value).splitlines()) == 1


def test_a_database_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        ours = {**settings.DATABASES["default"], "HOST": "127.0.0.1", "PORT": port}
        monkeypatch.setattr(settings, "EMBEDDED", False)
        monkeypatch.setattr(database, "REACH_SECONDS", 2)
        monkeypatch.setitem(settings.DATABASES, "default", ours)
        with pytest.raises(CannotStart, match="connection timeout expired"):
            reach()


@pytest.mark.parametrize(
    ("psycopg_says", "reason"),
    [
        (
            'connection failed: connection to server at "10.0.0.7", port 5432 failed: FATAL:  '
            'password authentication failed for user "u"\n'
            'connection to server at "10.0.0.7", port 5432 failed: FATAL:  '
            'password authentication failed for user "u"',
            'password authentication failed for user "u"',
        ),
        (
            'connection failed: connection to server at "::1", port 1 failed: Connection refused\n'
            "\tIs the server running on that host and accepting TCP/IP connections?\n"
            "Multiple connection attempts failed. All failures were:\n"
            "- host: 'localhost', port: '1', hostaddr: '::1': connection failed: connection to "
            'server at "::1", port 1 failed: Connection refused\n'
            "\tIs the server running on that host and accepting TCP/IP connections?",
            "Connection refused",
        ),
        ("connection timeout expired", "connection timeout expired"),
        ("", "OperationalError"),
    ],
)
def test_the_reason_is_what_postgresql_says_last(psycopg_says: str, reason: str) -> None:
    assert database._reason(psycopg.OperationalError(psycopg_says)) == reason


@pytest.mark.parametrize("command", ["up --port 0", "token list"])
def test_commands_without_their_database_end_with_a_sentence(tmp_path: Path, command: str) -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=Path(__file__).parents[2],
        env={
            **{name: value for name, value in os.environ.items() if name != SETTINGS},
            "EVENTFEED_DATA": str(tmp_path),
            "DATABASE_URL": "postgres://u:secret@127.0.0.1:1/feed",
        },
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("PostgreSQL cannot be reached at 127.0.0.1, port 1, ")
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr
