"""Automations as the list shows them: in words, and how it goes with each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, F, Max, Min, Q
from django.db.models.functions import TruncHour
from django.utils import timezone

from apps.automations.models import Automation, Bucket, Firing, Task
from apps.feed.automations.saying import Said, said_of
from apps.feed.rows import exact, iso

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
    due: dict[UUID, datetime] = field(default_factory=dict)
    hours: dict[UUID, dict[datetime, int]] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def of(cls, automations: Iterable[Automation], now: datetime) -> Going:
        ids, since = [one.id for one in automations], _since(now)
        firings = Firing.objects.filter(automation__in=ids).order_by()
        going = cls(
            last=dict(firings.values_list("automation").annotate(Max("fired"))),
            failed=_failed(ids, now - timedelta(hours=HOURS)),
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
        due=Moment.of(going.due.get(one.id)) if one.enabled else None,
    )


def _since(now: datetime) -> datetime:
    hour = now.replace(minute=0, second=0, microsecond=0)
    return hour - timedelta(hours=HOURS - 1)


def _failed(ids: list[UUID], since: datetime) -> dict[UUID, int]:
    tasks = Task.objects.filter(firing__automation__in=ids, firing__fired__gte=since)
    found = tasks.filter(state__in=BAD).order_by().values_list("firing__automation")
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
