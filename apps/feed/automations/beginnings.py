"""What a new automation begins with: an event, a query, a source, or an example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict

from apps.automations.reading import UNFIT_FIELDS, BadTrigger, read
from apps.events.models import Event
from apps.events.words import kind_of, words
from apps.feed.event_page import find
from apps.feed.rows import ID, ROLE, role_words, shorten
from apps.feed.story import WHOLES
from apps.query import QueryError, clause, display_name, parse

JSON = dict[str, Any]

LONGEST_NAME = 120
# A resource of these kinds happens once: what follows of it is of another one, of the same whole.
ONCE = ("run", "execution", "attempt", "instance")


@dataclass(frozen=True)
class About:
    """A choice of what the events are about: this very resource, those of a whole, or any."""

    key: str
    text: str
    href: str
    chosen: bool


@dataclass(frozen=True)
class LeftOut:
    """A part of a query that no trigger can ask for, and why."""

    text: str
    why: str


@dataclass(frozen=True)
class Beginning:
    """What the editor's fields hold at first."""

    fields: JSON
    event: Event | None = None
    choices: tuple[About, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    wrong: str = ""
    """Why its query fits no trigger."""


@dataclass(frozen=True)
class Example:
    title: str
    say: str
    href: str


EXAMPLES = (
    Example(
        "A flow run fails",
        "Each failed or crashed run of Prefect calls a webhook.",
        "/automations/new?"
        + urlencode({"q": "outcome:failed event:prefect.flow-run.*", "name": "A flow run failed"}),
    ),
    Example(
        "Failures pile up",
        "Three failures of the same flow within ten minutes send one notification.",
        "/automations/new?"
        + urlencode(
            {
                "q": "outcome:failed event:prefect.flow-run.*",
                "kind": "often",
                "for_each": "related.flow",
                "name": "Failures pile up",
            }
        ),
    ),
    Example(
        "Something has not happened",
        "The nightly load says nothing for a day.",
        "/automations/new?"
        + urlencode(
            {
                "q": "outcome:completed any:nightly-orders",
                "kind": "absent",
                "silence": "1 d",
                "name": "nightly-orders was not loaded",
            }
        ),
    ),
    Example(
        "Fewer runs succeed",
        "Over an hour less than nine of ten runs end well.",
        "/automations/new?"
        + urlencode({"q": "event:prefect.flow-run.*", "kind": "metric", "name": "Runs go wrong"}),
    ),
)
# What a link may say of the fields of When.
SAID = ("kind", "silence", "within", "times", "for_each", "metric")


def beginning(asked: QueryDict) -> Beginning:
    """Return what the link to a new automation says of it."""
    if event := _event(asked):
        return _of_event(event, asked)
    if source := asked.get("source", ""):
        return _of_source(source)
    return _of_query(asked)


def _event(asked: QueryDict) -> Event | None:
    try:
        return find(UUID(asked.get("event", "")), asked.get("at", ""))
    except ValueError:
        return None


def _of_query(asked: QueryDict) -> Beginning:
    fields = {name: asked[name] for name in SAID if asked.get(name)}
    told = {"when": fields, "about": {"name": asked.get("name", "")[:LONGEST_NAME]}}
    if "q" not in asked:
        return Beginning(told)
    query, left_out = _fitting(asked.get("q", ""))
    fields["query"] = query
    return Beginning(told, left_out=left_out, wrong=_wrong_with(query))


def _fitting(text: str) -> tuple[str, tuple[LeftOut, ...]]:
    """Take out of a query what stands by itself in it and a trigger cannot ask for."""
    try:
        query = parse(text)
    except QueryError:
        return text, ()
    unfit = [one for one in query.clauses if one.field in UNFIT_FIELDS]
    kept = [text[one.start : one.end] for one in query.clauses if one not in unfit]
    told = [LeftOut(text[one.start : one.end], UNFIT_FIELDS[str(one.field)]) for one in unfit]
    return (" ".join(kept) if unfit else text), tuple(told)


def _wrong_with(query: str) -> str:
    try:
        read({"type": "presence", "query": query})
    except BadTrigger as wrong:
        return wrong.say
    return ""


def _of_source(source: str) -> Beginning:
    fields = {"kind": "absent", "query": clause("source", source), "silence": "1 h"}
    name = f"{source} fell silent"[:LONGEST_NAME]
    return Beginning({"when": fields, "about": {"name": name}})


def _of_event(event: Event, asked: QueryDict) -> Beginning:
    """Of what never happens twice to one resource, what is the same for those of its whole."""
    whole = _whole(event)
    about = asked.get("about") or ("whole" if whole and _is_once(event) else "this")
    if about == "whole" and not whole:
        about = "this"
    named = clause("event", event.event)
    queries = {"this": f"{named} {clause('resource', event.resource_id)}", "any": named}
    if whole:
        queries["whole"] = f"{named} {clause(f'related.{whole[ROLE]}', whole[ID])}"
    kind = asked.get("kind") or "each"
    said = words(event.event, event.resource)
    of = {"this": display_name(event.resource), "any": ""}
    if whole:
        of["whole"] = display_name(whole)
    name = f"{said.text}: {of[about]}" if of.get(about) else said.text
    return Beginning(
        {
            "when": {"kind": kind, "query": queries.get(about, named)},
            "about": {"name": name[:LONGEST_NAME]},
        },
        event=event,
        choices=tuple(_choices(event, whole, about, kind)),
    )


def _choices(event: Event, whole: Mapping[str, str] | None, about: str, kind: str) -> list[About]:
    thing = kind_of(event.resource_id).text
    told = {"this": f"this {thing}, {shorten(display_name(event.resource))}"}
    if whole:
        told["whole"] = f"any {thing} of {role_words(whole[ROLE])} {shorten(display_name(whole))}"
    told["any"] = f"any {thing}"
    link = {"event": str(event.id), "at": str(event.position), "kind": kind}
    return [
        About(key, text, f"/automations/new?{urlencode(link | {'about': key})}", key == about)
        for key, text in told.items()
    ]


def _whole(event: Event) -> Mapping[str, str] | None:
    roles = {labels.get(ROLE): labels for labels in reversed(event.related)}
    found = next((roles[role] for role in WHOLES if role in roles), None)
    return found if found and found.get(ID) else None


def _is_once(event: Event) -> bool:
    return kind_of(event.resource_id).text.rpartition(" ")[2] in ONCE
