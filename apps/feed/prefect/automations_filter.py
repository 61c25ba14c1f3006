"""Prefect's filter of automations, and the orders it lists them in.

The fields are those of prefect/server/events/filters.py, unknown ones refused as there; what is
absent or null asks nothing.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from django.db.models import Q

from apps.feed.prefect.filters import Some, Strings

Operator = Literal["and_", "or_"]

ORDERS = {
    "NAME_ASC": ("name", "id"),
    "NAME_DESC": ("-name", "id"),
    "CREATED_DESC": ("-created", "id"),
    "UPDATED_DESC": ("-updated", "id"),
}


class Ids(msgspec.Struct, forbid_unknown_fields=True):
    any_: Annotated[list[UUID], Some] | None = None

    def q(self) -> Q:
        return Q() if self.any_ is None else Q(id__in=self.any_)


class Names(msgspec.Struct, forbid_unknown_fields=True):
    any_: Strings = None

    def q(self) -> Q:
        return Q() if self.any_ is None else Q(name__in=self.any_)


class Created(msgspec.Struct, forbid_unknown_fields=True):
    """The moment belongs to it; one without a zone is UTC."""

    before_: datetime | None = None

    def q(self) -> Q:
        if self.before_ is None:
            return Q()
        zone = self.before_.tzinfo or UTC
        return Q(created__lte=self.before_.replace(tzinfo=zone))


class Tags(msgspec.Struct, forbid_unknown_fields=True):
    operator: Operator = "and_"
    all_: Strings = None
    any_: Strings = None
    is_null_: bool | None = None

    def q(self) -> Q:
        parts = []
        if self.all_ is not None:
            parts.append(Q(tags__contains=self.all_))
        if self.any_ is not None:
            parts.append(Q(tags__has_any_keys=self.any_))
        if self.is_null_ is not None:
            parts.append(Q(tags=[]) if self.is_null_ else ~Q(tags=[]))
        return joined(self.operator, parts)


class AutomationFilter(msgspec.Struct, forbid_unknown_fields=True):
    operator: Operator = "and_"
    id: Ids | None = None
    name: Names | None = None
    created: Created | None = None
    tags: Tags | None = None

    def q(self) -> Q:
        parts = [part.q() for part in (self.id, self.name, self.created, self.tags) if part]
        return joined(self.operator, parts)


def joined(operator: Operator, parts: list[Q]) -> Q:
    """Ask for all, or for any of them; a part that asks nothing holds of everything."""
    if operator == "or_" and not all(parts):
        return Q()
    return Q(*parts, _connector=Q.OR if operator == "or_" else Q.AND)
