"""Drafts for tests: only what matters is said."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from apps.events.draft import Draft

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


def told(
    event: str = "invoice.paid",
    *,
    resource: str = "invoice.1",
    labels: dict[str, str] | None = None,
    **fields: Any,
) -> Draft:
    """Make a draft of an event that a sender has told."""
    said: dict[str, Any] = {
        "id": uuid4(),
        "occurred": NOON,
        "resource": {"prefect.resource.id": resource} | (labels or {}),
    }
    return Draft(event=event, **(said | fields))
