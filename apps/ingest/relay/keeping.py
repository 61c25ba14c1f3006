"""Who runs a relay: a command, or the worker for those that are switched on; one at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import httpx
import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from apps.events.absence import Absence
from apps.events.audit import tell as audit
from apps.events.counters import gauges
from apps.events.log import state_sync
from apps.events.models import Source
from apps.ingest.models import Relay
from apps.ingest.relay.destinations import transport
from apps.ingest.relay.prefect_server import PrefectServer, ServerRefuses
from apps.ingest.relay.relaying import Relaying
from eventfeed.database import dsn
from eventfeed.sealed import CannotOpen, unseal

logger = logging.getLogger(__name__)

LOCK = "SELECT pg_try_advisory_lock(hashtext('eventfeed.relay'), %s)"
LOOK_EVERY = 5.0


@cache
def absence_of(url: str) -> Absence:
    return Absence(f"The relay from {url}", logger)


class Bearer(httpx.Auth):
    def __init__(self, key: str) -> None:
        self.key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = f"Bearer {self.key}"
        yield request


def auth_of(said: str) -> httpx.Auth | None:
    """Say who we are as Prefect's own client does: by `user:password`, or by a key."""
    name, colon, password = said.partition(":")
    if not said:
        return None
    return httpx.BasicAuth(name, password) if colon else Bearer(said)


class Busy(Exception):
    """Another process runs this relay already."""


def relay_for(url: str, *, source: str | None = None, by: str | None = None) -> Relay:
    """Return the relay of an address, made with its source when it is new, and told of."""
    url = url.rstrip("/")
    known = Relay.objects.select_related("source").filter(url=url).first()
    if known:
        return known
    name = source or f"Prefect at {httpx.URL(url).netloc.decode()}"
    kept, _ = Source.objects.get_or_create(name=name, defaults={"system": "prefect"})
    relay = Relay.objects.create(url=url, source=kept)
    audit("relay.added", kind="relay", name=url, by=by)
    return relay


def run_relay(
    relay: Relay,
    stop: threading.Event,
    *,
    auth: httpx.Auth | None = None,
    anywhere: bool = False,
    once: bool = False,
    tell: Callable[[str], None] = logger.info,
) -> None:
    """Run one relay until stopped; raises Busy, ServerRefuses."""
    allowed = None if anywhere else settings.EVENTFEED_ALLOWED_DESTINATIONS
    via = None if allowed is None else transport(allowed=allowed)
    with _alone(relay):
        server = PrefectServer(relay.url, auth=auth, transport=via, ours=state_sync().id)
        try:
            Relaying(relay, server, tell=tell).run(stop, once=once)
        finally:
            server.close()


@contextmanager
def _alone(relay: Relay) -> Iterator[None]:
    """Hold the relay's lock on a connection of its own, which ends with the process."""
    with psycopg.connect(dsn(), autocommit=True, application_name="eventfeed relay") as conn:
        row = conn.execute(LOCK, [relay.pk]).fetchone()
        if not (row and row[0]):
            raise Busy(f"{relay.url} is being taken over by another process already.")
        absence_of(relay.url).end()
        yield


@dataclass
class Kept:
    """A relay at work in a thread of its own."""

    relay: Relay
    ending: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        name = f"relay {self.relay.pk}"
        self.thread = threading.Thread(target=_kept, args=[self.relay, self.ending], name=name)
        self.thread.start()

    def is_as(self, wanted: Relay | None) -> bool:
        """Whether it is still to run, and in this way."""
        now = self.relay
        return wanted is not None and (
            (wanted.anywhere, wanted.sealed) == (now.anywhere, now.sealed)
        )


@dataclass
class Round:
    """When all relays were last looked after."""

    ended: float = field(default_factory=time.monotonic)

    def seconds_ago(self) -> float:
        return time.monotonic() - self.ended


round_ = Round()


def keep_relays(stop: threading.Event) -> None:
    """Run every relay that is switched on, each in a thread, until stopped."""
    running: dict[int, Kept] = {}
    gauges["relays_unkept"] = round_.seconds_ago
    while not stop.is_set():
        try:
            wanted = _switched_on()
            if wanted is not None:
                _keep(running, wanted)
                round_.ended = time.monotonic()
        except Exception:
            # Nobody would begin again what ends here.
            logger.exception("Relays could not be looked after; it is tried again.")
        stop.wait(LOOK_EVERY)
    for kept in running.values():
        kept.ending.set()
    for kept in running.values():
        kept.thread.join()


def _keep(running: dict[int, Kept], wanted: dict[int, Relay]) -> None:
    for pk, kept in list(running.items()):
        if not kept.is_as(wanted.get(pk)):
            kept.ending.set()
        if not kept.thread.is_alive():
            del running[pk]
    for pk, relay in wanted.items():
        if pk not in running:
            running[pk] = Kept(relay)


def _switched_on() -> dict[int, Relay] | None:
    try:
        relays = Relay.objects.select_related("source").filter(enabled=True)
        return {relay.pk: relay for relay in relays}
    except (OperationalError, InterfaceError):
        connection.close_if_unusable_or_obsolete()
        return None


def _kept(relay: Relay, ending: threading.Event) -> None:
    try:
        auth = auth_of(unseal(relay.sealed)) if relay.sealed else None
        run_relay(relay, ending, auth=auth, anywhere=relay.anywhere)
    except CannotOpen as error:
        _give_up(relay, f"{error} Say anew how to sign in there.")
    except Busy:
        logger.info("Another process runs the relay from %s.", relay.url)
    except ServerRefuses as error:
        _give_up(relay, str(error))
    except (OperationalError, InterfaceError, psycopg.Error) as error:
        absence_of(relay.url).begin(error)
    except Exception:
        logger.exception("The relay from %s failed; it begins again.", relay.url)
    finally:
        connection.close()


def _give_up(relay: Relay, say: str) -> None:
    """Switch a relay off that its server will not have: somebody must mend it."""
    try:
        Relay.objects.filter(pk=relay.pk).update(enabled=False, error=say[:1_000])
    except (OperationalError, InterfaceError) as error:
        # It begins again, and is told the same.
        absence_of(relay.url).begin(error)
    else:
        logger.warning("The relay from %s is switched off: %s", relay.url, say)
