"""Reading settings from the environment; a wrong one is answered by a sentence."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ

from eventfeed.startup import CannotStart

env = environ.Env()

HOST = r"([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])"
ORIGIN = rf"https?://{HOST}(:[0-9]{{1,5}})?"
LEAST_SECRET = 32

# A network that swallows packets says nothing, and by itself TCP waits for a quarter of an hour.
GIVE_UP = {
    "connect_timeout": 5,  # seconds, to begin
    "tcp_user_timeout": 10_000,  # milliseconds, until what was sent is acknowledged
    "keepalives_idle": 10,  # seconds, while an answer is waited for
    "keepalives_interval": 3,
    "keepalives_count": 3,
}


class WrongSetting(CannotStart):
    """A variable of the environment that cannot be meant so, and what to write instead."""

    def __init__(self, name: str, *, write: str) -> None:
        # Not what was written, which may hold a password.
        super().__init__(f"{name} cannot be used as it is. Write {write}.")


def text(name: str, default: str = "") -> str:
    """Return the variable's text; an empty one counts as absent."""
    return env.str(name, default="").strip() or default


def names(name: str, default: Sequence[str] = ()) -> list[str]:
    return [part for part in (part.strip() for part in text(name).split(",")) if part] or [*default]


def hosts(name: str) -> list[str]:
    """Return the names by which this server may be called."""
    found = names(name)
    if "*" in found:
        raise WrongSetting(
            name,
            write="the names themselves: with * every name would do, and where nobody signs in "
            "any web page could reach this server through its visitor's browser",
        )
    if not all(re.fullmatch(rf"\.?{HOST}", host, re.IGNORECASE) for host in found):
        raise WrongSetting(name, write="host names by commas, each like events.example.com")
    return found


def origins(name: str) -> list[str]:
    """Return where pages may come from, as a browser says it."""
    found = [origin.lower() for origin in names(name)]
    if not all(re.fullmatch(ORIGIN, origin) for origin in found):
        raise WrongSetting(name, write="origins by commas, each like https://events.example.com")
    return found


def origin(name: str) -> str:
    """Return one origin, or nothing when none is set."""
    written = text(name).lower().rstrip("/")
    if written and not re.fullmatch(ORIGIN, written):
        raise WrongSetting(name, write="it like https://events.example.com, without a path")
    return written


def secret(name: str) -> str:
    """Return a secret that nobody guesses, or nothing when none is set."""
    written = text(name)
    if written and len(written) < LEAST_SECRET:
        raise WrongSetting(
            name,
            write=f"at least {LEAST_SECRET} characters, such as `openssl rand -hex 32` makes",
        )
    return written


def number(name: str, default: int, *, least: int, most: int) -> int:
    written = text(name, str(default))
    if not written.isascii() or not written.isdigit() or not least <= int(written) <= most:
        raise WrongSetting(name, write=f"a whole number from {least:,} to {most:,}")
    return int(written)


def choice(name: str, default: str, *, among: Sequence[str]) -> str:
    written = text(name, default).lower()
    if written not in among:
        raise WrongSetting(name, write=" or ".join(among))
    return written


def address(name: str, default: str) -> str:
    """Return where to listen, as host:port, or nothing where it says off."""
    written = text(name, default).lower()
    if written == "off":
        return ""
    return _host_and_port(name, written, or_else=", or off")


def server(name: str) -> str:
    """Return where another server listens, as host:port, by TLS with https:// before it."""
    return server_at(name, written) if (written := text(name)) else ""


def server_at(name: str, written: str) -> str:
    bare = written.removeprefix("https://")
    _host_and_port(name, bare, or_else=", https:// before it for TLS")
    return written


def _host_and_port(name: str, written: str, *, or_else: str) -> str:
    host, _, port = written.rpartition(":")
    named = re.fullmatch(HOST, host, re.IGNORECASE)
    if not named or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise WrongSetting(name, write=f"host:port{or_else}")
    return written


def web_address(name: str) -> str:
    """Return an address to call, or nothing when none is set."""
    written = text(name)
    parts = urlsplit(written)
    if written and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise WrongSetting(name, write="an address that begins with http:// or https://")
    return written


def folder(name: str, default: Path) -> Path:
    written = text(name)
    path = Path(written).expanduser() if written else default
    if path.exists() and not path.is_dir():
        raise WrongSetting(name, write="the path of a folder; this is a file")
    return path.resolve()


def database(name: str) -> dict[str, Any]:
    """Return Django's settings for the PostgreSQL at this address."""
    wrong = WrongSetting(name, write="postgres://user:password@host:5432/database")
    if not text(name).startswith(("postgres://", "postgresql://")):
        raise wrong
    try:
        found: dict[str, Any] = env.db_url(name)
    except (environ.ImproperlyConfigured, ValueError) as error:
        raise wrong from error
    if not found["NAME"]:
        raise wrong
    # A folder of sockets comes in percent-encoding, for want of another place in a URL.
    options = {**GIVE_UP, **found.get("OPTIONS", {})}
    return {**found, "HOST": unquote(found["HOST"]), "OPTIONS": options}
