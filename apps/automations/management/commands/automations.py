"""Automations from the command line: list, show, try on the past, switch, export and import."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Max
from django.utils import timezone

from apps.automations.backtest import Backtest
from apps.automations.doing.actions import BadAction, read_all
from apps.automations.keeping import deadlines, live, switch
from apps.automations.models import Automation, Firing, Task
from apps.automations.reading import BadTrigger, read
from apps.automations.yaml_files import exported, imported
from apps.automations.yaml_text import BadFile
from apps.query.moments import Moment, NoMoment

PROGRESS_SECONDS = 2.0
NEWEST = 10
DAY = timedelta(days=1)
WEEK = "now-7d"
ABOUT_ONE = {
    "show": "Say what one waits for, what it does, and when it fired.",
    "on": "Switch one on: it begins anew with what happens from now on.",
    "off": "Switch one off.",
    "backtest": "Tell how often one would have fired on what is stored.",
}


class Command(BaseCommand):
    help = "List automations, try them on the past, switch them, keep them in files."

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_subparsers(dest="do", required=True, metavar="DO")
        does.add_parser("list", help="List all automations.")
        about_one = {name: does.add_parser(name, help=said) for name, said in ABOUT_ONE.items()}
        for one in about_one.values():
            one.add_argument("automation", help="Its name or its id.")
        past = about_one["backtest"]
        past.add_argument("--since", metavar="TIME", default=WEEK, help="now-7d (default) or ISO.")
        past.add_argument("--until", metavar="TIME", help="Until when, likewise; now by default.")
        export = does.add_parser("export", help="Write automations as YAML.")
        export.add_argument("automation", nargs="*", help="Names or ids; all by default.")
        file = does.add_parser("import", help="Make and change automations as YAML says.")
        file.add_argument("file", help="A file, or - for what is piped in.")

    def handle(self, *, do: str, **options: Any) -> None:
        doing: Mapping[str, Callable[..., None]] = {
            "list": self._list,
            "show": self._show,
            "on": self._on,
            "off": self._off,
            "backtest": self._backtest,
            "export": self._export,
            "import": self._import,
        }
        doing[do](**options)

    def _list(self, **_: Any) -> None:
        automations = live().annotate(last=Max("firings__fired")).order_by("name", "id")
        failed = _failed()
        for one in automations:
            fired = f"fired {_at(one.last)}" if one.last else "never fired"
            bad = f", {count} failed within a day" if (count := failed.get(one.id)) else ""
            self.stdout.write(f"{_state(one):<8}  {one.name}  ({fired}{bad})")
            self.stdout.write(f"{'':<10}{one.id}  {_trigger(one)}")
        if not automations:
            self.stdout.write("There are no automations.")

    def _show(self, automation: str, **_: Any) -> None:
        one = found(automation)
        self._say("name", one.name)
        self._say("id", one.id)
        self._say("is", f"{_state(one)}, version {one.version} since {_at(one.started)}")
        self._say("when", _trigger(one))
        for name in ("actions", "actions_on_trigger", "actions_on_resolve"):
            for said in _actions(getattr(one, name), name):
                self._say("when well" if "resolve" in name else "then", said)
        if next := deadlines(one).values_list("due", flat=True).first():
            self._say("decides", _at(next))
        for firing in Firing.objects.filter(automation=one)[:NEWEST]:
            self._fired(firing)

    def _on(self, automation: str, **_: Any) -> None:
        self._switch(found(automation), on=True)

    def _off(self, automation: str, **_: Any) -> None:
        self._switch(found(automation), on=False)

    def _switch(self, one: Automation, *, on: bool) -> None:
        was = one.enabled
        switch(one, on)
        is_now = f"{'already ' * (was == on)}{'on' if on else 'off'}"
        self.stdout.write(f"{one.name} is {is_now}.")

    def _backtest(self, automation: str, since: str, until: str | None, **_: Any) -> None:
        one = found(automation)
        try:
            tried = Backtest(one, since=_moment(since), until=_moment(until) if until else None)
        except BadTrigger as bad:
            raise CommandError(str(bad)) from bad
        try:
            tried.run(self._progress())
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped: it had fired {_times(tried.fired)} so far.")
            sys.exit(130)
        for firing in tried.firings:
            self._fired(firing)
        shown = f" The last {len(tried.firings)} are above." if _is_cut(tried) else ""
        silent = f", {tried.silent:,} of them silently" if tried.silent else ""
        late = f" {_events(tried.late)} came too late to count." if tried.late else ""
        self.stdout.write(
            f"{one.name} would have fired {_times(tried.fired)}{silent}, of"
            f" {_events(tried.looked_at)} since {_at(tried.since)}.{shown}{late}"
        )

    def _progress(self) -> Callable[[Backtest], None]:
        told = time.monotonic()

        def tell(tried: Backtest) -> None:
            nonlocal told
            if time.monotonic() - told >= PROGRESS_SECONDS and not tried.is_done:
                told = time.monotonic()
                self.stderr.write(f"{tried.share:.0%}, fired {_times(tried.fired)} so far")

        return tell

    def _export(self, automation: list[str], **_: Any) -> None:
        chosen = [found(one) for one in automation] if automation else live()
        self.stdout.write(exported(chosen), ending="")

    def _import(self, file: str, **_: Any) -> None:
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
            done = imported(text)
        except (BadFile, OSError, UnicodeDecodeError) as bad:
            raise CommandError(str(bad)) from bad
        for one in done:
            self.stdout.write(f"{one.done:<9}  {one.automation.name}")

    def _fired(self, firing: Firing) -> None:
        about = ", ".join([f"{name} {value}" for name, value in firing.key.items() if value])
        silent = f" ({firing.silent})" if firing.silent else ""
        more = f" and {firing.more:,} more within the minute" if firing.more else ""
        said = f"{firing.kind}{more}: {firing.why}{f' {about}.' if about else ''}{silent}"
        self._say(_at(firing.fired), said)

    def _say(self, what: str, said: object) -> None:
        self.stdout.write(f"{what:<12}  {said}")


def found(said: str) -> Automation:
    """Find an automation by its name or its id; raises CommandError."""
    automations = list(_called(said))
    if len(automations) == 1:
        return automations[0]
    if not automations:
        raise CommandError(f"There is no automation “{said}”: `automations list` names all.")
    ids = " ".join([str(one.id) for one in automations])
    raise CommandError(f"{len(automations)} automations are called “{said}”. Say which: {ids}")


def _called(said: str) -> Iterator[Automation]:
    try:
        yield from live().filter(id=UUID(said))
    except ValueError:
        yield from live().filter(name=said)


def _moment(text: str) -> datetime:
    try:
        return Moment.read(text).span(timezone.now())[0]
    except NoMoment as wrong:
        raise CommandError(f"“{text}” is no time: write now-7d, 2026-11 or ISO 8601.") from wrong


def _state(one: Automation) -> str:
    return "dry run" if one.enabled and one.dry_run else "on" if one.enabled else "off"


def _failed() -> dict[UUID, int]:
    """Count the actions of each automation that have failed within a day."""
    bad = Task.objects.filter(state__in=(Task.State.FAILED, Task.State.PARKED))
    lately = bad.filter(ended__gte=timezone.now() - DAY).order_by()
    return dict(lately.values_list("firing__automation").annotate(Count("id")))


def _trigger(one: Automation) -> str:
    try:
        return f"{read(one.trigger).sentence()}."
    except BadTrigger as bad:
        return f"It cannot be read: {bad}"


def _actions(told: list[Any], path: str) -> list[str]:
    try:
        return [action.sentence() for action in read_all(told, path)]
    except BadAction as bad:
        return [f"It cannot be read: {bad}"]


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _times(number: int) -> str:
    return {0: "never", 1: "once"}.get(number, f"{number:,} times")


def _events(number: int) -> str:
    return f"{number:,} event{'' if number == 1 else 's'}"


def _is_cut(tried: Backtest) -> bool:
    return tried.fired + tried.resolved > len(tried.firings) > 0
