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


def datasets_of(event: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the datasets that an event names by URI, with the role of each."""
    for role, at, inline in DATA:
        for uri in islice(_uris(event, at, inline), MOST_DATASETS):
            if dataset := dataset_at(uri):
                yield {**dataset, RESOURCE_ROLE: role}


def _uris(event: Mapping[str, Any], at: str, inline: str) -> Iterator[str]:
    uri = event.get(at, "")
    if not uri.endswith(LITERALS):
        yield uri
    if inline in event:
        yield from _pointed_to(event[inline])


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
