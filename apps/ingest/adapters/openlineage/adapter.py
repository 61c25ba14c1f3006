"""OpenLineage's dialect, version 2-0-2: what one of its events says, in ours."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from uuid import UUID

import msgspec

from apps.events.draft import RESOURCE_ID, Draft
from apps.ingest.adapters.identity import derived_from_bytes
from apps.ingest.adapters.message import Element, Message, Unreadable, cut
from apps.ingest.adapters.openlineage.facets import facet_warnings
from apps.ingest.adapters.openlineage.labels import (
    labels_of_dataset,
    labels_of_job,
    labels_of_run,
    labels_of_sender,
    labels_of_tags,
)
from apps.ingest.adapters.openlineage.message import message_of
from apps.ingest.adapters.openlineage.parts import NOTHING, Json, object_in
from apps.ingest.adapters.openlineage.reading import Kind, Told, read, split
from apps.ingest.adapters.openlineage.related import (
    PLAIN_UUID,
    RESOURCE_NAME,
    Related,
    named,
    relate_datasets,
    relate_dependencies,
    relate_entries,
    relate_job,
    relate_names,
    relate_owners,
    relate_parents,
    relate_sources,
    run_id_of,
)
from apps.ingest.adapters.openlineage.words import EVENT_TYPES
from apps.query.outcomes import Outcome

MOST_WARNINGS = 20


def read_openlineage(message: Message) -> Iterator[Element]:
    """Read an event, or an array of events, which is what `kind` "batch" must be."""
    is_batch = message.kind == "batch" or message.body.lstrip()[:1] == b"["
    if not is_batch:
        yield _element(None, message.body)
    elif (raws := split(message.body)) is None:
        say = "The body must be a JSON array of events."
        yield Element(None, message.body, Unreadable.because(400, say, type="list_type"))
    else:
        for index, raw in enumerate(raws):
            yield _element(index, raw)


def _element(index: int | None, raw: bytes) -> Element:
    told = read(raw)
    return Element(index, raw, told if isinstance(told, Unreadable) else (draft_of(told),))


def draft_of(told: Told) -> Draft:
    event = told.event
    related = Related()
    name, resource, outcome = ABOUT[told.kind](event, related)
    return Draft(
        id=derived_from_bytes("openlineage", msgspec.json.encode(event, order="deterministic")),
        occurred=told.occurred,
        event=name,
        resource=resource,
        related=related.resources,
        payload=event,
        system="openlineage",
        outcome=outcome,
        message=message_of(event),
        warnings=_bounded([*told.warnings, *core_warnings(told.kind, event)], event),
    )


# What each kind of event is about.

About = tuple[str, dict[str, str], Outcome]


def _about_run(event: Json, related: Related) -> About:
    event_type = event_type_of(event)
    _, outcome = EVENT_TYPES.get(event_type, UNKNOWN_TYPE)
    run, job = event["run"], event["job"]
    facets = run.get("facets") or NOTHING
    relate_job(job, related)
    relate_parents(facets, related)
    relate_dependencies(object_in(facets, "jobDependencies"), related)
    relate_datasets(event, related)
    id, labels = run_id_of(run["runId"])
    resource = {
        RESOURCE_ID: id,
        RESOURCE_NAME: job["name"],
        "openlineage.namespace": job["namespace"],
        **labels,
        **labels_of_run(facets, job.get("facets") or NOTHING),
        **labels_of_sender(event),
    }
    return f"openlineage.run.{event_type}", resource, outcome


def _about_job(event: Json, related: Related) -> About:
    job = event["job"]
    facets = job.get("facets") or NOTHING
    relate_owners(facets, related)
    relate_entries(object_in(facets, "lineage"), related)
    relate_datasets(event, related)
    labels = {**labels_of_job(facets), **labels_of_tags(facets), **labels_of_sender(event)}
    return "openlineage.job.METADATA", {**named("job", job), **labels}, Outcome.INFORMATION


def _about_dataset(event: Json, related: Related) -> About:
    dataset = event["dataset"]
    facets = dataset.get("facets") or NOTHING
    resource = {**named("dataset", dataset), **labels_of_dataset(dataset)}
    relate_owners(facets, related)
    relate_names(facets, resource[RESOURCE_ID], related)
    relate_sources(facets, related)
    resource.update({**labels_of_tags(facets), **labels_of_sender(event)})
    return "openlineage.dataset.METADATA", resource, Outcome.INFORMATION


ABOUT: Mapping[Kind, Callable[[Json, Related], About]] = {
    "run": _about_run,
    "job": _about_job,
    "dataset": _about_dataset,
}
UNKNOWN_TYPE = ("", Outcome.INFORMATION)
A_TYPE = re.compile("[A-Z][A-Z_]{0,31}")


def event_type_of(event: Json) -> str:
    """Return the event type, its own or the nearest that a name can hold."""
    told = event.get("eventType")
    name = told.upper() if told else ""
    return name if A_TYPE.fullmatch(name) else "UNSPECIFIED"


# What is odd, but kept.


def core_warnings(kind: Kind, event: Json) -> Iterator[str]:
    """Yield a sentence for what the core has against the spec."""
    for key in ("producer", "schemaURL"):
        value = event.get(key)
        if value is None:
            yield f"{key}: It is required, and missing."
        elif not isinstance(value, str) or ":" not in value:
            yield f"{key}: It must be a URI."
    if ZONE.search(event["eventTime"]) is None:
        yield "eventTime: It has no zone and is taken as UTC."
    if kind == "run":
        yield from _run_warnings(event)
    elif event.get("eventType") is not None:
        yield f"eventType: An event about a {kind} has none."


def _run_warnings(event: Json) -> Iterator[str]:
    if not PLAIN_UUID.fullmatch(run_id := event["run"]["runId"]):
        try:
            UUID(run_id)
        except ValueError:
            yield "run.runId: It must be a UUID."
    told = event.get("eventType")
    if told is not None and told not in TYPES:
        yield f"eventType: {cut(str(told))} is none of {', '.join(TYPES)}."


ZONE = re.compile(r"(?:[Zz]|[+-]\d\d(?::?\d\d)?)$")
TYPES = [name for name in EVENT_TYPES if name != "UNSPECIFIED"]


def _bounded(warnings: list[str], event: Json) -> tuple[str, ...]:
    warnings += islice(facet_warnings(event), MOST_WARNINGS + 1)
    if len(warnings) <= MOST_WARNINGS:
        return tuple(warnings)
    return (*warnings[:MOST_WARNINGS], "There are more of these than are shown.")
