"""Automations as the list shows them: in words, and how it goes with each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Count, F, Max, Min, Q
from django.db.models.functions import TruncHour
from django.utils import timezone

from apps.automations.keeping import live
from apps.automations.models import Automation, Bucket, Firing, Task
from apps.feed.automations.saying import Said, said_of
from apps.feed.rows import exact, iso

PAGE = 50
# Up to so many are found by looking.
FEW = 5
WIDTH, HEIGHT = 96, 20
HOURS = 24
BAD = (Task.State.FAILED, Task.State.PARKED)


@dataclass(frozen=True)
class Moment:
    iso: str
    exact: str

    @classmethod
    def of(cls, moment: datetime | None) -> Moment | None:
        return cls(iso(moment), exact(moment)[:-8] + " UTC") if moment else None


@dataclass(frozen=True)
class Listed:
    """One row of the list."""

    automation: Automation
    said: Said
    last: Moment | None = None
    fired: int = 0
    hours: tuple[int, ...] = ()
    failed: int = 0
    retried: int = 0
    due: Moment | None = None

    @property
    def state(self) -> str:
        return state_of(self.automation)

    @property
    def spark(self) -> str:
        """The points of its firings in 24 hours, "" when there are none."""
        most = max(self.hours, default=0)
        if not most:
            return ""
        step = WIDTH / (len(self.hours) - 1)
        return " ".join(
            f"{at * step:.1f},{HEIGHT - 1 - count / most * (HEIGHT - 2):.1f}"
            for at, count in enumerate(self.hours)
        )


@dataclass
class Going:
    """How it goes with all of them, read at once."""

    last: dict[UUID, datetime] = field(default_factory=dict)
    failed: dict[UUID, int] = field(default_factory=dict)
    retried: dict[UUID, int] = field(default_factory=dict)
    due: dict[UUID, datetime] = field(default_factory=dict)
    hours: dict[UUID, dict[datetime, int]] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def of(cls, automations: Iterable[Automation], now: datetime) -> Going:
        ids, since = [one.id for one in automations], _since(now)
        firings = Firing.objects.filter(automation__in=ids).order_by()
        going = cls(
            last=dict(firings.values_list("automation").annotate(Max("fired"))),
            failed=_failed(ids, now - timedelta(hours=HOURS)),
            retried=_retried(ids),
            due=_due(ids),
        )
        by_hour = firings.filter(fired__gte=since, kind=Firing.Kind.TRIGGERED)
        told = by_hour.annotate(hour=TruncHour("fired")).values_list("automation", "hour")
        for automation, hour, count in told.annotate(Count("id")):
            going.hours[automation][hour] = count
        return going


def listed(automations: Iterable[Automation], now: datetime | None = None) -> list[Listed]:
    """Return the rows of the list, in the order given."""
    now = now or timezone.now()
    automations = list(automations)
    going = Going.of(automations, now)
    return [_row(one, going, _since(now)) for one in automations]


@dataclass(frozen=True)
class ListPage:
    """A page of the list, of those whose name or tag was asked for."""

    rows: list[Listed]
    asked: str
    number: int
    pages: int
    total: int
    there_are: bool
    """Whether there is any at all, also where none is found."""

    @property
    def has_search(self) -> bool:
        return bool(self.asked) or self.total > FEW

    @property
    def here(self) -> str:
        return self._link(self.number)

    @property
    def before(self) -> str:
        return self._link(self.number - 1) if self.number > 1 else ""

    @property
    def after(self) -> str:
        return self._link(self.number + 1) if self.number < self.pages else ""

    def _link(self, number: int) -> str:
        told = {"name": self.asked} if self.asked else {}
        told |= {"page": str(number)} if number > 1 else {}
        return f"/automations?{urlencode(told)}" if told else "/automations"


def page_of(asked: Mapping[str, str]) -> ListPage:
    """Return the page that a link asks for: `name` is a part of a name, or a whole tag."""
    name = asked.get("name", "").strip()
    found = live()
    if name:
        found = found.filter(Q(name__icontains=name) | Q(tags__contains=[name]))
    page = Paginator(found, PAGE).get_page(asked.get("page"))
    return ListPage(
        rows=listed(page.object_list),
        asked=name,
        number=page.number,
        pages=page.paginator.num_pages,
        total=page.paginator.count,
        there_are=page.paginator.count > 0 or live().exists(),
    )


def _row(one: Automation, going: Going, since: datetime) -> Listed:
    counted: Mapping[datetime, int] = going.hours.get(one.id, {})
    hours = tuple(counted.get(since + timedelta(hours=at), 0) for at in range(HOURS))
    return Listed(
        automation=one,
        said=said_of(one),
        last=Moment.of(going.last.get(one.id)),
        fired=sum(hours),
        hours=hours,
        failed=going.failed.get(one.id, 0),
        retried=going.retried.get(one.id, 0),
        due=Moment.of(going.due.get(one.id)) if one.enabled else None,
    )


def _since(now: datetime) -> datetime:
    hour = now.replace(minute=0, second=0, microsecond=0)
    return hour - timedelta(hours=HOURS - 1)


def _failed(ids: list[UUID], since: datetime) -> dict[UUID, int]:
    tasks = Task.objects.filter(firing__automation__in=ids, firing__fired__gte=since)
    found = tasks.filter(state__in=BAD).order_by().values_list("firing__automation")
    return dict(found.annotate(Count("id")))


def _retried(ids: list[UUID]) -> dict[UUID, int]:
    """Return how many actions of each were tried in vain, and are to be tried again."""
    waiting = Task.objects.filter(ended=None, state=Task.State.WAITING, tries__gt=0)
    found = waiting.filter(firing__automation__in=ids).order_by().values_list("firing__automation")
    return dict(found.annotate(Count("id")))


def _due(ids: list[UUID]) -> dict[UUID, datetime]:
    """Return when each is next decided by the clock, for what waits for something to happen."""
    waiting = Bucket.objects.filter(
        Q(automation__trigger__type="absence")
        | Q(automation__trigger__type="prefect", automation__trigger__trigger__posture="Proactive"),
        automation__in=ids,
        version=F("automation__version"),
        due__isnull=False,
    )
    return dict(waiting.order_by().values_list("automation").annotate(Min("due")))


def state_of(one: Automation, now: datetime | None = None) -> str:
    """Say in a word or two how it stands: off, dry run, muted, or "" when it is simply on."""
    if not one.enabled:
        return "off"
    if one.muted_until and one.muted_until > (now or timezone.now()):
        return "muted"
    return "dry run" if one.dry_run else ""
