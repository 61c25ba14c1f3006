"""Automations as YAML, for keeping in git: the same text for the same automations.

    automations:
    - id: 0d7b2f6e-…
      name: Orders stay away
      trigger: {type: absence, query: event:acme.order.paid, within: 3600}
      actions:
      - {type: notify, destination: ops, body: No order for an hour.}

What has its default is left out. Destinations are told by name, and so are the secrets in them;
an automation holds none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

import msgspec
from django.db import transaction

from apps.automations import keeping
from apps.automations.doing.actions import BadAction
from apps.automations.manners import BadMaintenance
from apps.automations.models import LATE, MOST_NAME, Automation
from apps.automations.reading import BadTrigger
from apps.automations.yaml_text import BadFile, loaded, written

# An automation without an id has the one that its name makes, so that it is the same next time.
NAMELESS = UUID(int=0)
NAMES = UUID("3d3bb0a5-3f0b-4b7c-9a55-6b1d6f0f2a10")

Count = Annotated[int, msgspec.Meta(ge=0)]
Actions = list[dict[str, Any]]


class Said(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An automation as it stands in a file, in this order."""

    id: UUID = NAMELESS
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_NAME)]
    description: str = ""
    tags: list[str] = []
    enabled: bool = True
    dry_run: bool = False
    trigger: dict[str, Any]
    actions: Actions = []
    actions_on_trigger: Actions = []
    actions_on_resolve: Actions = []
    cooldown: Count = 0
    most_a_minute: Count = 10
    late: Count = LATE
    maintenance: list[dict[str, Any]] = []
    owner_resource: str = ""


BLANK = Said(name="", trigger={})
FIELDS = tuple(name for name in Said.__struct_fields__ if name != "id")


Done = Literal["made", "changed", "unchanged"]


@dataclass(frozen=True)
class Imported:
    """What an import has made of an automation."""

    automation: Automation
    done: Done


def exported(automations: Iterable[Automation]) -> str:
    """Write automations as YAML, by name."""
    told = [_told(one) for one in sorted(automations, key=lambda one: (one.name, str(one.id)))]
    return written({"automations": told})


def imported(text: str, *, by: str | None = None) -> list[Imported]:
    """Make and change automations as a file says; all of them, or none. Raises BadFile."""
    told = [(path, _read(one, path)) for path, one in _each(loaded(text))]
    seen = Counter(said.id for _, said in told)
    for path, said in told:
        if seen[said.id] > 1:
            raise BadFile(f"{path}id", f"{said.id} stands there {seen[said.id]} times.")
    # What is checked may ask other servers, so that it is done beforehand.
    read = [_checked(said, path) for path, said in told]
    with transaction.atomic():
        for one in read:
            if one.done != "unchanged":
                keeping.store(one.automation, by=by)
    return read


def _told(automation: Automation) -> dict[str, Any]:
    fields: dict[str, Any] = {name: getattr(automation, name) for name in FIELDS}
    told = {
        name: _in_order(value) for name, value in fields.items() if value != getattr(BLANK, name)
    }
    return {"id": str(automation.id), **told}


def _in_order(value: Any) -> Any:
    """Return JSON with its names in the one order they are written in: the type, then the rest."""
    if isinstance(value, list):
        return [_in_order(one) for one in value]
    if not isinstance(value, dict):
        return value
    names = sorted(value, key=lambda name: (name != "type", name))
    return {name: _in_order(value[name]) for name in names}


def _each(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield each automation of a file, and where it stands: one, a list, or under a name."""
    prefix = ""
    if isinstance(document, dict) and "automations" in document:
        document, prefix = document["automations"], "automations"
    if not isinstance(document, list):
        yield "", document
        return
    for at, one in enumerate(document):
        yield f"{prefix}[{at}].", one


def _read(one: Any, path: str) -> Said:
    try:
        said = msgspec.convert(one, Said)
    except msgspec.ValidationError as error:
        say, _, where = str(error).partition(" - at `$.")
        raise BadFile(f"{path}{where.rstrip('`')}", say) from None
    if said.id == NAMELESS:
        return msgspec.structs.replace(said, id=uuid5(NAMES, said.name))
    return said


def _checked(said: Said, path: str) -> Imported:
    automation = Automation.objects.filter(id=said.id).first()
    done: Done = "changed"
    if automation is None or automation.gone:
        done = "made"
    automation = automation or Automation(id=said.id)
    fields = {name: getattr(said, name) for name in FIELDS}
    if done == "changed" and all(getattr(automation, name) == fields[name] for name in FIELDS):
        return Imported(automation, "unchanged")
    for name, value in fields.items():
        setattr(automation, name, value)
    automation.gone = None
    try:
        keeping.check(automation)
    except (BadAction, BadMaintenance) as bad:
        raise BadFile(f"{path}{bad.path}", bad.say) from None
    except BadTrigger as bad:
        raise BadFile(f"{path}trigger.{bad.path}", bad.say) from None
    return Imported(automation, done)
