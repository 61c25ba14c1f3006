"""What people do with Eventfeed itself, told as events of its own: `eventfeed.audit.*`."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.events.models import Source
from apps.events.record import record
from apps.events.words import words

logger = logging.getLogger(__name__)

SYSTEM = "eventfeed"
SOURCE = "Eventfeed"
NAME = "prefect.resource.name"


def tell(
    event: str,
    *,
    kind: str,
    name: str,
    id: str | None = None,
    by: str | None = None,
    message: str | None = None,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Record `eventfeed.audit.EVENT` about the KIND called NAME, done by a person.

    What may be renamed is known by its `id`.
    What was done stays done when it cannot be told; the log of the process then says so.
    """
    about = labels(kind, name, id)
    said = f"eventfeed.audit.{event}"
    try:
        source, _ = Source.objects.get_or_create(name=SOURCE, defaults={"system": SYSTEM})
        draft = Draft(
            id=uuid4(),
            occurred=datetime.now(UTC),
            event=said,
            resource=about,
            related=[labels("user", by) | {RESOURCE_ROLE: "actor"}] if by else [],
            payload=dict(payload or {}),
            system=SYSTEM,
            outcome=words(said, about).outcome,
            message=message,
        )
        record([draft], source_id=source.id)
    except Exception:
        logger.exception("%s of %s could not be told as an event.", said, name)


def labels(kind: str, name: str, id: str | None = None) -> dict[str, str]:
    return {RESOURCE_ID: f"eventfeed.{kind}.{id or name}", NAME: name}
