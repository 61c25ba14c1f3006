"""How the follower writes down what has fired and what is remembered, and reads it again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Q
from django.utils import timezone

from apps.automations.decision import Kept
from apps.automations.firing import copies_of, event_of, firing_of, tasks_of
from apps.automations.manners import MINUTE, Judged, Speaker
from apps.automations.memory import Decided, Watched
from apps.automations.models import Automation, Bucket, Clock, Firing, Task, Tick
from apps.events.audit import SOURCE, SYSTEM
from apps.events.draft import Draft
from apps.events.follower import MOVE, Moved
from apps.events.imported import forget_imported
from apps.events.models import Source
from apps.events.record import record
from apps.events.retention import kept_since

NAME = "automations"
# A firing explains itself longer than its events are there.
FIRINGS_KEPT = timedelta(days=90)
PRUNE_AT_ONCE = 1_000
MINUTE_SECONDS = int(MINUTE.total_seconds())
# Stands for an automation that is followed: without it, it is shown what it has missed.
FOLLOWED = "followed"

BEGIN = """
    INSERT INTO follower (name, tx, seq, moved) VALUES (%s, %s, %s, now()) ON CONFLICT DO NOTHING
"""
# In the order of their keys, so that overlapping batches lock rows in the same order.
KEEP = """
    INSERT INTO automation_bucket (automation_id, version, key, state, due)
    SELECT * FROM jsonb_to_recordset(%s::jsonb)
        AS told (automation_id uuid, version int, key text, state jsonb, due timestamptz)
    ORDER BY automation_id, version, key
    ON CONFLICT (automation_id, version, key)
    DO UPDATE SET state = excluded.state, due = excluded.due
"""
FORGET = """
    DELETE FROM automation_bucket AS bucket
    USING unnest(%s::uuid[], %s::int[], %s::text[]) AS told (id, version, key)
    WHERE automation_id = told.id AND bucket.version = told.version AND bucket.key = told.key
"""
FORGET_OTHERS = """
    DELETE FROM automation_bucket AS bucket WHERE NOT EXISTS (
        SELECT FROM automation WHERE id = bucket.automation_id
            AND version = bucket.version AND enabled AND gone IS NULL
    )
"""
LATE = """
    INSERT INTO automation_late (automation_id, events, last)
    SELECT told.*, %s FROM unnest(%s::uuid[], %s::bigint[]) AS told
    ON CONFLICT (automation_id)
    DO UPDATE SET events = automation_late.events + excluded.events, last = excluded.last
