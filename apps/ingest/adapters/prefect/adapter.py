"""Prefect's dialect: what one of its events says, in ours."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from apps.events.draft import RESOURCE_ID, Draft
from apps.events.words import owner_of, words
from apps.ingest.adapters.message import Element, Message, Unreadable, one_line
from apps.ingest.adapters.prefect.reading import PrefectEvent, read_batch
from apps.ingest.ownership import warnings_for
from apps.query.outcomes import Outcome

SYSTEM = "prefect"
SYSTEMS = (SYSTEM, "prefect-cloud")
EXIT_CODE = "prefect.infrastructure.status-code"


def read_prefect(message: Message) -> Iterator[Element]:
    """Read a posted array of events; an adapter like those of other systems."""
    for part in read_batch(message.body):
        reading = part.reading
        told = reading if isinstance(reading, Unreadable) else (draft_of(reading),)
        yield Element(part.index, part.raw, told)


def draft_of(told: PrefectEvent) -> Draft:
    system, warnings = _owned(told)
    return Draft(
        id=told.id,
        occurred=_utc(told.occurred),
        event=told.event,
        resource=told.resource,
        related=told.related,
        payload=told.payload,
        follows=told.follows,
        system=system,
        outcome=outcome_of(told),
        message=message_of(told),
        warnings=warnings,
    )


def _owned(told: PrefectEvent) -> tuple[str, tuple[str, ...]]:
    """Say whose event it is: anybody's own, unless its name is Prefect's; a borrowed one is odd."""
    owner = owner_of(told.event)
    if owner in SYSTEMS:
        return owner, ()
    return "custom", warnings_for(told.event, told.resource[RESOURCE_ID], system=SYSTEM)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def outcome_of(told: PrefectEvent) -> Outcome:
    """Say how it went: as the catalogue has it, unless the process left another exit code."""
    if told.event == "prefect.worker.executed-flow-run" and _exit_code(told) not in (None, "0"):
        return Outcome.FAILED
    return words(told.event, told.resource).outcome


def message_of(told: PrefectEvent) -> str | None:
    """Return the one thing worth reading about an event, on one line."""
    for tell in MESSAGES:
        if message := tell(told):
            return one_line(message)
    return None


def _from_labels(told: PrefectEvent) -> str | None:
    labels = told.resource
    return (
        labels.get("prefect.state-message")
        or labels.get("kubernetes.diagnosis")
        or labels.get("kubernetes.reason")
    )


def _from_payload(told: PrefectEvent) -> str | None:
    for key in ("reason", "message", "error", "summary", "description"):
        if (said := told.payload.get(key)) and isinstance(said, str):
            return said
    return None


def _updates(told: PrefectEvent) -> str | None:
    updates, fields = told.payload.get("updates"), told.payload.get("updated_fields")
    if isinstance(updates, dict) and updates:
        return ", ".join(_update(field, change) for field, change in updates.items())
    if isinstance(fields, list):
        return ", ".join(str(field) for field in fields)
    return None


def _update(field: str, change: object) -> str:
    if not isinstance(change, dict) or not {"from", "to"} <= change.keys():
        return field
    before, after = change["from"], change["to"]
    if isinstance(before, dict | list) or isinstance(after, dict | list):
        return field
    return f"{field} {_scalar(before)} → {_scalar(after)}"


def _action(told: PrefectEvent) -> str | None:
    action, status = told.payload.get("action_type"), told.payload.get("status_code")
    if not isinstance(action, str):
        return None
    return f"{action}, status {status}" if isinstance(status, int) else action


def _slots(told: PrefectEvent) -> str | None:
    slots, limit = told.resource.get("slots-acquired"), told.resource.get("limit")
    return f"{slots} of {limit} slots" if slots and limit else None


def _exit(told: PrefectEvent) -> str | None:
    code = _exit_code(told)
    return f"exit code {code}" if code is not None else None


def _exit_code(told: PrefectEvent) -> str | None:
    return next((labels[EXIT_CODE] for labels in told.related if EXIT_CODE in labels), None)


def _run_time(told: PrefectEvent) -> str | None:
    run = told.payload.get("task_run")
    seconds = run.get("total_run_time") if isinstance(run, dict) else None
    if isinstance(seconds, int | float) and seconds >= 0.1:
        return _duration(seconds)
    return None


def _transferred(told: PrefectEvent) -> str | None:
    counts = [(word, told.payload.get(word)) for word in ("succeeded", "failed", "skipped")]
    if not all(isinstance(count, int) for _, count in counts):
        return None
    return ", ".join(f"{count} {word}" for word, count in counts)


def _scalars(told: PrefectEvent) -> str | None:
    """Tell a custom event by the first few plain values of its payload."""
    if owner_of(told.event):
        return None
    return ", ".join(_plain_values(told.payload, most=3))


# The first that has something to say is heard.
MESSAGES: tuple[Callable[[PrefectEvent], str | None], ...] = (
    _from_labels,
    _from_payload,
    _updates,
    _action,
    _slots,
    _exit,
    _run_time,
    _transferred,
    _scalars,
)


def _plain_values(payload: Mapping[str, Any], *, most: int) -> Iterator[str]:
    for key, value in payload.items():
        if most and value is not None and not isinstance(value, dict | list):
            most -= 1
            yield f"{key} {_scalar(value)}"


def _scalar(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _duration(seconds: float) -> str:
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
