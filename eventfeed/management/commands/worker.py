import os
import signal
import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from apps.automations.doing.heartbeat import keep_beating
from apps.automations.doing.outbox import deliver
from apps.events.worker import run_worker
from apps.ingest.relay.keeping import keep_relays
from eventfeed.database import embedded
from eventfeed.followers import FOLLOWERS

NICENESS = 10


class Command(BaseCommand):
    help = "Run the followers of the log, and keep its partitions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--until-stdin-ends",
            action="store_true",
            help="stop when whoever started this process is gone, however it ended",
        )

    def handle(self, *args: Any, until_stdin_ends: bool, **options: Any) -> None:
        # Followers may fall behind for a while; senders and readers may not.
        os.nice(NICENESS)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        if until_stdin_ends:
            threading.Thread(target=_wait_for_end, args=[stop], daemon=True).start()
        if settings.EMBEDDED:
            # At once, so that it is stopped even when the parent goes before there is any work.
            embedded().use()
        relays = threading.Thread(target=keep_relays, args=[stop], name="relays")
        relays.start()
        outbox = threading.Thread(target=deliver, args=[stop], name="outbox")
        outbox.start()
        names = [follower.name for follower in FOLLOWERS]
        # Not waited for: whom it calls may be slow to answer.
        threading.Thread(target=keep_beating, args=[names, stop], name="heart", daemon=True).start()
        run_worker(FOLLOWERS, stop)
        relays.join()
        outbox.join()


def _wait_for_end(stop: threading.Event) -> None:
    # Not through sys.stdin, whose lock a thread may not hold when the interpreter ends.
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.set()
