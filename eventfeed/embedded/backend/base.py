"""Django's PostgreSQL, which starts the embedded cluster before the first connection to it."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError

from eventfeed.database import embedded
from eventfeed.startup import CannotStart

PATIENCE = 3.0
"""Seconds that a connection waits for somebody else's starting of the cluster."""


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; a cluster that cannot be started is a database that is away, as any other."""
        cluster = embedded()
        try:
            cluster.use()
            try:
                return super().get_new_connection(conn_params)
            except OperationalError:
                cluster.check(within=PATIENCE)
                return super().get_new_connection(conn_params)
        except CannotStart as error:
            raise OperationalError(str(error)) from error
