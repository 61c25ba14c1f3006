"""Take over what another server has stored, and go on as it stores more."""

from __future__ import annotations

import os
import signal
import threading
from argparse import ArgumentTypeError
from typing import Any

import httpx
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.ingest.models import Relay
from apps.ingest.relay.keeping import Busy, auth_of, relay_for, run_relay
from apps.ingest.relay.prefect_server import ServerAway, ServerRefuses

KEY = "PREFECT_API_KEY"
AUTH = "PREFECT_API_AUTH_STRING"


class Command(BaseCommand):
    help = "Take over the events of a Prefect server, once each, live and after any outage."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("system", choices=["prefect"])
        parser.add_argument(
            "--from", dest="url", type=address, required=True, help="Its PREFECT_API_URL."
        )
        parser.add_argument("--source", help="File its events under this source.")
        parser.add_argument(
            "--once", action="store_true", help="Stop when all that it keeps has been read."
        )

    def handle(self, *, url: str, source: str | None, once: bool, **_: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        relay = relay_for(url, source=source)
        # Whoever can type this command can reach what this machine reaches anyway.
        Relay.objects.filter(pk=relay.pk).update(anywhere=True)
        try:
            run_relay(relay, stop, auth=auth(), anywhere=True, once=once, tell=self.say)
        except (Busy, ServerAway, ServerRefuses) as error:
            raise CommandError(str(error)) from error
        relay.refresh_from_db()
        self.say(f"{relay.own_count:,} of {relay.server_count:,} events of {url} were read.")

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()


def auth() -> httpx.Auth | None:
    """Return how Prefect's own client would say who it is, from the same variables."""
    return auth_of(os.environ.get(KEY) or os.environ.get(AUTH) or "")


def address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ArgumentTypeError(f"“{text}” is no address; write http://127.0.0.1:4200/api")
    return text.rstrip("/")
