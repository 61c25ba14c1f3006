"""The page that says how Eventfeed is, also while its database is away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.accounts.middleware import SignInRequired
from apps.automations.doing.backlog import MOST_COUNTED
from apps.events.counters import counters, sums
from apps.events.models import Process
from apps.events.words import system_title
from apps.feed.health import Away, Flow, Found, Part, Place, Writer, look_around
from apps.feed.measures import bytes_in_words, count_in_words, time_in_words
from apps.feed.rows import exact, iso
from apps.feed.verdict import Trouble, away, troubles, verdict

MOST_REASONS = 20
MOST_FLOWS = 100
# Those without an event for a day are on the sources page.
LATELY_MINUTES = 5


@login_not_required
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Look first: who is asking can only be told while the database is there."""
    try:
        found = look_around()
    except Away as error:
        return without_database(request, str(error))

    def page(request: HttpRequest) -> HttpResponse:
        return with_database(request, found)

    return door.process_view(request, page, (), {}) or page(request)


door = SignInRequired(lambda request: HttpResponse())


def with_database(request: HttpRequest, found: Found) -> HttpResponse:
    flows = [flow for flow in found.flows if flow.today or flow.told or flow.refused]
    told = troubles(found)
    return show(
        request,
        told,
        {
            "at": moment(found.at),
            "flows": [flow_row(flow) for flow in flows[:MOST_FLOWS]],
            "more_flows": max(0, len(found.flows) - len(flows[:MOST_FLOWS])),
            "rejections": found.rejections[:MOST_REASONS],
            "more_reasons": max(0, len(found.rejections) - MOST_REASONS),
            "processes": [process_row(process, found.at) for process in found.processes],
            "followers": [place_row(place) for place in found.followers],
            "outbox": outbox_facts(found),
            "retried": found.outbox.retried.items(),
            "held": held_facts(found),
            "writers": [writer_row(one) for one in found.held.writers],
            "parts": [part_row(part) for part in reversed(found.parts) if part.events],
            "empty_parts": sum(not part.events for part in found.parts),
            "disk": disk_facts(found),
        },
    )


def without_database(request: HttpRequest, say: str) -> HttpResponse:
    """Say what this process knows by itself, and strangers no more than that it is away."""
    known: dict[str, Any] = {"at": moment(timezone.now()), "user": AnonymousUser()}
    if settings.LOCAL_MODE:
        known["own"] = own_facts(sums(counters))
    else:
        say = "PostgreSQL is away."
    return show(request, [away(say)], known, status=503)


