import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eventfeed.environment import GIVE_UP, database, hosts, origin, origins
from eventfeed.secret_key import kept_secret_key
from eventfeed.serving import Website
from eventfeed.startup import CannotStart

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [
        ("EVENTFEED_RETENTION_DAYS", "a month", "Write a whole number from 1 to 3,650."),
        ("EVENTFEED_RETENTION_DAYS", "0", "Write a whole number from 1 to 3,650."),
        ("EVENTFEED_PARTITION", "hour", "Write day or week or month."),
        ("EVENTFEED_AUTH", "maybe", "Write on or off."),
        ("EVENTFEED_MAX_BODY", "16MB", "Write a whole number from 65,536 to 67,108,864."),
        ("EVENTFEED_FLYTE_GRPC", "8089", "Write host:port, or off."),
        ("EVENTFEED_OTLP_GRPC", "localhost:70000", "Write host:port, or off."),
        ("EVENTFEED_FLYTE_FORWARD", "http://flyteadmin:8089", "Write host:port, https:// before"),
        ("EVENTFEED_HEARTBEAT_URL", "hc.example/abc", "Write an address that begins with http"),
        ("EVENTFEED_DATA", __file__, "Write the path of a folder; this is a file."),
        ("EVENTFEED_ALLOWED_HOSTS", "events.example.com,*", "Write the names themselves: with *"),
        ("EVENTFEED_ALLOWED_HOSTS", "https://events.example.com", "Write host names by commas"),
        ("EVENTFEED_ALLOWED_HOSTS", "events.example.com:8200", "Write host names by commas"),
        ("EVENTFEED_ALLOWED_HOSTS", "events.example.com/feed", "Write host names by commas"),
        ("EVENTFEED_ALLOWED_HOSTS", "a.example b.example", "Write host names by commas"),
        ("EVENTFEED_TRUSTED_ORIGINS", "events.example.com", "Write origins by commas"),
        ("EVENTFEED_TRUSTED_ORIGINS", "https://events.example.com/", "Write origins by commas"),
        ("EVENTFEED_TRUSTED_ORIGINS", "https://*.example.com", "Write origins by commas"),
        ("EVENTFEED_ADDRESS", "events.example.com", "Write it like https://"),
        ("EVENTFEED_ADDRESS", "https://events.example.com/feed", "Write it like https://"),
        ("EVENTFEED_TRUSTED_ORIGINS", "ftp://events.example.com", "Write origins by commas"),
        (
            "EVENTFEED_SECRET_KEY",
            "a short secret",
            "Write at least 32 characters, such as `openssl",
        ),
        ("DATABASE_URL", "mysql://root:secret@db/feed", "Write postgres://user:password@host"),
        ("DATABASE_URL", "postgres://db", "Write postgres://user:password@host"),
        ("DATABASE_URL", "nonsense", "Write postgres://user:password@host"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence(
    tmp_path: Path, name: str, written: str, said: str
) -> None:
    ended = manage("check", **{"EVENTFEED_DATA": str(tmp_path), name: written})
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{name} cannot be used as it is. {said}")
    assert len(ended.stderr.splitlines()) == 1
    assert "secret" not in ended.stderr


def test_an_empty_setting_counts_as_absent(tmp_path: Path) -> None:
    ended = manage("check", EVENTFEED_DATA=str(tmp_path), EVENTFEED_RETENTION_DAYS="")
    assert ended.returncode == 0


def test_names_and_origins_are_taken_as_they_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTS", "events.example.com, .example.org,10.0.0.7,[fd00::7],Desk")
    assert hosts("HOSTS") == ["events.example.com", ".example.org", "10.0.0.7", "[fd00::7]", "Desk"]
    monkeypatch.setenv("ORIGINS", "https://Events.example.com, http://10.0.0.7:8200")
    assert origins("ORIGINS") == ["https://events.example.com", "http://10.0.0.7:8200"]
    monkeypatch.setenv("ORIGIN", "https://Events.example.com/")
    assert origin("ORIGIN") == "https://events.example.com"


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ({}, ""),
        ({"EVENTFEED_TRUSTED_ORIGINS": "https://a.example,https://b.example"}, "https://a.example"),
        (
            {
                "EVENTFEED_TRUSTED_ORIGINS": "https://a.example",
                "EVENTFEED_ADDRESS": "http://b.example:82",
            },
            "http://b.example:82",
        ),
    ],
)
def test_where_people_open_it_is_said_or_where_pages_may_come_from(
    tmp_path: Path, told: dict[str, str], address: str
) -> None:
    code = "from django.conf import settings; print(settings.EVENTFEED_ADDRESS)"
    asked = ["shell", "-v", "0", "-c", code]
    ended = manage(*asked, EVENTFEED_DATA=str(tmp_path), **told)
    assert ended.stdout.strip() == address, ended.stderr


@pytest.mark.parametrize(
    ("host", "hosts", "address"),
    [
        ("127.0.0.1", ["events.example.com"], "http://127.0.0.1:8200"),
        ("0.0.0.0", [], "http://127.0.0.1:8200"),
        ("0.0.0.0", [".example.com", "feed.lan"], "http://feed.lan:8200"),
        ("::", ["feed.lan"], "http://feed.lan:8200"),
    ],
)
def test_elsewhere_it_is_known_by_a_name_that_it_answers_to(
    settings: Any, host: str, hosts: list[str], address: str
) -> None:
    settings.ALLOWED_HOSTS = [*settings.LOOPBACK_HOSTS, *hosts]
    with socket.socket() as listening:
        assert Website(listening, host, host, 8200).known_as == address


def manage(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**_without_database(), **environment},
        capture_output=True,
        text=True,
    )


def _without_database() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "EVENTFEED_SECRET_KEY")
    }


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("postgres://user@%2Fvar%2Frun%2Fpostgresql/feed", "/var/run/postgresql"),
        ("postgres:////var/run/postgresql/feed", "/var/run/postgresql"),
        ("postgres://user@db.example.com/feed", "db.example.com"),
    ],
)
def test_a_database_may_be_reached_by_a_socket_in_a_folder(
    monkeypatch: pytest.MonkeyPatch, url: str, host: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    found = database("DATABASE_URL")
    assert (found["HOST"], found["NAME"]) == (host, "feed")


def test_a_database_that_says_nothing_is_given_up_unless_the_address_says_when(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://db/feed?tcp_user_timeout=30000&sslmode=require")
    assert database("DATABASE_URL")["OPTIONS"] == {
        **GIVE_UP,
        "tcp_user_timeout": 30000,
        "sslmode": "require",
    }


def test_the_secret_key_is_made_once_and_nobody_else_reads_it(tmp_path: Path) -> None:
    key = kept_secret_key(tmp_path / "data")
    assert len(key) >= 50
    assert kept_secret_key(tmp_path / "data") == key
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600


def test_a_secret_key_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="EVENTFEED_SECRET_KEY"):
        kept_secret_key(tmp_path / "file")
