"""Parts of an OpenLineage event: beyond its core, anything may stand anywhere."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
NOTHING: Json = {}


# Asked a hundred times an event: `type` is faster than isinstance, and JSON has no subclasses.


def object_in(holder: Json, key: str) -> Json:
    """Return the object there, or an empty one."""
    value = holder.get(key)
    return value if type(value) is dict else NOTHING


def objects_in(holder: Json, key: str) -> list[Json]:
    value = holder.get(key)
    return [held for held in value if type(held) is dict] if type(value) is list else []


def text_in(holder: Json, key: str) -> str:
    value = holder.get(key)
    return value if type(value) is str else ""


def datasets_of(event: Json, *keys: str) -> list[Json]:
    """Return the datasets that an event names as `inputs` or `outputs`."""
    return [dataset for key in keys for dataset in objects_in(event, key) if is_named(dataset)]


def is_named(thing: Json) -> bool:
    return isinstance(thing.get("namespace"), str) and isinstance(thing.get("name"), str)


def statistics_of(dataset: Json) -> Json:
    """Return how much of a dataset was read or written."""
    for container, name in STATISTICS:
        told = object_in(dataset, container).get(name)
        if told and type(told) is dict:
            return told
    return NOTHING


STATISTICS = (
    ("outputFacets", "outputStatistics"),
    ("inputFacets", "inputStatistics"),
    ("inputFacets", "dataQualityMetrics"),
    ("facets", "dataQualityMetrics"),
)


def assertions_of(dataset: Json) -> list[Json]:
    """Return what was asserted of a dataset; dbt says it in both of its containers."""
    for container in ("inputFacets", "facets"):
        facet = object_in(dataset, container).get("dataQualityAssertions")
        if type(facet) is dict and (assertions := objects_in(facet, "assertions")):
            return assertions
    return []
