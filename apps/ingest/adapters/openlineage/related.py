"""What an OpenLineage event is related to, and the ids of what it names.

Ids are `openlineage.job.{namespace}/{name}`, both percent-encoded, so that no two share one.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from urllib.parse import quote
from uuid import UUID

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE
from apps.ingest.adapters.identity import resource_id
from apps.ingest.adapters.openlineage.labels import labels_of_dataset, labels_of_tags, said
from apps.ingest.adapters.openlineage.parts import (
    NOTHING,
    Json,
    is_named,
    object_in,
    objects_in,
    text_in,
)
from apps.ingest.masking import without_passwords

RESOURCE_NAME = "prefect.resource.name"
# Longer names are not worth the memory to remember them.
LONGEST_REMEMBERED = 1_000


@lru_cache(maxsize=4096)
def _id_and_labels(kind: str, namespace: str, name: str) -> tuple[str, dict[str, str]]:
    # No mask reaches into an encoded id, and another password names no other dataset.
    head, end = (quote(without_passwords(text), safe="") for text in (namespace, name))
    return resource_id(f"openlineage.{kind}.{head}/{end}")


def named(kind: str, thing: Json) -> dict[str, str]:
    """Return the labels of a job or dataset."""
    namespace, name = thing["namespace"], thing["name"]
    is_short = len(namespace) + len(name) < LONGEST_REMEMBERED
    told = _id_and_labels if is_short else _id_and_labels.__wrapped__
    id, labels = told(kind, namespace, name)
    return {RESOURCE_ID: id, RESOURCE_NAME: name, "openlineage.namespace": namespace, **labels}


def run_id_of(run_id: str) -> tuple[str, dict[str, str]]:
    if not PLAIN_UUID.fullmatch(run_id):
        try:
            run_id = str(UUID(run_id))
        except ValueError:
            return resource_id(f"openlineage.run.{quote(run_id, safe='')}")
    return f"openlineage.run.{run_id}", {}


PLAIN_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# What says most of a run comes first: rows show the first few. Its job is called as it is.
ROLES = (
    *("parent", "output", "input", "symlink", "previous", "upstream", "downstream"),
    *("root", "job", "parent-job", "root-job"),
)
RANKS = {role: rank for rank, role in enumerate(ROLES)}
LAST = len(RANKS)
RANKS_OF_NESTED = {**RANKS, "root": LAST}


class Related:
    """The related resources of an event, each once in a role, the most telling first."""

    def __init__(self) -> None:
        self._by_role: dict[tuple[str, str], dict[str, str]] = {}

    @property
    def resources(self) -> list[dict[str, str]]:
        by_role = self._by_role
        # Often the root is the parent, and says nothing new.
        is_said = any(("parent", id) in by_role for role, id in by_role if role == "root")
        ranks = RANKS_OF_NESTED if is_said else RANKS
        return [
            by_role[told] for told in sorted(by_role, key=lambda told: ranks.get(told[0], LAST))
        ]

    def add(self, role: str, labels: dict[str, str]) -> None:
        self._by_role.setdefault((role, labels[RESOURCE_ID]), {**labels, RESOURCE_ROLE: role})


def relate_job(job: Json, related: Related) -> None:
    facets = job.get("facets") or NOTHING
    related.add("job", {**named("job", job), **labels_of_tags(facets)})
    relate_owners(facets, related)
    relate_entries(object_in(facets, "lineage"), related)


def relate_parents(facets: Json, related: Related) -> None:
    # Airflow called it so before the spec did.
    parent = object_in(facets, "parent") or object_in(facets, "parentRun")
    for role, holder in (("parent", parent), ("root", object_in(parent, "root"))):
        _relate_run(role, holder, related)


def relate_dependencies(facet: Json, related: Related) -> None:
    for role in ("upstream", "downstream"):
        for dependency in objects_in(facet, role):
            _relate_run(role, dependency, related)


def _relate_run(role: str, holder: Json, related: Related) -> None:
    """Relate a run in this role, and its job in the same with `-job`."""
    job, run_id = object_in(holder, "job"), text_in(object_in(holder, "run"), "runId")
    if run_id:
        id, labels = run_id_of(run_id)
        name = text_in(job, "name")
        related.add(role, {RESOURCE_ID: id, **({RESOURCE_NAME: name} if name else {}), **labels})
    if is_named(job):
        related.add(f"{role}-job", named("job", job))


def relate_owners(facets: Json, related: Related) -> None:
    for owner in objects_in(object_in(facets, "ownership"), "owners"):
        if name := text_in(owner, "name"):
            id, labels = resource_id(f"openlineage.owner.{quote(name, safe='')}")
            kind = said({"openlineage.owner-type": owner.get("type")})
            related.add("owner", {RESOURCE_ID: id, RESOURCE_NAME: name, **kind, **labels})


def relate_datasets(event: Json, related: Related) -> None:
    for role in ("input", "output"):
        for dataset in event.get(f"{role}s") or ():
            labels = named("dataset", dataset)
            related.add(role, {**labels, **labels_of_dataset(dataset)})
            relate_names(dataset.get("facets") or NOTHING, labels[RESOURCE_ID], related)
    # After the inputs that stand there themselves, which know more labels.
    for dataset in event.get("outputs") or ():
        relate_sources(dataset.get("facets") or NOTHING, related)


def relate_names(facets: Json, of: str, related: Related) -> None:
    """Relate the other names of a dataset: symlinks, and what it was called before."""
    if "symlinks" in facets:
        for symlink in filter(is_named, objects_in(object_in(facets, "symlinks"), "identifiers")):
            kind = said({"openlineage.symlink-type": symlink.get("type")})
            labels = {**named("dataset", symlink), "openlineage.symlink-of": of, **kind}
            related.add("symlink", labels)
    if "lifecycleStateChange" in facets:
        previous = object_in(object_in(facets, "lifecycleStateChange"), "previousIdentifier")
        if is_named(previous):
            related.add("previous", named("dataset", previous))


def relate_sources(facets: Json, related: Related) -> None:
    """Relate what a dataset's columns come from, also where the inputs do not name it."""
    lineage, columns = object_in(facets, "lineage"), object_in(facets, "columnLineage")
    if not lineage and not columns:
        return
    sources = chain(
        objects_in(columns, "dataset"),
        _in_fields(columns, "inputFields"),
        objects_in(lineage, "inputs"),
        _in_fields(lineage, "inputs"),
    )
    _relate_derived("input", sources, related)


def _in_fields(facet: Json, key: str) -> Iterator[Json]:
    for field in object_in(facet, "fields").values():
        if isinstance(field, dict):
            yield from objects_in(field, key)


def relate_entries(lineage: Json, related: Related) -> None:
    """Relate what a job's explicit lineage names."""
    for entry in objects_in(lineage, "entries"):
        if entry.get("type") == "DATASET":
            _relate_derived("output", [entry], related)
        sources = chain(objects_in(entry, "inputs"), _in_fields(entry, "inputs"))
        _relate_derived("input", sources, related)


def _relate_derived(role: str, sources: Iterable[Json], related: Related) -> None:
    seen = set()
    for source in sources:
        if source.get("type", "DATASET") == "DATASET" and is_named(source):
            key = source["namespace"], source["name"]
            if key not in seen:
                seen.add(key)
                labels = {**named("dataset", source), "openlineage.derived-from": "lineage"}
                related.add(role, labels)
