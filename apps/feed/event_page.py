"""Everything the page of one event shows, the same for the drawer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from apps.events.models import Event, Rejection
from apps.events.position import BadPosition, Position
from apps.events.words import Kind, Words, kind_of, system_title, words
from apps.feed.around import Around, around, near
from apps.feed.chain import Chain, by_id, chain
from apps.feed.columns import LABEL, Column
from apps.feed.drawn import Drawn, drawn
from apps.feed.moments import MOMENT, ago
from apps.feed.neighbours import earlier, following, previous
from apps.feed.payload_tree import Node, tree
from apps.feed.rows import ID, ROLE, exact, filtered, iso, role_words
from apps.feed.story import Parts, story
from apps.query import clause, display_name

NAME = "prefect.resource.name"
LARGEST_TREE = 256_000
LARGEST_RAW = 64_000
BEGINNING = 2_000
MOST_RELATED = 100
EARLIER = 10
FIRED = "eventfeed.automation."


@dataclass(frozen=True)
class Value:
    """A text with the links that filter the feed by it, or without it."""

    text: str
    only: str
    without: str
    column: str = ""

    @property
    def moment(self) -> tuple[str, str] | None:
        """The text as a moment in UTC, for machines and for people, when it is a full one."""
        if "T" not in self.text:
            return None
        try:
            moment = datetime.fromisoformat(self.text)
            return (iso(moment), exact(moment)) if moment.tzinfo else None
        except (ValueError, OverflowError):
            return None

    @classmethod
    def of(cls, field: str, text: str) -> "Value":
        return cls(text, filtered(clause(field, text)), filtered(clause(field, text, negated=True)))

    @classmethod
    def of_label(cls, key: str, text: str) -> "Value":
        return replace(cls.of(f"label.{key}", text), column=Column(LABEL, (key,)).text)


@dataclass(frozen=True)
class Resource:
    role: str
    name: str
    id: Value
    kind: Kind
    labels: list[tuple[str, Value]]

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> "Resource":
        role = labels.get(ROLE, "")
        shown = [(key, value) for key, value in labels.items() if key not in (ID, ROLE, NAME)]
        return cls(
            role=role_words(role),
            name=display_name(labels),
            id=Value.of("any", labels.get(ID, "")),
            kind=kind_of(labels.get(ID, ""), role),
            labels=[(key, Value.of_label(key, value)) for key, value in shown],
        )


def _links(field: str, text: str) -> tuple[str, str]:
    return filtered(clause(field, text)), filtered(clause(field, text, negated=True))


@dataclass(frozen=True)
class Link:
    """One step of a chain, or a neighbour: when, what, and how long after the one before."""

    href: str
    words: str
    name: str
    outcome: str
    iso: str
    exact: str
    after: str = ""
    current: bool = False

    @classmethod
    def to(cls, event: Event, *, before: Event | None = None, current: bool = False) -> "Link":
        said = words(event.event, event.resource)
        return cls(
            href=f"/events/{event.id}?at={event.at}",
            words=said.text,
            name=display_name(event.resource),
            outcome=event.outcome_word,
            iso=iso(event.occurred),
            exact=exact(event.occurred),
            after=_signed(event, before) if before else "",
            current=current,
        )


def _signed(event: Event, before: Event) -> str:
    span = event.occurred - before.occurred
    sign = "-" if span.total_seconds() < 0 else "+"
    return sign + ago(span).replace("under ", "<")


@dataclass(frozen=True)
class Payload:
    """A payload as far as a page can carry it."""

    size: int
    text: str | None
    beginning: str | None = None

    @cached_property
    def tree(self) -> Node | None:
        return tree(json.loads(self.text)) if self.text is not None else None

    @property
    def empty(self) -> bool:
        return self.text == "{}"

    @property
    def raw(self) -> str:
        """The whole payload as indented JSON, "" when it is too long to show."""
        if self.text is None or self.size > LARGEST_RAW:
            return ""
        return json.dumps(json.loads(self.text), indent=2, ensure_ascii=False)


class EventPage:
    """One event, and what stands around it in the log."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.at = event.at

    @cached_property
    def words(self) -> Words:
        return words(self.event.event, self.event.resource)

    @cached_property
    def name(self) -> Value:
        return Value.of("event", self.event.event)

    @property
    def id(self) -> Value:
        return Value.of("id", str(self.event.id))

    @property
    def outcome(self) -> Value:
        return Value.of("outcome", self.event.outcome_word)

    @property
    def system(self) -> Value:
        return Value(system_title(self.event.system), *_links("system", self.event.system))

    @property
    def occurred(self) -> tuple[str, str]:
        return iso(self.event.occurred), exact(self.event.occurred)

    @property
    def received(self) -> tuple[str, str]:
        return iso(self.event.received), exact(self.event.received)

    @cached_property
    def around(self) -> list[Around]:
        return around(self.event)

    @property
    def around_received(self) -> str:
        return near(self.event.received)

    @property
    def ago(self) -> str:
        since = timezone.now() - self.event.occurred
        return f"{ago(since)} ago" if since.total_seconds() >= 0 else f"in {ago(since)}"

    @property
    def lag(self) -> str:
        """How long after it occurred it came, or how far the sender's clock is ahead."""
        lag = self.event.received - self.event.occurred
        if abs(lag) < MOMENT:
            return "as it occurred"
        if lag.total_seconds() < 0:
            return f"{ago(lag)} before it occurred: the sender's clock is ahead"
        return f"{ago(lag)} after it occurred"

    @cached_property
    def story(self) -> Parts:
        resource = self.event.resource_id
        before = [other for other in self.chain.leaders if other.resource_id == resource]
        return story(self.event, before or earlier(self.event, EARLIER))

    @cached_property
    def resource(self) -> Resource:
        return Resource.of(self.event.resource)

    @cached_property
    def related(self) -> list[Resource]:
        return [Resource.of(labels) for labels in self.event.related[:MOST_RELATED]]

    @property
    def related_left_out(self) -> int:
        return max(0, len(self.event.related) - MOST_RELATED)

    @cached_property
    def details(self) -> list[Drawn]:
        """What people of its system look for; not of a payload too large to be drawn."""
        return drawn(self.event) if self.payload.text is not None else []

    @property
    def firing(self) -> str:
        """The page of the firing that an event of an automation tells of, "" for other events."""
        if not self.event.event.startswith(FIRED) or self.payload.text is None:
            return ""
        told = json.loads(self.payload.text).get("firing")
        return f"/automations/firings/{told}" if is_id(told) else ""

    @cached_property
    def payload(self) -> Payload:
        return read_payload(self.event)

    @cached_property
    def chain(self) -> Chain:
        return chain(self.event)

    @property
    def steps(self) -> list[Link]:
        """The chain in order, each step with its distance from the one before."""
        events = [*self.chain.leaders, self.event, *self.chain.followers]
        befores = [None, *events[:-1]]
        return [
            Link.to(event, before=before, current=event is self.event)
            for event, before in zip(events, befores, strict=True)
        ]

    @cached_property
    def previous(self) -> Link | None:
        found = previous(self.event)
        return Link.to(found, before=self.event) if found else None

    @cached_property
    def following(self) -> Link | None:
        found = following(self.event)
        return Link.to(found, before=self.event) if found else None

    @cached_property
    def twins(self) -> list[Link]:
        """Other events that were sent with the same id."""
        found = by_id().filter(id=self.event.id)[:10]
        return [Link.to(other) for other in found if other != self.event]

    @cached_property
    def rejections(self) -> list[Rejection]:
        """Messages with this event's id that were refused."""
        return list(Rejection.objects.filter(event_id=str(self.event.id)).order_by("-id")[:5])


def is_id(told: object) -> bool:
    try:
        return bool(UUID(told)) if isinstance(told, str) else False
    except ValueError:
        return False


def find(id: UUID, at: str) -> Event | None:
    """Return the event of this id at this position; without one, the first received."""
    events = by_id().filter(id=id)
    try:
        position = Position.parse(at)
    except BadPosition:
        return events.first()
    return events.filter(tx=position.tx, seq=position.seq).first() or events.first()


def read_payload(event: Event) -> Payload:
    """Read the size of a payload, and its text, or only its beginning when it is too long."""
    fits = f"octet_length(payload::text) <= {LARGEST_TREE}"
    return Payload(
        *_select(
            "octet_length(payload::text),"
            f" CASE WHEN {fits} THEN payload::text END,"
            f" CASE WHEN NOT {fits} THEN left(payload::text, {BEGINNING}) END",
            event,
        )
    )


def whole_payload(event: Event) -> str:
    return _select("payload::text", event)[0]


def _select(columns: str, event: Event) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM event WHERE id = %s AND occurred = %s",  # noqa: S608
            [event.id, event.occurred],
        )
        return cursor.fetchone()
