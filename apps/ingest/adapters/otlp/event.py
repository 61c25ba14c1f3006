"""What a log record with an event name says as an event; Flink's own are told in flink.py.

Attributes are named by OpenTelemetry's semantic conventions.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE
from apps.ingest.adapters.identity import resource_id
from apps.ingest.adapters.message import labels_of, one_line
from apps.ingest.adapters.otlp.record import Record, Scope
from apps.ingest.ownership import warnings_for
from apps.query.outcomes import Outcome

RESOURCE_NAME = "prefect.resource.name"
LONGEST_NAME = 1_024
# What an SDK says where nobody has named the service.
UNNAMED_SERVICE = "unknown_service"
# The lowest of the numbers that mean an error; those above 20 are fatal.
ERROR = 17
SEVERITIES = ("UNSPECIFIED", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
ERRORS = ("ERROR", "FATAL", "CRITICAL", "SEVERE")

# Resources that a record names beside its service: role, the attributes that name one and say
# within what, and how its id begins.
NAMED: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("host", ("host.name",), "otel.host"),
    ("pod", ("k8s.namespace.name", "k8s.pod.name"), "otel.pod"),
    ("instance", ("service.instance.id",), "otel.instance"),
)


class Event(msgspec.Struct, frozen=True):
    """What becomes of a record; its identity and its payload are the same for all."""

    name: str
    told_name: str
    system: str
    resource: dict[str, str]
    related: list[dict[str, str]]
    outcome: Outcome
    message: str | None
    warnings: tuple[str, ...] = ()


def event_name(record: Record) -> str | None:
    """Return the field, or the attribute that stood for it before OpenTelemetry 1.40."""
    name = record.event_name or record.attributes.get("event.name")
    return name if name and isinstance(name, str) else None


def tell_event(name: str, scope: Scope, record: Record) -> Event:
    """Tell an event of whatever system."""
    labels = {
        "otel.scope": scope.name,
        "otel.severity": severity_of(record),
        "otel.service-version": scope.resource.get("service.version"),
        "otel.environment": scope.resource.get("deployment.environment.name"),
    }
    resource = named(service_id(scope), service_name(scope), labels_of(labels))
    event, warnings = fitting(name)
    return Event(
        name=event,
        told_name=name,
        system="otel",
        resource=resource,
        related=list(_related(scope.resource | record.attributes, record)),
        outcome=outcome_of(record),
        message=message_of(record),
        warnings=(*warnings, *warnings_for(event, "", system="otel"), *oddities(record)),
    )


def _related(attributes: Mapping[str, Any], record: Record) -> Iterator[dict[str, str]]:
    for role, keys, prefix in NAMED:
        parts = [str(attributes[key]) for key in keys if attributes.get(key)]
        if parts and keys[-1] in attributes:
            yield in_role(role, f"{prefix}.{'/'.join(parts)}", parts[-1])
    if record.trace_id:
        yield in_role("trace", f"otel.trace.{record.trace_id}", record.trace_id)


def service_name(scope: Scope) -> str:
    return str(scope.resource.get("service.name") or UNNAMED_SERVICE)


def service_id(scope: Scope) -> str:
    """Return a service's id; names are unique within their namespace only."""
    namespace = scope.resource.get("service.namespace")
    name = service_name(scope)
    return f"otel.service.{namespace}/{name}" if namespace else f"otel.service.{name}"


def named(id: str, name: str, labels: Mapping[str, str] | None = None) -> dict[str, str]:
    """Write a resource with its id, its name and more labels."""
    id, whole = resource_id(id)
    return {RESOURCE_ID: id, RESOURCE_NAME: name, **(labels or {}), **whole}


def in_role(role: str, id: str, name: str) -> dict[str, str]:
    id, whole = resource_id(id)
    return {RESOURCE_ID: id, RESOURCE_NAME: name, RESOURCE_ROLE: role, **whole}


def severity_of(record: Record) -> str:
    """Return the severity as it was told, else the name of its number."""
    if record.severity_text:
        return record.severity_text
    return SEVERITIES[min(max(record.severity + 3, 0) // 4, len(SEVERITIES) - 1)]


def outcome_of(record: Record) -> Outcome:
    """Say how it went where only the severity tells."""
    if record.severity:
        is_error = record.severity >= ERROR
    elif record.severity_text:
        is_error = record.severity_text.upper() in ERRORS
    else:
        is_error = "exception.type" in record.attributes
    return Outcome.FAILED if is_error else Outcome.INFORMATION


def message_of(record: Record, but: tuple[str, ...] = ()) -> str | None:
    """Return the one thing worth reading: the body, the exception, or the first attributes."""
    body = record.body if isinstance(record.body, str) else None
    if said := body or record.attributes.get("exception.message"):
        return one_line(str(said)) or None
    values = [
        f"{key} {labels_of({key: value})[key]}"
        for key, value in record.attributes.items()
        if isinstance(value, str | int | float) and value != "" and key not in but
    ]
    return one_line(", ".join(values[:3])) or None


def oddities(record: Record) -> tuple[str, ...]:
    """Say what a record lacks."""
    if not record.dropped:
        return ()
    return (f"The sender has left out {record.dropped} of its attributes.",)


def fitting(name: str) -> tuple[str, tuple[str, ...]]:
    """Return a name that an event may have, with a warning where it was longer."""
    if len(name) <= LONGEST_NAME:
        return name, ()
    say = f"The name has {len(name):,} characters; it is cut to {LONGEST_NAME:,}."
    return name[: LONGEST_NAME - 1] + "…", (say,)
