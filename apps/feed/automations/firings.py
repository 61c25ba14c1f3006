"""The firings of an automation, and one of them as it explains itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Prefetch, Q
from django.utils import timezone

from apps.automations.models import Attempt, Automation, Firing, Task
from apps.events.words import words
from apps.feed.automations.listing import Moment
from apps.feed.automations.saying import deed, kind_said, said_of
from apps.feed.chain import by_id, chain
from apps.feed.event_page import Link
from apps.feed.moments import BadMoment, moment
from apps.query import display_name

JSON = dict[str, Any]

PAGE = 50
# How a task stands, as the outcome whose mark and colour it has.
STANDING: Mapping[str, tuple[str, str]] = {
    Task.State.WAITING: ("waiting", "to be done"),
    Task.State.DONE: ("completed", "done"),
    Task.State.FAILED: ("failed", "failed"),
    Task.State.PARKED: ("failed", "given up after a day"),
    Task.State.DRY: ("information", "not done: dry run"),
}
SENT = {"record": "What was recorded", "switch": "What was switched"}
AGAIN = (Task.State.FAILED, Task.State.PARKED)


@dataclass(frozen=True)
class Row:
    """A firing in the list of its automation."""

    firing: Firing
    tasks: list[Task]

    @property
    def href(self) -> str:
        return f"/automations/firings/{self.firing.id}"

    @property
    def when(self) -> Moment | None:
        return Moment.of(self.firing.fired)

    @property
    def outcome(self) -> str:
        return outcome_of(self.firing, self.tasks)

    @property
    def standing(self) -> str:
        """What became of its actions, in a few words; of none, why."""
        if self.firing.silent:
            return f"Nothing done. {self.firing.silent}"
        if not self.tasks:
            return "no action"
        told = [_standing(one) for one in self.tasks]
        return ", ".join(
            f"{told.count(one)} {one}" if len(told) > 1 else one for one in dict.fromkeys(told)
        )

    @property
    def event(self) -> Seen | None:
        """The last event behind it."""
        return _seen(self.firing.events[-1]) if self.firing.events else None

    @property
    def is_one(self) -> bool:
        return is_of_one(self.firing)

    @property
    def key(self) -> list[str]:
        return [str(value) for value in self.firing.key.values() if value]


@dataclass(frozen=True)
class Page:
    rows: list[Row]
    older: str


def firings_of(automation: Automation, before: str) -> Page:
    """Return a page of firings, the newest first; `before` is what the last page ended with."""
    found = automation.firings.prefetch_related("tasks")
    if end := _end(before):
        fired, id = end
        found = found.filter(Q(fired__lt=fired) | Q(fired=fired, id__lt=id))
    firings = list(found[: PAGE + 1])
    older = ""
    if len(firings) > PAGE:
        last = firings[PAGE - 1]
        older = "?" + urlencode({"before": f"{last.fired.isoformat()}_{last.id}"})
    return Page([Row(one, list(one.tasks.all())) for one in firings[:PAGE]], older)


def _end(before: str) -> tuple[datetime, UUID] | None:
    fired, _, id = before.partition("_")
    try:
        return datetime.fromisoformat(fired), UUID(id)
    except ValueError:
        return None


def is_of_one(firing: Firing) -> bool:
    """Say whether it is simply about one event, of which there is no more to say."""
    return firing.count == 1 and len(firing.events) == 1 and firing.start == firing.end


def outcome_of(firing: Firing, tasks: Iterable[Task]) -> str:
    """Return the outcome whose mark a firing has: the worst of its tasks."""
    states = {one.state for one in tasks}
    for state in (*AGAIN, Task.State.WAITING, Task.State.DONE):
        if state in states:
            return STANDING[state][0]
    return "completed" if firing.kind == Firing.Kind.RESOLVED else "information"


@dataclass(frozen=True)
class Done:
    """One action of a firing, and what became of it."""

    task: Task
    kind: str
    say: str
    outcome: str
    standing: str
    attempts: list[Attempt]

    @property
    def number(self) -> int:
        return self.task.at + 1

    @property
    def may_try_again(self) -> bool:
        return self.task.state in AGAIN

    @property
    def sent_title(self) -> str:
        if self.task.state == Task.State.DRY:
            return "What would have been done"
        return SENT.get(str(self.task.action.get("type")), "What was sent")

    @property
    def sent(self) -> str:
        """What was sent, as text, without secrets; "" when nothing was yet."""
        return sent_as_text(self.task.rendered)

    @property
    def due(self) -> Moment | None:
        return Moment.of(self.task.due) if self.task.state == Task.State.WAITING else None


@dataclass(frozen=True)
class Seen:
    """An event behind a firing, as the firing kept it."""

    href: str
    text: str
    name: str
    outcome: str
    message: str
    occurred: Moment | None


def tasks_of(firing: Firing) -> list[Done]:
    attempts = Prefetch("attempts", Attempt.objects.order_by("began", "id"))
    return [
        Done(
            task=one,
            kind=kind_said(one.action),
            say=deed(one.action),
            outcome=STANDING[one.state][0],
            standing=_standing(one),
            attempts=list(one.attempts.all()),
        )
        for one in firing.tasks.prefetch_related(attempts).order_by("at")
    ]


def sent_as_text(rendered: Any) -> str:
    """Write what an action sends, with the JSON in its body spread out; "" for nothing."""
    if not rendered:
        return ""
    if isinstance(rendered, dict) and isinstance(rendered.get("body"), str):
        rendered = rendered | {"body": _spread(rendered["body"])}
    return json.dumps(rendered, indent=2, ensure_ascii=False)


def _spread(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def _standing(task: Task) -> str:
    if task.state == Task.State.WAITING and task.tries:
        return "to be tried again"
    return STANDING[task.state][1]


def events_of(firing: Firing) -> list[Seen]:
    """Return the events behind a firing, as it kept them."""
    return [_seen(one) for one in firing.events]


def _seen(event: JSON) -> Seen:
    resource = event.get("resource") or {}
    return Seen(
        href=f"/events/{event.get('id', '')}",
        text=words(str(event.get("event", "")), resource).text,
        name=display_name(resource) if resource else "",
        outcome=str(event.get("outcome", "information")),
        message=str(event.get("message") or ""),
        occurred=Moment.of(_moment(event.get("occurred"))),
    )


def _moment(told: Any) -> datetime | None:
    try:
        return moment(str(told), timezone.now()) if told else None
    except BadMoment:
        return None


def chain_of(firing: Firing) -> list[Link]:
    """Return what led to a firing and what came of it, by `follows`, in order."""
    event = by_id().filter(id=firing.id).first()
    if event is None:
        return []
    found = chain(event)
    events = [*found.leaders, event, *found.followers]
    befores = [None, *events[:-1]]
    return [
        Link.to(one, before=before, current=one is event)
        for one, before in zip(events, befores, strict=True)
    ]


@dataclass(frozen=True)
class FiringPage:
    """Everything the page of a firing shows."""

    firing: Firing

    @property
    def when(self) -> Moment | None:
        return Moment.of(self.firing.fired)

    @property
    def when_said(self) -> str:
        """What was waited for, "" when that has changed since."""
        automation = self.firing.automation
        return said_of(automation).when if automation.version == self.firing.version else ""

    @property
    def window(self) -> tuple[Moment | None, Moment | None]:
        return Moment.of(self.firing.start), Moment.of(self.firing.end)

    @property
    def acknowledged(self) -> Moment | None:
        return Moment.of(self.firing.acknowledged)

    @cached_property
    def tasks(self) -> list[Done]:
        return tasks_of(self.firing)

    @property
    def outcome(self) -> str:
        return outcome_of(self.firing, [one.task for one in self.tasks])

    @property
    def events(self) -> list[Seen]:
        return events_of(self.firing)

    @property
    def more_events(self) -> int:
        return max(0, self.firing.count - len(self.firing.events))

    @property
    def children(self) -> list[Child]:
        return [Child.of(one) for one in self.firing.children]

    @cached_property
    def chain(self) -> list[Link]:
        return chain_of(self.firing)


@dataclass(frozen=True)
class Child:
    """A firing of one of the triggers that a composite is made of."""

    why: str
    fired: Moment | None
    event: Seen | None

    @classmethod
    def of(cls, told: JSON) -> Child:
        event = told.get("triggering_event")
        return cls(
            why=str(told.get("why", "")),
            fired=Moment.of(_moment(told.get("triggered"))),
            event=_seen(event) if event else None,
        )
