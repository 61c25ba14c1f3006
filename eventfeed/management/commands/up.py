import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, connections

from apps.accounts.first import first_admin
from apps.events import partitions
from eventfeed.database import embedded, reach
from eventfeed.embedded.locks import FileLock
from eventfeed.management.listening import add_address
from eventfeed.serving import ANY_HOST, Website
from eventfeed.startup import CannotStart
from eventfeed.worker_process import WorkerProcess

MIGRATING = 0x6576_656E_7466


class Command(BaseCommand):
    help = "Run everything: PostgreSQL when DATABASE_URL names none, web server and worker."
    requires_system_checks = ()  # `migrate` makes them, once the database is there

    def add_arguments(self, parser: CommandParser) -> None:
        add_address(parser)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        with interruptible(), alone():
            website = Website.at(host, port)
            settings.EVENTFEED_ADDRESS = settings.EVENTFEED_ADDRESS or website.known_as
            try:
                self.run(website)
            except KeyboardInterrupt:
                self.say("Stopped before it was up.")
            finally:
                connections.close_all()
                if settings.EMBEDDED:
                    embedded().leave()

    def run(self, website: Website) -> None:
        if settings.EMBEDDED:
            self.say(f"Starting PostgreSQL in {settings.EVENTFEED_DATA} …")
        reach()
        self.say("Preparing the database …")
        prepare_database()
        if admin := first_admin():
            self.say("The first admin is {}, with the password {} (shown only now).".format(*admin))
        worker = WorkerProcess()
        try:
            website.serve(on_ready=lambda: self.welcome(website))
        finally:
            self.say("Stopping …")
            worker.stop()

    def welcome(self, website: Website) -> None:
        self.say(f"\nEventfeed is at {self.style.SUCCESS(website.address)}")
        self.say(f"  Point Prefect at it:  export PREFECT_API_URL={website.address}/api")
        if settings.EVENTFEED_AUTH == "off":
            self.say("  Sign-in is off: everybody who can reach it may read and send.")
            self.say(f"  It answers to:        {', '.join(settings.ALLOWED_HOSTS)}")
        elif settings.LOCAL_MODE:
            self.say("  Local mode: nobody needs to sign in, nobody but this machine gets in.")
        else:
            self.say("  Senders need a token:  manage.py token create NAME --scope ingest")
        if website.host in ANY_HOST:
            self.say("  Other machines get in by the names in EVENTFEED_ALLOWED_HOSTS.")
        for line in website.grpc.said:
            self.say(f"  {line}")
        self.say(f"  Admin:                {website.address}/admin/")
        self.say("  Ctrl-C stops everything.\n")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


@contextmanager
def alone() -> Iterator[None]:
    """Hold the folder against a second `up` in it."""
    settings.EVENTFEED_DATA.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(settings.EVENTFEED_DATA / "up.lock")
    if not lock.alone():
        raise CannotStart(
            f"The data folder {settings.EVENTFEED_DATA} is in use: another Eventfeed runs in it. "
            "Stop that one, or set EVENTFEED_DATA to another folder."
        )
    try:
        yield
    finally:
        lock.release()


@contextmanager
def interruptible() -> Iterator[None]:
    """Take SIGTERM for a Ctrl-C, also while the server does not run that listens for both."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def prepare_database() -> None:
    with connection.cursor() as cursor:
        # Two that start at once on one database: the second waits and finds nothing to do.
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
        try:
            call_command("migrate", verbosity=0, interactive=False)
            partitions.ensure()
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATING])
