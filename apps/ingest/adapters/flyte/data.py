"""Which datasets an event of Flyte reads and writes, as OpenLineage names them.

So a workflow of Flyte's and a job that reports by OpenLineage meet in the dataset between them.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from apps.events.draft import RESOURCE_ROLE
from apps.ingest.adapters.openlineage.places import dataset_at

# Flyte's own files of literals: `inputs.pb`, `outputs.pb`.
LITERALS = ".pb"
# The literals that point to data, in either casing.
POINTERS = {"blob", "schema", "structured_dataset", "structuredDataset"}
MOST_DATASETS = 100

DATA = (
    ("output", "output_uri", "output_data"),
    ("input", "input_uri", "input_data"),
)


def datasets_of(event: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the datasets that an event names by URI, with the role of each."""
    datasets = []
    for role, at, inline in DATA:
        uri = event.get(at)
        uris = [] if uri is None or uri.endswith(LITERALS) else [uri]
        if inline in event:
            uris += islice(_pointed_to(event[inline]), MOST_DATASETS)
        for uri in uris:
            if dataset := dataset_at(uri):
                datasets.append({**dataset, RESOURCE_ROLE: role})
    return datasets


def _pointed_to(literals: object) -> Iterator[str]:
    """Yield the URIs in a LiteralMap, however deep in collections and maps."""
    waiting = [("", literals)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            if key in POINTERS and isinstance(uri := value.get("uri"), str):
                yield uri
            waiting += reversed(value.items())
        elif isinstance(value, list):
            waiting += [("", held) for held in reversed(value)]
