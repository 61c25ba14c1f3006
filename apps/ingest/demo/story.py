"""How a story is told: messages in each system's own form, read as its doorway reads them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import msgspec

from apps.events.draft import Draft
from apps.ingest.adapters.message import Element, Unreadable
from apps.ingest.adapters.message import Message as Wire
from apps.ingest.demo.world import ADJECTIVES, ANIMALS, LABEL
from apps.ingest.dialects import DIALECTS

Message = dict[str, Any]


class Mistold(Exception):
    """A story's message that its adapter refuses: the story is wrong, or the adapter."""


@dataclass
class Story:
    """A stretch of time in which things are told one after the other."""

    rng: Random
    start: datetime
    at: float = 0.0
    """Seconds since its start."""
    told: list[Draft] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.at)

    @property
    def stamp(self) -> str:
        """The time as most systems write it: `2026-11-21T05:12:44.118000Z`."""
        return self.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def wait(self, typical: float) -> None:
        """Let some time pass: usually about so many seconds, now and then many more."""
        self.at += typical * self.rng.lognormvariate(0, 0.4)

    def say(self, system: str, body: Any, *, kind: str = "", content_type: str = "") -> None:
        """Send a message as its system would, and keep what its adapter makes of it."""
        content_type = content_type or "application/json"
        message = Wire(msgspec.json.encode(body), content_type, kind=kind)
        self.keep(DIALECTS[system](message))

    def keep(self, elements: Iterable[Element]) -> None:
        for element in elements:
            if isinstance(element.reading, Unreadable):
                raise Mistold(f"{element.reading.problems}: {element.raw[:500]!r}")
            self.told += map(marked, element.reading)

    def some_id(self) -> str:
        return str(UUID(int=self.rng.getrandbits(128), version=4))

    def some_hex(self, length: int) -> str:
        return f"{self.rng.getrandbits(4 * length):0{length}x}"

    def some_name(self) -> str:
        return f"{self.rng.choice(ADJECTIVES)}-{self.rng.choice(ANIMALS)}"

    def chance(self, share: float) -> bool:
        return self.rng.random() < share


def marked(draft: Draft) -> Draft:
    """Mark an event as the demo's, so that it can be found and removed."""
    return msgspec.structs.replace(draft, resource={**draft.resource, LABEL: "true"})
