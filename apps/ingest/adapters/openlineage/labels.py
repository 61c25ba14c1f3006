"""The labels of what an OpenLineage event names."""

import re
from itertools import islice

from apps.ingest.adapters.message import cut
from apps.ingest.adapters.openlineage.parts import (
    NOTHING,
    Json,
    assertions_of,
    object_in,
    objects_in,
    statistics_of,
    text_in,
)

MOST_TAGS = 50
MOST_OF_A_LABEL = 1_000


def labels_of_run(facets: Json, job_facets: Json) -> dict[str, str]:
    engine = object_in(facets, "processing_engine")
    return {
        **labels_of_job(job_facets),
        **said(
            {
                "openlineage.engine": engine.get("name"),
                "openlineage.engine-version": engine.get("version"),
                "openlineage.nominal-start": object_in(facets, "nominalTime").get(
                    "nominalStartTime"
                ),
                "openlineage.external-query": object_in(facets, "externalQuery").get(
                    "externalQueryId"
                ),
            }
        ),
        **labels_of_tags(facets),
    }


def labels_of_job(facets: Json) -> dict[str, str]:
    job_type = object_in(facets, "jobType")
    return said(
        {
            "openlineage.integration": job_type.get("integration"),
            "openlineage.job-type": job_type.get("jobType"),
            "openlineage.processing-type": job_type.get("processingType"),
        }
    )


def labels_of_dataset(dataset: Json) -> dict[str, str]:
    facets = dataset.get("facets") or NOTHING
    if not facets and "inputFacets" not in dataset and "outputFacets" not in dataset:
        return {}
    statistics = statistics_of(dataset)
    failed = sum(1 for assertion in assertions_of(dataset) if assertion.get("success") is False)
    lifecycle = object_in(facets, "lifecycleStateChange")
    return said(
        {
            "openlineage.rows": statistics.get("rowCount"),
            "openlineage.bytes": statistics.get("size", statistics.get("bytes")),
            "openlineage.version": object_in(facets, "version").get("datasetVersion"),
            "openlineage.lifecycle": lifecycle.get("lifecycleStateChange"),
            "openlineage.assertions-failed": failed or None,
        }
    )


def labels_of_sender(event: Json) -> dict[str, str]:
    schema = event.get("schemaURL")
    version = SPEC.search(schema) if isinstance(schema, str) else None
    return said(
        {
            "openlineage.producer": event.get("producer"),
            "openlineage.spec": version and version[1],
        }
    )


SPEC = re.compile(r"/spec/(\d+-\d+-\d+)/")


def labels_of_tags(facets: Json) -> dict[str, str]:
    if "tags" not in facets:
        return {}
    tags = objects_in(object_in(facets, "tags"), "tags")
    return said(
        {
            f"openlineage.tag.{cut(key)}": tag.get("value")
            for tag in islice(tags, MOST_TAGS)
            if (key := text_in(tag, "key")) and not tag.get("field")
        }
    )


def said(values: Json) -> dict[str, str]:
    """Write plain values as labels; a facet may hold anything where a text belongs."""
    labels = {}
    for key, value in values.items():
        if type(value) is str:
            if value:
                labels[key] = cut(value, MOST_OF_A_LABEL)
        elif isinstance(value, bool):
            labels[key] = str(value).lower()
        elif isinstance(value, int | float):
            labels[key] = str(value)[:MOST_OF_A_LABEL]
    return labels
