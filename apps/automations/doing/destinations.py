"""Destinations: where actions go, with secrets that are written once and never shown again."""

from __future__ import annotations

import base64
import re
import secrets
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.db import transaction

from apps.automations.doing.sending.guard import is_open
from apps.automations.doing.sending.services import NOT_KEPT, asked_in_vain, is_kept
from apps.automations.models import MOST_NAME, Destination
from apps.events import audit
from eventfeed.sealed import seal, unseal

KIND = "destination"
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# What a request says of itself is ours to say.
OUR_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
    | {"webhook-id", "webhook-timestamp", "webhook-signature"}
)


class BadDestination(Exception):
    """What cannot be a destination: which field, and what to write instead."""

    def __init__(self, field: str, say: str) -> None:
        super().__init__(say)
        self.field = field
        self.say = say


class Webhook(msgspec.Struct, frozen=True, tag="webhook"):
    url: str
    secret: str = ""
    headers: dict[str, str] = {}


class Notification(msgspec.Struct, frozen=True, tag="notification"):
    url: str
    """As apprise writes it: mailto://, slack://, ntfy://."""


class PrefectServer(msgspec.Struct, frozen=True, tag="prefect"):
    url: str
    """Of its API: http://127.0.0.1:4200/api."""
    key: str = ""
    """`user:password` of PREFECT_SERVER_API_AUTH_STRING, or a key of Prefect Cloud."""


Address = Webhook | Notification | PrefectServer
ADDRESS = msgspec.json.Decoder(Address)


def new_secret() -> str:
    """Make a secret as Standard Webhooks writes them."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def save(
    destination: Destination,
    told: Mapping[str, Any] | None = None,
    *,
    by: str | None = None,
) -> Destination:
    """Keep a destination, new or changed; `told` replaces its address and all its secrets.

    `told` is {url, secret, headers} of a webhook, {url} of a notification, {url, key} of a Prefect
    server. Without it the address stays. Raises BadDestination.
    """
    is_new = destination.pk is None
    if not destination.name.strip() or len(destination.name) > MOST_NAME:
        raise BadDestination("name", f"It has a name of at most {MOST_NAME} characters.")
    if Destination.objects.filter(name=destination.name).exclude(pk=destination.pk).exists():
        raise BadDestination("name", "Another destination has this name.")
    if told is not None:
        address = address_of(destination.kind, told)
        destination.sealed = seal(msgspec.json.encode(address).decode())
        destination.shown = shown(address)
    elif is_new:
        raise BadDestination("url", "It has an address.")
    with transaction.atomic():
        destination.save()
        _tell("made" if is_new else "changed", destination, by)
    return destination


def delete(destination: Destination, *, by: str | None = None) -> None:
    """Forget a destination. What names it fails from now on, and says so."""
    with transaction.atomic():
        _tell("removed", destination, by)
        destination.delete()


def opened(destination: Destination) -> Address:
    """Return the address with its secrets; raises eventfeed.sealed.CannotOpen."""
    return ADDRESS.decode(unseal(destination.sealed))


def address_of(kind: str, told: Mapping[str, Any]) -> Address:
    """Read an address as a form or an API tells it; raises BadDestination."""
    url = str(told.get("url") or "").strip()
    if kind == Destination.Kind.NOTIFICATION:
        if not is_kept(url):
            raise BadDestination("url", NOT_KEPT)
        if say := asked_in_vain(url):
            raise BadDestination("url", say)
        return Notification(url)
    check_url(url)
    if kind == Destination.Kind.PREFECT:
        return PrefectServer(url.rstrip("/"), str(told.get("key") or "").strip())
    headers = {str(name): str(value) for name, value in (told.get("headers") or {}).items()}
    check_headers(headers)
    return Webhook(url, str(told.get("secret") or "").strip(), headers)


def check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadDestination("url", "This is no address.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise BadDestination("url", "It begins with http:// or https://, and has a host.")


def check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not HEADER.fullmatch(name):
            raise BadDestination("headers", f"“{name}” is no name of a header.")
        if name.lower() in OUR_HEADERS:
            raise BadDestination("headers", f"{name} is said by Eventfeed itself.")
        if "\n" in value or "\r" in value:
            raise BadDestination("headers", f"The value of {name} is one line.")


def shown(address: Address) -> str:
    """Return of an address what may be seen by everybody: scheme and host."""
    if isinstance(address, Notification):
        # Of most services the host is a part of the secret.
        return f"{address.url.partition('://')[0].lower()}://…"
    parts = urlsplit(address.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def may_be_private(url: str, destination: Destination | None = None) -> bool:
    """Tell whether an address may be one of a private network."""
    if destination and destination.private:
        return True
    try:
        return urlsplit(url).hostname in settings.EVENTFEED_ALLOWED_DESTINATIONS
    except ValueError:
        return False


def is_surely_private(url: str) -> bool:
    """Tell whether an address names, without asking anybody, what may not be called."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return not may_be_private(url)
    return bool(number := _number_of(host)) and not is_open(number) and not may_be_private(url)


def _number_of(host: str) -> str:
    """Return a host that is no name as the number it is: also 127.1, 0x7f.1 and 2130706433."""
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return ""


def _tell(what: str, destination: Destination, by: str | None) -> None:
    audit.tell(
        f"destination.{what}",
        kind=KIND,
        name=destination.name,
        id=str(destination.pk),
        by=by,
        payload={"kind": destination.kind, "address": destination.shown},
    )
