"""Which edition of an automation somebody has seen, so that nobody's change is overwritten unseen.

Switching and muting make no other edition: they change nothing that an editor writes.
"""

from __future__ import annotations

import json
from hashlib import blake2b

from apps.automations.models import Automation

WRITTEN = (
    *("name", "description", "tags", "trigger"),
    *("actions", "actions_on_trigger", "actions_on_resolve"),
    *("cooldown", "most_a_minute", "late", "dry_run", "maintenance"),
)


class Overtaken(Exception):
    """It has been changed, or removed, since the edition that was to be written over."""


def edition_of(automation: Automation) -> str:
    told = [getattr(automation, name) for name in WRITTEN]
    return blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=12).hexdigest()


def must_be(edition: str, kept: Automation | None) -> None:
    """Raise Overtaken unless what is kept is that edition."""
    if kept is None or kept.gone or edition_of(kept) != edition:
        raise Overtaken
