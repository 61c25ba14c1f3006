"""Making, changing and switching automations: what pages, the API and files of them call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.automations.doing import actions
from apps.automations.doing.looking_up import look_up
from apps.automations.edition import must_be
from apps.automations.machine import Machine
from apps.automations.manners import read_maintenance
from apps.automations.models import Automation, Bucket, Firing
from apps.automations.reading import read
from apps.events.audit import tell
from apps.events.log import head_sync

KIND = "automation"
LISTS = ("actions", "actions_on_trigger", "actions_on_resolve")
# What is another automation when it changes: what it remembers was of the one before.
ANEW = ("trigger", "late", "enabled")


def live() -> QuerySet[Automation]:
    """Return the automations there are, those that are switched off included."""
    return Automation.objects.filter(gone=None)


def save(automation: Automation, by: str | None = None, *, over: str | None = None) -> None:
    """Check a new automation or a changed one, and store it.

    Raises BadTrigger, BadMaintenance or BadAction, each with a path; where it says over which
    edition, Overtaken when that is no longer the one that is kept.
    """
    check(automation)
    store(automation, by, over=over)


def check(automation: Automation) -> None:
    """Look whether it can be kept; raises BadTrigger, BadMaintenance or BadAction.

    What its actions need of a Prefect server is asked there: it is not for a transaction.
    """
    read(automation.trigger)
    read_maintenance(automation.maintenance)
    for name in LISTS:
        actions.check(getattr(automation, name), name)
    before = Automation.objects.filter(pk=automation.pk).first()
    known = [one for _, one in _actions(before)] if before else []
    look_up(automation, ((path, one) for path, one in _actions(automation) if one not in known))


def store(automation: Automation, by: str | None = None, *, over: str | None = None) -> None:
    """Store what has been checked; may raise Overtaken.

    With another trigger, or switched on, it is a new version, which begins at the head of the log
    with nothing remembered.
    """
    with transaction.atomic():
        before = Automation.objects.select_for_update().filter(pk=automation.pk).first()
        if over is not None:
            must_be(over, before)
        if before is not None:
            automation.version = before.version
        if before is None or _is_another(automation, before):
            _begin_anew(automation, is_new=before is None)
        automation.updated = timezone.now()
        automation.save()
    _tell("made" if before is None else "changed", automation, by)


def switch(automation: Automation, on: bool, by: str | None = None) -> None:
    """Switch an automation on, where it begins anew, or off."""
    with transaction.atomic():
        kept = Automation.objects.select_for_update().get(pk=automation.pk)
        changes = kept.enabled != on
        if changes:
            kept.enabled = on
            _begin_anew(kept, is_new=False)
            kept.updated = timezone.now()
            kept.save()
    for name in ("enabled", "version", "start_tx", "start_seq", "started", "updated"):
        setattr(automation, name, getattr(kept, name))
    if changes:
        _tell("switched-on" if on else "switched-off", automation, by)


def mute(automation: Automation, until: datetime | None, by: str | None = None) -> None:
    """Let an automation record its firings and do nothing until then; None ends that."""
    automation.muted_until, automation.updated = until, timezone.now()
    automation.save(update_fields=["muted_until", "updated"])
    _tell("muted" if until else "unmuted", automation, by)


def delete(automation: Automation, by: str | None = None) -> None:
    """Take an automation away; its firings are kept a while."""
    automation.enabled = False
    automation.gone = automation.updated = timezone.now()
    automation.save(update_fields=["enabled", "gone", "updated"])
    _tell("removed", automation, by)


def acknowledge(firing: Firing, by: str | None = None) -> None:
    """Note that somebody has seen to a firing; the first one counts."""
    seen = Firing.objects.filter(pk=firing.pk, acknowledged=None)
    if not seen.update(acknowledged=timezone.now(), acknowledged_by=by or ""):
        return
    firing.refresh_from_db(fields=["acknowledged", "acknowledged_by"])
    automation = firing.automation
    tell(
        "firing.acknowledged",
        kind=KIND,
        name=automation.name,
        id=str(automation.pk),
        by=by,
        payload={"firing": str(firing.pk)},
    )


def machine_of(automation: Automation) -> Machine:
    """Make the state machine of an automation, with nothing remembered; raises BadTrigger."""
    return Machine(
        read(automation.trigger),
        automation.id,
        automation.version,
        automation.started,
        automation.late,
        settings.EVENTFEED_ABSENCE_GRACE,
    )


def deadlines(automation: Automation) -> QuerySet[Bucket]:
    """Return what is remembered of it that the clock decides, the next first."""
    due = Bucket.objects.filter(automation=automation, version=automation.version)
    return due.exclude(due=None).order_by("due")


def _actions(automation: Automation) -> Iterator[tuple[str, Any]]:
    """Go through its actions, each with its path."""
    for name in LISTS:
        for at, one in enumerate(getattr(automation, name)):
            yield f"{name}[{at}]", one


def _is_another(automation: Automation, before: Automation) -> bool:
    return any(getattr(before, name) != getattr(automation, name) for name in ANEW)


def _begin_anew(automation: Automation, *, is_new: bool) -> None:
    automation.version = 1 if is_new else automation.version + 1
    head = head_sync()
    automation.start_tx, automation.start_seq = head.tx, head.seq
    automation.started = timezone.now()


def _tell(what: str, automation: Automation, by: str | None) -> None:
    about = {"kind": KIND, "name": automation.name, "id": str(automation.pk)}
    tell(f"automation.{what}", by=by, payload={"version": automation.version}, **about)
