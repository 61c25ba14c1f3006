"""The one place that says how to reach PostgreSQL."""

from django.conf import settings
from psycopg.conninfo import make_conninfo


def dsn() -> str:
    """Return the connection string that Django, the recorder and LISTEN share."""
    database = settings.DATABASES["default"]
    return make_conninfo(
        dbname=database["NAME"],
        host=database["HOST"] or None,
        port=database["PORT"] or None,
        user=database["USER"] or None,
        password=database["PASSWORD"] or None,
    )
