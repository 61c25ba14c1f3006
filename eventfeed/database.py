"""The one place that says how to reach PostgreSQL."""

from functools import cache

import psycopg
from django.conf import settings
from psycopg.conninfo import make_conninfo

from eventfeed.embedded import Cluster
from eventfeed.startup import CannotStart

REACH_SECONDS = 5


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
        **{name: value for name, value in database["OPTIONS"].items() if name != "pool"},
    )


def reach() -> None:
    """Begin with a database that can be reached. Raises CannotStart and says why it cannot."""
    if settings.EMBEDDED:
        embedded().use()
        return
    try:
        psycopg.connect(dsn(), connect_timeout=REACH_SECONDS).close()
    except psycopg.Error as error:
        raise CannotStart(
            f"PostgreSQL cannot be reached at {_place()}: {_reason(error)}. "
            "Check host, port, database, user and password in DATABASE_URL, "
            "and that PostgreSQL runs there and lets this machine in."
        ) from error


def _place() -> str:
    database = settings.DATABASES["default"]
    where = f"{database['HOST'] or 'its local socket'}, port {database['PORT'] or 5432}"
    return f"{where}, database {database['NAME']}"


def _reason(error: psycopg.Error) -> str:
    """Return what PostgreSQL said last, without where, which we say ourselves."""
    said = [line for line in str(error).splitlines() if not line.startswith("\t")]
    reason = said[-1].rpartition(" failed: ")[2] if said else type(error).__name__
    return reason.removeprefix("FATAL:").strip().rstrip(".")


@cache
def embedded() -> Cluster:
    """Return the cluster in this installation's data folder."""
    return Cluster(settings.EVENTFEED_DATA)
