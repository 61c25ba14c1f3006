"""Record one event from the command line."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE
from apps.events.models import Source
from apps.events.record import record
from apps.events.row import Refused
from apps.ingest.adapters.message import Unreadable
from apps.ingest.adapters.prefect.adapter import draft_of
from apps.ingest.adapters.prefect.reading import PrefectEvent, read
from apps.ingest.ownership import warnings_for

Message = dict[str, Any]


class Command(BaseCommand):
    help = "Record one event, here or through the API of an Eventfeed elsewhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("event", help="Its name, such as acme.invoice.paid.")
        parser.add_argument("--resource", required=True, metavar="ID", help="What it happened to.")
        parser.add_argument("--resource-name", metavar="NAME")
        parser.add_argument(
            "--label",
            type=label,
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="A label of the resource; say it again for more.",
        )
        parser.add_argument(
            "--related",
            type=related,
            action="append",
            default=[],
            metavar="ROLE=ID[,NAME]",
            help="A related resource; say it again for more.",
        )
        parser.add_argument("--payload", type=payload, default={}, metavar="JSON")
        parser.add_argument("--follows", metavar="UUID", help="The event that led to it.")
        parser.add_argument("--occurred", metavar="TIME", help="ISO time; now when left out.")
        parser.add_argument("--source", default="command-line", help="File it under this source.")
        parser.add_argument(
            "--url", type=address, help="Send it to this Eventfeed, such as http://127.0.0.1:8000."
        )
        parser.add_argument("--token", help="A token with the scope ingest, for --url.")

    def handle(self, *, url: str | None, token: str | None, source: str, **told: Any) -> None:
        message = message_of(**told)
        event = self.read(message)
        warnings = warnings_for(event.event, event.resource[RESOURCE_ID], system="custom")
        for warning in warnings:
            self.stderr.write(f"Warning: {warning}")
        if url:
            send(message, url, token)
        else:
            keep(event, source, warnings)
        self.stdout.write(message["id"])
        self.stdout.write(f"{url or ''}/events/{message['id']}")

    def read(self, message: Message) -> PrefectEvent:
        """Read the message as the doorway would, so that both say the same of what is wrong."""
        reading = read(json.dumps(message).encode())
        if isinstance(reading, Unreadable):
            raise CommandError(
                "\n".join(f"{problem.where}: {problem.reason}" for problem in reading.problems)
            )
        return reading


def message_of(
    *,
    event: str,
    resource: str,
    resource_name: str | None,
    label: list[tuple[str, str]],
    related: list[dict[str, str]],
    payload: Message,
    follows: str | None,
    occurred: str | None,
    **_: Any,
) -> Message:
    """Write the arguments as the message a sender would post."""
    named = {"prefect.resource.name": resource_name} if resource_name else {}
    return {
        "id": str(uuid4()),
        "occurred": occurred or datetime.now(UTC).isoformat(),
        "event": event,
        "resource": {RESOURCE_ID: resource} | named | dict(label),
        "related": related,
        "payload": payload,
        "follows": follows,
    }


def keep(event: PrefectEvent, source_name: str, warnings: tuple[str, ...]) -> None:
    source, _ = Source.objects.get_or_create(name=source_name, defaults={"system": "custom"})
    draft = msgspec.structs.replace(draft_of(event), warnings=warnings)
    try:
        record([draft], source_id=source.pk)
    except Refused as refused:
        raise CommandError(refused.say) from refused
    except (OperationalError, InterfaceError) as away:
        raise CommandError(f"The database is away; nothing was recorded. {away}") from away


def send(message: Message, url: str, token: str | None) -> None:
    """Post the message to another Eventfeed and wait for its commit."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked where it is parsed
        f"{url}/api/events", json.dumps([message]).encode(), headers, method="POST"
    )
    try:
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
    except urllib.error.HTTPError as refused:
        body = refused.read(2_000).decode(errors="replace")
        raise CommandError(f"{url} answered {refused.code}: {body}") from refused
    except OSError as unreachable:
        raise CommandError(f"{url} cannot be reached: {unreachable}") from unreachable


def label(text: str) -> tuple[str, str]:
    key, given, value = text.partition("=")
    if not key or not given:
        raise ArgumentTypeError(f"“{text}” is no label; write key=value")
    return key, value


def related(text: str) -> dict[str, str]:
    role, given, rest = text.partition("=")
    id, _, name = rest.partition(",")
    if not (role and given and id):
        raise ArgumentTypeError(f"“{text}” is no related resource; write role=id or role=id,name")
    named = {"prefect.resource.name": name} if name else {}
    return {RESOURCE_ID: id, RESOURCE_ROLE: role} | named


def payload(text: str) -> Message:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise ArgumentTypeError(
            f"this is no JSON ({wrong}); write '{{\"amount\": 12.5}}'"
        ) from wrong
    if not isinstance(value, dict):
        raise ArgumentTypeError("a payload is a JSON object; write '{\"amount\": 12.5}'")
    return value


def address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ArgumentTypeError(f"“{text}” is no address; write http://127.0.0.1:8000")
    return text.rstrip("/")
