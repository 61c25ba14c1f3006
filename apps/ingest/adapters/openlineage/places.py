"""What OpenLineage calls a dataset that somebody else tells of by its URI.

https://openlineage.io/docs/spec/naming: the bucket is the namespace, the key is the name.
"""

from functools import lru_cache

from apps.ingest.adapters.openlineage.related import named

# Each scheme of an object store, and how OpenLineage's integrations write it.
SCHEMES = {
    "s3": "s3",
    "s3a": "s3",
    "s3n": "s3",
    "gs": "gs",
    "abfs": "abfs",
    "abfss": "abfss",
    "wasb": "wasb",
    "wasbs": "wasbs",
}


@lru_cache(maxsize=1024)
def dataset_at(uri: str) -> dict[str, str] | None:
    """Return the labels of the dataset at a URI; None for what is in no object store."""
    scheme, _, place = uri.partition("://")
    bucket, _, key = place.partition("/")
    name = key.strip("/")
    if scheme not in SCHEMES or not bucket or not name:
        return None
    return named("dataset", {"namespace": f"{SCHEMES[scheme]}://{bucket}", "name": name})
