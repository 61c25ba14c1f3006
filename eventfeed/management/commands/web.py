from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from eventfeed.database import reach
from eventfeed.management.listening import add_address
from eventfeed.serving import Website
from eventfeed.startup import CannotStart


class Command(BaseCommand):
    help = "Serve pages, API and doorways; the worker runs apart, and migrations before."

    def add_arguments(self, parser: CommandParser) -> None:
        add_address(parser)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        website = Website.at(host, port)
        try:
            reach()
        except CannotStart as error:
            # Senders are better told to wait by a 503 than turned away at the port.
            self.stderr.write(f"{error} Waiting for it.")
        website.serve(on_ready=lambda: self.welcome(website))

    def welcome(self, website: Website) -> None:
        for line in (f"Eventfeed is at {website.address}", *website.grpc.said):
            self.stdout.write(line)
