"""What is wrong with Eventfeed just now, in plain words, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from apps.events.counters import ALIVE
from apps.events.models import Process
from apps.events.recorder import Recorder
from apps.feed.health import Found, totals
from apps.feed.measures import bytes_in_words, count_in_words, time_in_words

LATE = timedelta(seconds=60)
"""A follower further behind, and not because it was just started, is too slow or stuck."""
STILL = timedelta(minutes=2)
"""A part of the worker takes a step each second or two, also where there is nothing to do."""
HELD_BACK = timedelta(seconds=5)
HALF = 0.5
LITTLE_ROOM = 0.1
HARDLY_ROOM = 1024**3


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong: its name for machines, what is so, and what to do."""

    name: str
    say: str
    do: str
    is_bad: bool = True
    """Whether events are lost, late or in danger; else it wants a look only."""


def troubles(found: Found) -> list[Trouble]:
    """Return what is wrong, the worst first."""
    told = [trouble for look in LOOKS for trouble in look(found)]
    return sorted(told, key=lambda trouble: not trouble.is_bad)


def away(say: str) -> Trouble:
    return Trouble(
        "database-away",
        say,
        "Senders are held for a few seconds and then told to send again; nothing that was "
        f"acknowledged is lost. {_start_postgresql()}",
    )


def _start_postgresql() -> str:
    if settings.EMBEDDED:
        return "Eventfeed starts its own PostgreSQL again by itself; its log says what keeps it."
    return "Start PostgreSQL, or see that DATABASE_URL still leads to it."


def verdict(told: Iterable[Trouble]) -> str:
    """Say it in one line."""
    told = list(told)
    bad = [trouble for trouble in told if trouble.is_bad]
    if len(bad) > 1:
        return f"{len(bad)} things are wrong."
    if bad:
        return "Something is wrong."
    return "All is well, with something to look at." if told else "All is well."


def no_worker(found: Found) -> Iterator[Trouble]:
    just_begun = all(found.at - one.started < ALIVE for one in found.alive)
    if found.alive and just_begun:
        return
    if not any(one.name == "worker" for one in found.alive):
        yield Trouble(
            "no-worker",
            "No worker runs: followers stand still, partitions are neither made nor dropped.",
            "Start one with `manage.py worker`; `manage.py up` has its own and starts it again "
            "when it dies, so its log says why it does not stay.",
        )


def silent(found: Found) -> Iterator[Trouble]:
    alive = {one.id for one in found.alive}
    for one in found.processes:
        if one.id not in alive:
            yield Trouble(
                "silent-process",
                f"The {_named(one)} has said nothing for {time_in_words(found.at - one.seen)}.",
                "If it was ended on purpose, it is forgotten within ten minutes. Otherwise look "
                "whether it still runs and can reach PostgreSQL.",
                is_bad=False,
            )


def recorder_away(found: Found) -> Iterator[Trouble]:
    for one in found.alive:
        if one.counters.get("database_away"):
            yield Trouble(
                "recorder-away",
                f"The {_named(one)} cannot write to PostgreSQL, which others can read.",
                "Look whether PostgreSQL is read-only, out of disk or out of connections; the "
                "log of that process says what it was told.",
            )


def queue(found: Found) -> Iterator[Trouble]:
    for one in found.alive:
        waiting = one.counters.get("queue_events", 0)
        size = one.counters.get("queue_bytes", 0)
        # Half of it is what a single source may fill.
        if max(waiting / Recorder.QUEUE_EVENTS, size / Recorder.QUEUE_BYTES) > HALF * 0.9:
            yield Trouble(
                "queue-full",
                f"In the {_named(one)} {count_in_words(waiting, 'event')} "
                f"({bytes_in_words(size)}) wait to be written.",
                "More arrives than PostgreSQL takes. It passes by itself when the rush is over; "
                "if it stays, PostgreSQL needs a faster disk, or senders need to send less.",
            )


def overloaded(found: Found) -> Iterator[Trouble]:
    for flow in found.flows:
        if flow.refused:
            yield Trouble(
                "overloaded",
                f"{flow.name} was told to wait, {count_in_words(flow.refused, 'time')} within a "
                "minute: it sends more than its share of the queue holds.",
                "Senders that heed a 503 lose nothing. Let it send larger batches, or less.",
            )


