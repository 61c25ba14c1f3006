"""Django's PostgreSQL, which starts the embedded cluster before the first connection to it."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError

from eventfeed.database import embedded


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        cluster = embedded()
        cluster.use()
        try:
            return super().get_new_connection(conn_params)
        except OperationalError:
            cluster.check()
            return super().get_new_connection(conn_params)