def show(
    request: HttpRequest, told: Iterable[Trouble], known: dict[str, Any], status: int = 200
) -> HttpResponse:
    told = list(told)
    standing = {
        "nav": "health",
        "verdict": verdict(told),
        "outcome": outcome_of(told),
        "troubles": told,
    }
    answer = render(request, "health/health.html", standing | known, status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def outcome_of(told: Iterable[Trouble]) -> str:
    """Return the word whose colour and mark the verdict has."""
    return {True: "failed", False: "waiting", None: "completed"}[
        max((trouble.is_bad for trouble in told), default=None)
    ]


def flow_row(flow: Flow) -> dict[str, Any]:
    return {
        "href": f"/sources/{flow.source_id}",
        "name": flow.name,
        "system": system_title(flow.system),
        "rate": rate(flow.lately),
        "today": f"{flow.today:,}",
        "told": f"{flow.told:,}" if flow.told else "–",
        "lag": lag(flow.lag),
        "last": flow.last and moment(flow.last),
    }


def rate(lately: int) -> str:
    """Say how much comes: by the minute where that is enough to say so."""
    if lately >= LATELY_MINUTES:
        return f"{lately / LATELY_MINUTES:,.0f} a minute"
    return f"{lately} in {LATELY_MINUTES} minutes" if lately else "–"


def lag(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{time_in_words(-seconds)} ahead" if seconds < -0.05 else time_in_words(seconds)


def process_row(process: Process, now: datetime) -> dict[str, Any]:
    told = process.counters
    queued = told.get("queue_events", 0)
    return {
        "name": process.name,
        "pid": process.pid,
        "host": process.host,
        "seen": time_in_words(now - process.seen),
        "age": time_in_words(now - process.started),
        "facts": "; ".join(process_facts(told)),
        "queue": f"{queued:,} ({bytes_in_words(told.get('queue_bytes', 0))})"
        if queued
        else "empty",
        "viewers": told.get("viewers", 0),
    }


def process_facts(told: dict[str, Any]) -> list[str]:
    """Return what there is to say of a process beside its queue."""
    refused = sum(told.get("refused", {}).values())
    attempts = sum(told.get("attempts", {}).values())
    facts = [
        (told.get("stored"), f"{told.get('stored', 0):,} stored"),
        (told.get("known"), f"{told.get('known', 0):,} came again"),
        (
            told.get("batches"),
            f"{told.get('batches', 0):,} batches, the largest of {told.get('largest', 0):,}",
        ),
        (refused, f"{refused:,} times told to wait"),
        (attempts, f"{count_in_words(attempts, 'attempt')} at actions"),
        (told.get("away"), f"{told.get('away', 0):,} times without a database"),
        (told.get("grpc_waiting"), f"{told.get('grpc_waiting', 0):,} forwarded by gRPC wait"),
        (told.get("grpc_dropped"), f"{told.get('grpc_dropped', 0):,} forwarded by gRPC lost"),
    ]
    return [fact for count, fact in facts if count]


def own_facts(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("Waits to be written", count_in_words(told.get("queue_events", 0), "event")),
        ("Its size", bytes_in_words(told.get("queue_bytes", 0))),
        ("Stored since it began", count_in_words(told["stored"], "event")),
        ("Told to send again", count_in_words(told["away"], "request")),
        ("Forwarded by gRPC, waiting", count_in_words(told.get("grpc_waiting", 0), "event")),
        ("Forwarded by gRPC, lost", count_in_words(told.get("grpc_dropped", 0), "event")),
    ]


def place_row(place: Place) -> dict[str, Any]:
    return {
        "name": place.name,
        "position": f"{place.tx}-{place.seq}",
        "behind": behind(place),
        "moved": moment(place.moved),
    }


def behind(place: Place) -> str:
    if not place.events:
        return "not at all"
    more = "more than " if place.is_more else ""
    return f"{more}{count_in_words(place.events, 'event')}, {time_in_words(place.age)}"


def outbox_facts(found: Found) -> str:
    outbox = found.outbox
    if not outbox.waiting:
        return "No action waits."
    more = "more than " if outbox.waiting >= MOST_COUNTED else ""
    return (
        f"{more}{count_in_words(outbox.waiting, 'action')} not done yet, the oldest for "
        f"{time_in_words(outbox.oldest)}."
    ).capitalize()


def held_facts(found: Found) -> str:
    held = found.held
    if not held.events:
        return "Nothing is held back: what is stored is shown."
    return (
        f"{count_in_words(held.events, 'event')} stored and not shown yet, the oldest for "
        f"{time_in_words(held.age)}."
    )


def writer_row(writer: Writer) -> dict[str, Any]:
    return {
        "pid": writer.pid,
        "who": writer.who or "somebody",
        "database": writer.database,
        "state": writer.state,
        "age": time_in_words(writer.age),
        "began": writer.query_start and moment(writer.query_start),
        "query": writer.query,
    }


def part_row(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "span": span_of(part),
        "events": f"{part.events:,}",
        "bytes": bytes_in_words(part.bytes),
    }


def span_of(part: Part) -> str:
    if part.start is None or part.end is None:
        return "what lies outside all others"
    return f"{part.start:%Y-%m-%d} to {part.end:%Y-%m-%d}"


def disk_facts(found: Found) -> str:
    disk = found.disk
    used = f"The database takes {bytes_in_words(disk.used)}."
    if disk.left is None or disk.of is None:
        return f"{used} What is left on its disk, a PostgreSQL elsewhere does not say."
    return f"{used} {bytes_in_words(disk.left)} of {bytes_in_words(disk.of)} are left on its disk."


def moment(moment: datetime) -> dict[str, str]:
    return {"iso": iso(moment), "exact": exact(moment)}
