"""What was refused, kept to look at: the newest of each source."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from django.db import transaction

from apps.events.away import in_database
from apps.events.counters import counters
from apps.events.models import Rejection
from eventfeed.patience import PATIENCE

# What was wrong, as it is counted: few words that stay, whatever a doorway's clients are told.
OTHERWISE = "wrong value"
COUNTED_AS = {
    "json_invalid": "malformed",
    "missing": "missing",
    "dict_type": "wrong type",
    "list_type": "wrong type",
    "string_type": "wrong type",
    "uuid_type": "wrong type",
    "event_too_large": "too large",
    "string_too_long": "too large",
    "too_long": "too large",
    "too_deep": "too deep",
    "too_short": "no event",
    "template_error": "template",
    "signature": "signature",
    "missing_package": "missing package",
}
KEPT = 1_000
EXCERPT = 64 * 1024


@dataclass(frozen=True)
class Rejected:
    """One refusal: by which door, what was wrong, where in the message, and the message."""

    source_id: int
    doorway: str
    reason: str
    body: bytes
    index: int | None = None
    path: str = ""
    event_id: str | None = None
    size: int = 0
    """Of the whole message, where `body` is its beginning only."""
    system: str = ""
    kind: str = ""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    type: str = "value_error"
    """What is wrong with it, in pydantic's word where that has one."""


async def reject(found: Callable[[], Iterable[Rejected]], *, within: float = PATIENCE) -> None:
    """Keep what is found, in a thread, where secrets are looked for too; raises DatabaseAway."""
    await in_database(lambda: _reject_all(found()), within=within)


def _reject_all(found: Iterable[Rejected]) -> None:
    for rejected in found:
        reject_sync(rejected)


def reject_sync(rejected: Rejected) -> None:
    """Keep a rejection, and of its source no more than the newest 1,000."""
    with transaction.atomic():
        Rejection.objects.create(
            source_id=rejected.source_id,
            doorway=rejected.doorway,
            index=rejected.index,
            path=_storable(rejected.path),
            reason=_storable(rejected.reason),
            body=rejected.body[:EXCERPT],
            body_size=max(rejected.size, len(rejected.body)),
            event_id=rejected.event_id and _storable(rejected.event_id),
            system=rejected.system,
            kind=rejected.kind,
            content_type=_storable(rejected.content_type),
            headers={_storable(name): _storable(held) for name, held in rejected.headers.items()},
        )
        of_source = Rejection.objects.filter(source_id=rejected.source_id)
        newest = of_source.order_by("-id").values_list("id", flat=True)
        for first_too_many in newest[KEPT : KEPT + 1]:
            of_source.filter(id__lte=first_too_many).delete()
    counters.reject(COUNTED_AS.get(rejected.type, OTHERWISE))


def _storable(text: str) -> str:
    """Write what PostgreSQL takes for no text, NUL and half surrogate pairs, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")
