"""What a hook would make of a delivery that somebody has pasted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.events.draft import RESOURCE_ID, Draft
from apps.events.models import Rejection
from apps.events.words import Words, words
from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.hooks.drafting import Recipe
from apps.ingest.hooks.hook import Hook
from apps.ingest.hooks.reading import asked, elements_in
from apps.ingest.hooks.ready import READY, Ready
from apps.ingest.hooks.rendering import render_now
from apps.ingest.rejections import shown_bytes

JSON = "application/json"
SHOWN_OF_PAYLOAD = 20_000


@dataclass(frozen=True)
class Sample:
    """A delivery to try a template on, as it stands in the two boxes."""

    headers: str = ""
    body: str = ""

    @classmethod
    def posted(cls, post: Mapping[str, Any]) -> Sample:
        return cls(post.get("headers", ""), post.get("body", ""))

    @classmethod
    def of_ready(cls, ready: Ready) -> Sample:
        headers = "\n".join(f"{name}: {value}" for name, value in ready.headers.items())
        return cls(headers, ready.sample)

    @classmethod
    def of_rejection(cls, rejection: Rejection) -> Sample:
        headers = "\n".join(f"{name}: {value}" for name, value in rejection.headers.items())
        return cls(headers, shown_bytes(rejection).decode(errors="replace"))

    @property
    def message(self) -> Message:
        lines = [line.partition(":") for line in self.headers.splitlines()]
        headers = {name.strip().lower(): value.strip() for name, _, value in lines if name.strip()}
        return Message(
            self.body.encode(errors="replace"), headers.get("content-type", JSON), headers
        )


@dataclass(frozen=True)
class Seen:
    """One event as it would be."""

    draft: Draft
    again: Draft
    """What the same delivery would be, sent once more."""

    @property
    def words(self) -> Words:
        return words(self.draft.event, self.draft.resource)

    @property
    def name(self) -> str:
        labels = self.draft.resource
        return labels.get("prefect.resource.name") or labels[RESOURCE_ID].rpartition(".")[2]

    @property
    def resource_id(self) -> str:
        return self.draft.resource_id

    @property
    def labels(self) -> list[tuple[str, str]]:
        hidden = (RESOURCE_ID, "prefect.resource.name")
        return [(key, value) for key, value in self.draft.resource.items() if key not in hidden]

    @property
    def related(self) -> list[tuple[str, str]]:
        return [(one["prefect.resource.role"], one[RESOURCE_ID]) for one in self.draft.related]

    @property
    def payload(self) -> str:
        return json.dumps(self.draft.payload, indent=2, ensure_ascii=False)[:SHOWN_OF_PAYLOAD]

    @property
    def identity(self) -> str:
        same = self.draft.id == self.again.id
        if same and (self.draft.once or self.draft.occurred == self.again.occurred):
            return "The same delivery sent again changes nothing."
        return "Each delivery is a new event, also one that is sent again."


@dataclass(frozen=True)
class Preview:
    events: list[Seen]
    problems: list[str]


def preview(recipe: Recipe, sample: Sample) -> Preview:
    message = sample.message
    answer = render_now(asked(recipe, message))
    events: list[Seen] = []
    problems: list[str] = []
    twice = zip(*(elements_in(answer, recipe, message) for _ in range(2)), strict=True)
    for element, again in twice:
        if isinstance(element.reading, Unreadable):
            problems += _said(element.reading, element.index)
        elif not isinstance(again.reading, Unreadable):
            events += map(Seen, element.reading, again.reading)
    return Preview(events, problems)


def _said(unreadable: Unreadable, index: int | None) -> Iterator[str]:
    event = "" if index is None else f"event {index + 1}"
    for problem in unreadable.problems:
        place = ", ".join(part for part in (event, problem.where) if part)
        yield f"{place[:1].upper()}{place[1:]}: {problem.reason}" if place else problem.reason


def recipe_posted(post: Mapping[str, Any]) -> Recipe:
    """Return what stands in the form, saved or not."""
    return Recipe(
        id=0,
        name=post.get("name", "") or "webhook",
        template=post.get("template", "").replace("\r\n", "\n"),
        delivery=post.get("delivery", ""),
        signature_header=post.get("signature_header", ""),
    )


def sample_for(hook: Hook, rejection: Rejection | None) -> Sample:
    """Return what to show a hook with first: what it could not read, else what its system sends."""
    if rejection:
        return Sample.of_rejection(rejection)
    ready = READY.get(hook.ready)
    return Sample.of_ready(ready) if ready else Sample()
