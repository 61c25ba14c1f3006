"""What may come next in a query: fields, then values with how often they were seen lately."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from apps.events.words import words
from apps.feed.api_errors import as_json
from apps.feed.mistake import literal_of
from apps.feed.vocabulary import Vocabulary, vocabulary
from apps.query import QueryError, Value, parse
from apps.query.fields import STATES
from apps.query.outcomes import OUTCOMES
from apps.query.parse import ALIASES
from apps.query.values import unquote
from apps.resources import suggest

MOST = 20
LONGEST_TEXT = 2_000

FIELDS: Mapping[str, str] = {
    "event:": "the name of the event",
    "outcome:": "failed, completed, running, waiting, information",
    "any:": "a resource, primary or related: name or id",
    "resource:": "the primary resource: name or id",
    "related:": "a related resource: name or id",
    "label.": "a label of any resource",
    "payload.": "a value in the payload",
    "source:": "which source sent it",
    "system:": "prefect, openlineage, flyte, …",
    "occurred:": "when it occurred",
    "received:": "when it was stored",
    "has:": "that a field is there",
    "is:": "late, warned",
    "related.role:": "that some resource is related in a role",
    "related(": "several things of one related resource",
    "id:": "one event",
    "follows:": "what follows an event directly",
    "chain:": "the whole chain of an event",
}
OF_ONE_RESOURCE: Mapping[str, str] = {
    "id:": "its id",
    "name:": "what it is called",
    "role:": "what it is to the event",
    "label.": "one of its labels",
}
TIMES: Mapping[str, str] = {
    ">now-15m": "in the last 15 minutes",
    ">now-1h": "in the last hour",
    ">now-24h": "in the last 24 hours",
    "today": "since midnight, UTC",
    "yesterday": "the whole day",
    "[now-2h TO now-1h]": "from one to the other",
}
# Behind a comparison, and in a list.
MOMENTS: Mapping[str, str] = {
    "now-15m": "15 minutes ago",
    "now-1h": "an hour ago",
    "now-24h": "24 hours ago",
    "today": "since midnight, UTC",
    "yesterday": "the whole day",
}
_FIELD = re.compile(r'@?[^\W\d][\w-]*(?:\.(?:[^\s()":\[\],.*]+|"(?:[^"\\]|\\.)*")(?:\[\])*)*:')
_ABOUT = re.compile(r"[-!]*(resource|related|any)")
_SIGNS = re.compile(r"[-!]*")
_COMPARISON = re.compile(r"[<>]=?")


@dataclass(frozen=True)
class Option:
    """What is put in place of what is being typed."""

    insert: str
    text: str
    detail: str = ""
    count: int | None = None


@dataclass(frozen=True)
class Typing:
    """What stands before the caret: a field and the beginning of a value, or of a field."""

    field: str
    begun: str
    """As it is typed, quotes and all: this is what gets replaced."""
    within: str = ""
    """Of which one resource it is asked: of the `resource`, of a `related`, of `any`."""
    before: str = ""
    """What stands between the field and the value: a comparison, or what opens a list."""

    @property
    def text(self) -> str:
        begun = self.begun.removeprefix('"') if self.begun.startswith('"') else self.begun
        return unquote(f'"{begun}"') if self.begun.startswith('"') else begun


@require_GET
def complete(request: HttpRequest) -> HttpResponse:
    """Answer `?before=TEXT` with what may stand at its end.

    `back` is how much of the text is replaced, in UTF-16 units as scripts count; `of` says of how
    many of the newest events the counts are.
    """
    typing = typing_in(request.GET.get("before", "")[:LONGEST_TEXT].replace("\0", ""))
    known = vocabulary()
    options = list(options_for(typing, known))[:MOST]
    return as_json(
        {
            "back": len(typing.begun.encode("utf-16-le")) // 2,
            "of": known.events,
            "options": [vars(option) for option in options],
        }
    )


@require_GET
def understand(request: HttpRequest) -> HttpResponse:
    """Answer `?q=TEXT` with what is understood, or with what is wrong and where."""
    text = request.GET.get("q", "").strip()
    try:
        query = parse(text)
    except QueryError as error:
        return as_json({"error": told(error, text)})
    return as_json({"canonical": query.canonical, "said": query.sentence()})


def told(error: QueryError, text: str) -> dict[str, Any]:
    return {
        "say": error.say,
        "before": text[: error.start],
        "marked": text[error.start : error.end],
        "after": text[error.end :],
        "suggestion": error.suggestion,
        "literal": literal_of(text),
    }


def typing_in(text: str) -> Typing:
    """Find what is being typed at the end of a text."""
    token, within = _last_token(text)
    token = token[len(_SIGNS.match(token)[0]) :]  # type: ignore[index]  # it matches anything
    found = _FIELD.match(token)
    if not found:
        return Typing("", token, within)
    value = token[found.end() :]
    if value.startswith(("[", "(")):
        listed = re.split(r",|\sOR\s", value[1:])[-1].lstrip()
        return Typing(found[0][:-1], listed, within, before=value[0])
    before = comparison[0] if (comparison := _COMPARISON.match(value)) else ""
    return Typing(found[0][:-1], value[len(before) :], within, before)


def _last_token(text: str) -> tuple[str, str]:
    """Return the text behind the last space or bracket that ends a clause, and within what."""
    opened: list[str] = []
    start, in_quotes, in_list, escaped = 0, False, False, False
    for at, character in enumerate(text):
        if in_quotes:
            in_quotes = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_quotes = True
        elif in_list:
            in_list = character not in "])"
        elif character in "[(" and text[start:at].endswith(":"):
            in_list = True
        elif character.isspace() or character in "()":
            if character == "(":
                about = _ABOUT.fullmatch(text[start:at])
                opened.append(about[1] if about else opened[-1] if opened else "")
            elif character == ")" and opened:
                opened.pop()
            start = at + 1
    return text[start:], opened[-1] if opened else ""


def options_for(typing: Typing, known: Vocabulary) -> Iterator[Option]:
    if not typing.field:
        return _fields(typing, known)
    values = _values_of_one_resource if typing.within else _values
    options = values(typing, known)
    if _COMPARISON.fullmatch(typing.before):
        return (option for option in options if _has_order(typing, option))
    return options


def _has_order(typing: Typing, option: Option) -> bool:
    """Whether it can be compared: a number, or a time."""
    clause = f"{typing.field}:{typing.before}{option.insert}"
    try:
        parse(f"{typing.within}({clause})" if typing.within else clause)
    except QueryError:
        return False
    return True


def _fields(typing: Typing, known: Vocabulary) -> Iterator[Option]:
    begun = _in_full(typing.begun)
    name, dot, _ = begun.partition(".")
    if not dot:
        for field, detail in (OF_ONE_RESOURCE if typing.within else FIELDS).items():
            if field.startswith(begun.lower()):
                yield Option(field, field, detail)
        return
    if typing.within and name != "label":
        return
    fields = known.fields(name)
    for field, count in _matching(fields, begun):
        yield Option(f"{field}:", f"{field}:", "", count)


def _in_full(field: str) -> str:
    """Return what a field is that is written in a shorter way."""
    if field.startswith("@"):
        return f"payload.{field[1:]}"
    return ALIASES.get(field, field)


def _values_of_one_resource(typing: Typing, known: Vocabulary) -> Iterator[Option]:
    counted = known.values[typing.within]
    match typing.field:
        case "id":
            yield from _resources(typing.text, counted, known)
        case "name":
            named = Counter[str]()
            for id, count in counted.items():
                if id in known.names:
                    named[known.names[id]] += count
            yield from _told(named, typing.text)
        case "role":
            yield from _told(known.values["related.role"], typing.text)
        case field if field.startswith("label."):
            yield from _told(known.values[field], typing.text)


def _values(typing: Typing, known: Vocabulary) -> Iterator[Option]:
    field, text = _in_full(typing.field), typing.text
    match field:
        case "outcome":
            counted = known.values["outcome"]
            yield from _listed(dict.fromkeys(OUTCOMES, ""), text, counted)
        case "is":
            yield from _listed({name: said for name, (_, said) in STATES.items()}, text)
        case "occurred" | "received":
            times = MOMENTS if typing.before else TIMES
            yield from (Option(time, time, said) for time, said in times.items() if text in time)
        case "has":
            fields = known.fields("label") + known.fields("payload")
            for name, count in [("follows", None), ("related", None), *_matching(fields, text)]:
                if text in name:
                    yield Option(_written(name), name, "", count)
        case "event":
            yield from _names(text, known)
        case "any" | "resource" | "related":
            yield from _resources(text, known.values[field], known)
        case _ if field.startswith("related.") and field != "related.role":
            yield from _resources(text, known.values[field], known, asked=False)
        case _:
            yield from _told(known.values[field], text)


def _told(counted: Mapping[str, int], text: str) -> Iterator[Option]:
    for value, count in _matching(counted, text):
        yield Option(_written(value), value, "", count)


def _listed(
    values: Mapping[str, str], text: str, counted: Mapping[str, int] | None = None
) -> Iterator[Option]:
    for value, detail in values.items():
        if value.startswith(text.lower()):
            yield Option(value, value, detail, counted.get(value, 0) if counted else None)


def _names(text: str, known: Vocabulary) -> Iterator[Option]:
    """Offer names of the whole feed, the frequent ones of late first."""
    counted = known.values["event"]
    found = []
    for one in suggest.names(text.rstrip("*"), MOST):
        if one.is_prefix:
            of_all = sum(n for name, n in counted.items() if name.startswith(one.name[:-1]))
            found.append(Option(one.name, one.name, "all that begin so", of_all))
        else:
            said = words(one.name).text
            found.append(Option(_written(one.name), one.name, said, counted.get(one.name, 0)))
    yield from sorted(found, key=lambda option: -(option.count or 0))


def _resources(
    text: str, counted: Mapping[str, int], known: Vocabulary, *, asked: bool = True
) -> Iterator[Option]:
    names = {id: name for id, name in known.names.items() if id in counted}
    lately = [
        (id, count)
        for id, count in counted.items()
        if text.lower() in id.lower() or text.lower() in names.get(id, "").lower()
    ]
    seen = set()
    for id, count in sorted(lately, key=lambda one: -one[1])[:MOST]:
        seen.add(id)
        yield Option(_written(id), names.get(id, id), id if id in names else "", count)
    for found in suggest.resources(text, MOST) if asked else ():
        if found.id not in seen:
            yield Option(_written(found.id), found.display_name, found.kind)


def _matching(counted: Mapping[str, int], text: str) -> Iterable[tuple[str, int]]:
    """Return what holds the text, first what begins with it, the frequent first."""
    text = text.lower()
    found = [(value, count) for value, count in counted.items() if text in value.lower()]
    return sorted(found, key=lambda one: (not one[0].lower().startswith(text), -one[1], one[0]))


def _written(value: str) -> str:
    return Value(value, quoted=True).written()