def held_back(found: Found) -> Iterator[Trouble]:
    held = found.held
    if not held.events or held.age < HELD_BACK:
        return
    long = [one for one in held.writers if one.age >= HELD_BACK]
    what = f"{count_in_words(held.events, 'event')} stored and not shown yet, for "
    if not long:
        do = "Which one is not visible to Eventfeed's user: grant it pg_read_all_stats to see it."
    elif long[0].state == "prepared":
        do = f"End it: COMMIT PREPARED '{long[0].pid}', or ROLLBACK PREPARED '{long[0].pid}'."
    else:
        do = (
            f"The oldest is of {long[0].who or 'somebody'}, pid {long[0].pid}, in the database "
            f"{long[0].database}, since {time_in_words(long[0].age)}. Let it end, or end it: "
            f"SELECT pg_terminate_backend({long[0].pid});"
        )
    yield Trouble(
        "held-back",
        f"The feed is held back by a long transaction: {what}{time_in_words(held.age)}.",
        do,
    )


def followers(found: Found) -> Iterator[Trouble]:
    for one in found.followers:
        if one.age >= LATE:
            yield Trouble(
                "follower-behind",
                f"The follower {one.name} is {time_in_words(one.age)} behind.",
                "It catches up by itself when the worker runs; if it does not move, the "
                "worker's log says what fails.",
            )


def still(found: Found) -> Iterator[Trouble]:
    for part, seconds in found.steps.items():
        if seconds >= STILL.total_seconds():
            yield Trouble(
                "standing-still",
                f"In the worker, {part} has taken no step for {time_in_words(seconds)}.",
                "Its log says what fails; where it says nothing, start the worker again.",
            )


def outbox(found: Found) -> Iterator[Trouble]:
    if found.outbox.overdue >= STILL:
        yield Trouble(
            "actions-overdue",
            f"An action of an automation has been due for {time_in_words(found.outbox.overdue)}.",
            "Either a receiver is slow and many wait for it, or the worker does not come to it: "
            "the firings' pages and the worker's log say which.",
            is_bad=False,
        )
    if count := found.outbox.parked:
        yield Trouble(
            "actions-parked",
            f"{count_in_words(count, 'action')} of automations given up within a day.",
            "Their receivers did not take them for a day. Mend what keeps them, then “Try again” "
            "on the firings' pages.",
            is_bad=False,
        )


def disk(found: Found) -> Iterator[Trouble]:
    left, of = found.disk.left, found.disk.of
    if left is None or of is None or left >= max(of * LITTLE_ROOM, HARDLY_ROOM):
        return
    yield Trouble(
        "disk",
        f"{bytes_in_words(left)} are left on the disk of the data folder.",
        "Make room, or keep events for fewer days: EVENTFEED_RETENTION_DAYS. A full disk stops "
        "everything that writes.",
        is_bad=left < HARDLY_ROOM,
    )


def partitions(found: Found) -> Iterator[Trouble]:
    ends = [part.end for part in found.parts if part.end]
    if not ends or max(ends) < found.at + timedelta(days=1):
        yield Trouble(
            "partitions",
            "No partition is ready for tomorrow.",
            "The worker makes them each hour, seven days ahead. Make them now with "
            "`manage.py partitions`, which says what is in the way.",
        )


def grpc(found: Found) -> Iterator[Trouble]:
    if dropped := int(totals(found.processes, "grpc_dropped")):
        yield Trouble(
            "grpc-dropped",
            f"{count_in_words(dropped, 'event')} of Flyte passed on to its admin and never stored.",
            "The database was away for longer than memory lasted. The workflows were not "
            "harmed; the log says when. The count begins anew with the process.",
        )
    if waiting := int(totals(found.alive, "grpc_waiting")):
        yield Trouble(
            "grpc-waiting",
            f"{count_in_words(waiting, 'event')} of Flyte, answered by its admin, wait in memory.",
            "They are stored as soon as the database takes them; do not end the process before.",
            is_bad=False,
        )


def refused(found: Found) -> Iterator[Trouble]:
    count = sum(one.within_hour for one in found.rejections)
    if count:
        sources = len({one.source for one in found.rejections if one.within_hour})
        yield Trouble(
            "rejections",
            f"{count_in_words(count, 'rejection')} of {count_in_words(sources, 'source')} within "
            "an hour.",
            "What was wrong with them is below and among the rejections.",
            is_bad=False,
        )


def relays(found: Found) -> Iterator[Trouble]:
    for one in found.alive:
        if (seconds := one.counters.get("relays_unkept", 0)) > LATE.total_seconds():
            yield Trouble(
                "relays-unkept",
                f"The {_named(one)} has not looked after relays for "
                f"{time_in_words(timedelta(seconds=seconds))}.",
                "It goes on trying; its log says what keeps it. What a relay's server keeps "
                "meanwhile is taken over afterwards.",
            )


LOOKS: tuple[Callable[[Found], Iterator[Trouble]], ...] = (
    recorder_away,
    no_worker,
    held_back,
    disk,
    queue,
    overloaded,
    followers,
    still,
    outbox,
    partitions,
    grpc,
    relays,
    silent,
    refused,
)


def _named(process: Process) -> str:
    return f"process “{process.name}” {process.pid} at {process.host}"
