"""Make, list and revoke tokens."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.accounts.models import Scope, Token


class Command(BaseCommand):
    help = "Make, list and revoke the tokens of senders and readers."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        create = actions.add_parser("create", help="Make a token and print its secret, once.")
        create.add_argument("name")
        create.add_argument(
            "--scope",
            dest="scopes",
            action="append",
            required=True,
            choices=Scope.values,
            help="What it may do; say it again for more.",
        )
        create.add_argument(
            "--source", default="", help="File its events under this source, whatever it says."
        )
        create.add_argument("--expires", type=after, help="After this time: 12h, 90d.")
        actions.add_parser("list", help="List all tokens.")
        revoke = actions.add_parser("revoke", help="End a token; it takes up to a minute.")
        revoke.add_argument("name")

    def handle(self, *, action: str, **options: Any) -> None:
        doing: dict[str, Callable[..., None]] = {
            "create": self.create,
            "list": self.list,
            "revoke": self.revoke,
        }
        doing[action](**options)

    def create(self, name: str, scopes: list[str], source: str, **options: Any) -> None:
        try:
            _, secret = Token.make(name, scopes=scopes, source=source, expires=options["expires"])
        except ValidationError as wrong:
            raise CommandError(" ".join(wrong.messages)) from wrong
        self.stderr.write(f"Token “{name}”. Its secret is shown only now:")
        self.stdout.write(secret)
        if Scope.INGEST in scopes or Scope.ADMIN in scopes:
            self.stderr.write(f"For Prefect: PREFECT_API_AUTH_STRING={source or name}:{secret}")

    def list(self, **options: Any) -> None:
        for token in Token.objects.all():
            self.stdout.write(
                f"{token.prefix}…  {token.name}  {','.join(token.scopes)}  {token.state}"
                f"{'  source ' + token.source if token.source else ''}"
                f"  last used {written(token.last_used)}  expires {written(token.expires)}"
            )

    def revoke(self, name: str, **options: Any) -> None:
        token = Token.objects.filter(name=name, revoked=None).first()
        if token is None:
            raise CommandError(f"There is no token “{name}”; `manage.py token list` shows them.")
        token.revoke()
        self.stderr.write(f"Token “{name}” opens nothing any more, everywhere within a minute.")


def after(text: str) -> datetime:
    written = re.fullmatch(r"(\d{1,5})([hd])", text)
    if written is None:
        raise ArgumentTypeError(f"“{text}” is no time span; write 12h or 90d.")
    number, unit = int(written[1]), written[2]
    return timezone.now() + (timedelta(hours=number) if unit == "h" else timedelta(days=number))


def written(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if moment else "never"
