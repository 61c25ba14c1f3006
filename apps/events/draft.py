"""An event as told by a sender, before it passes the door."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from apps.query.outcomes import Outcome

RESOURCE_ID = "prefect.resource.id"
RESOURCE_ROLE = "prefect.resource.role"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter makes of a message: the Prefect event, and what the door says of it once."""

    id: UUID
    occurred: datetime
    event: str
    resource: dict[str, str]
    related: list[dict[str, str]] = []
    payload: dict[str, Any] = {}
    follows: UUID | None = None
    system: str = "custom"
    outcome: Outcome = Outcome.INFORMATION
    message: str | None = None
    warnings: tuple[str, ...] = ()
    once: bool = False
    """The sender may tell the same id again with another time: keep the first telling only."""

    @property
    def resource_id(self) -> str:
        return self.resource[RESOURCE_ID]
