"""The one place that says how to reach PostgreSQL."""

from functools import cache

from django.conf import settings
from psycopg.conninfo import make_conninfo

from eventfeed.embedded import Cluster


def dsn() -> str:
    """Return the connection string that Django, the recorder and LISTEN share.

    The embedded cluster runs when this returns, and until the process ends.
    """
    if settings.EMBEDDED:
        embedded().use()
    database = settings.DATABASES["default"]
    return make_conninfo(
        dbname=database["NAME"],
        host=database["HOST"] or None,
        port=database["PORT"] or None,
        user=database["USER"] or None,
        password=database["PASSWORD"] or None,
        options=database["OPTIONS"]["options"],
    )


@cache
def embedded() -> Cluster:
    """Return the cluster in this installation's data folder."""
    return Cluster(settings.EVENTFEED_DATA)