"""


def firings(decided: Sequence[Decided]) -> None:
    """Store the firings of decisions, with their tasks and events, in the order they came."""
    if not decided:
        return
    ids = [one.decision.id for one in decided]
    known = set(Firing.objects.filter(id__in=ids).values_list("id", flat=True))
    counted: dict[UUID, Speaker] = {}
    written: list[tuple[Decided, Judged]] = []
    for one in decided:
        if one.decision.id in known:
            continue
        known.add(one.decision.id)
        judged = one.watched.manners.judge(one.watched.automation, one.decision, one.clock)
        if judged.speaker is None or not judged.only_counted:
            written.append((one, judged))
        elif not one.again:
            judged.speaker.more += 1
            counted[judged.speaker.id] = judged.speaker
    _store(written)
    for id, speaker in counted.items():
        Firing.objects.filter(id=id).update(more=speaker.more)


def _store(written: Sequence[tuple[Decided, Judged]]) -> None:
    copies = copies_of(one.decision for one, _ in written)
    rows: list[Firing] = []
    drafts: list[Draft] = []
    now = timezone.now()
    for one, judged in written:
        firing = firing_of(one.watched.automation, one.decision, copies, judged)
        rows.append(firing)
        if not firing.silent:
            drafts.append(event_of(firing, one.decision, now))
    Firing.objects.bulk_create(rows)
    Task.objects.bulk_create([task for firing in rows for task in tasks_of(firing)])
    if drafts:
        source, _ = Source.objects.get_or_create(name=SOURCE, defaults={"system": SYSTEM})
        record(drafts, source_id=source.pk)


def fired_lately(
    automations: Iterable[Automation], clock: datetime
) -> Mapping[UUID, Sequence[Firing]]:
    """Return the firings that manners remember, the oldest first, by their automations."""
    spans: dict[int, list[Automation]] = defaultdict(list)
    for automation in automations:
        spans[max(MINUTE_SECONDS, automation.cooldown)].append(automation)
    found: dict[UUID, list[Firing]] = defaultdict(list)
    for seconds, those in spans.items():
        since = clock - timedelta(seconds=seconds)
        fired = Firing.objects.filter(automation__in=those, fired__gt=since)
        for one in fired.defer("events", "children").order_by("fired", "tx", "seq"):
            found[one.automation_id].append(one)
    return found


def states(watched: Iterable[Watched], cursor: CursorWrapper) -> None:
    """Keep what machines remember now."""
    kept: list[dict[str, Any]] = []
    forgotten: list[tuple[Any, ...]] = []
    for one in watched:
        id, version = one.automation.id, one.automation.version
        if one.is_new:
            kept.append(_row(id, version, FOLLOWED, Kept({}, None)))
            one.is_new = False
        for key, state in one.machine.dirty().items():
            if state is None:
                forgotten.append((id, version, key))
            else:
                kept.append(_row(id, version, key, state))
    if kept:
        # One text: as arrays, quoting them was a quarter of all that following costs.
        cursor.execute(KEEP, [msgspec.json.encode(kept).decode()])
    if forgotten:
        cursor.execute(FORGET, _columns(forgotten))


def _row(id: UUID, version: int, key: str, kept: Kept) -> dict[str, Any]:
    told = {"automation_id": id, "version": version, "key": key}
    return told | {"state": kept.state, "due": kept.due}


def states_of(automations: Iterable[Automation]) -> dict[UUID, dict[str, Mapping[str, Any]]]:
    """Read what automations remember, by their ids; one that is not followed yet is not there."""
    versions = {one.id: one.version for one in automations}
    found: dict[UUID, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    buckets = Bucket.objects.filter(automation__in=versions)
    for id, version, key, state in buckets.values_list("automation_id", "version", "key", "state"):
        if version == versions[id]:
            found[id][key] = state
    return {id: kept for id, kept in found.items() if kept.pop(FOLLOWED, None) is not None}


def forget_others() -> None:
    """Forget what automations remembered that are switched off, gone or another version now."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET_OTHERS)


def late(watched: Iterable[Watched], clock: datetime, cursor: CursorWrapper) -> None:
    """Count the events that came too late."""
    counted = [(one, one.machine.too_late) for one in watched if one.machine.too_late]
    if not counted:
        return
    rows = sorted((one.automation.id, events) for one, events in counted)
    cursor.execute(LATE, [clock, *_columns(rows)])
    for one, _ in counted:
        one.machine.too_late = 0


def clock(at: datetime, carried: bool, place: tuple[int, int]) -> None:
    """Keep the clock, and the place of the log at which all that is remembered stands."""
    now = Clock(id=1, at=at, carried=carried, tx=place[0], seq=place[1])
    Clock.objects.bulk_create(
        [now],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["at", "carried", "tx", "seq"],
    )


def ticks(ticks: Sequence[Tick]) -> None:
    Tick.objects.bulk_create(ticks)


def ticks_from(place: tuple[int, int], clock: datetime) -> Iterable[Tick]:
    """Return the ticks since the clock had come so far at this place, in their order."""
    told = Tick.objects.filter(
        Q(tx__gt=place[0]) | Q(tx=place[0], seq__gte=place[1]), at__gte=clock
    )
    return told.order_by("tx", "seq", "at")


def position(start: tuple[int, int] | None, to: tuple[int, int], cursor: CursorWrapper) -> None:
    """Move the follower, unless another process has; raises Moved."""
    if start is None:
        cursor.execute(BEGIN, [NAME, *to])
        start = to
    cursor.execute(MOVE, [*to, NAME, *start])
    if cursor.rowcount != 1:
        raise Moved(f"{NAME} was moved by another process; this one steps back.")


def prune() -> None:
    """Let go of what is too old: ticks with their events, firings some time after those."""
    since = kept_since()
    Tick.objects.filter(at__lt=since).delete()
    forget_imported()
    long_ago = min(since, timezone.now() - FIRINGS_KEPT)
    old = Firing.objects.filter(fired__lt=long_ago).order_by("fired")[:PRUNE_AT_ONCE]
    Firing.objects.filter(pk__in=[firing.pk for firing in old.only("pk")]).delete()
    Automation.objects.filter(gone__lt=long_ago, firings=None).delete()


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*sorted(rows, key=lambda row: row[:3]), strict=True)]
