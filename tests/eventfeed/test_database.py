import psycopg
import pytest
from django.db import connection

from eventfeed.database import dsn


@pytest.mark.django_db
def test_django_and_raw_connections_reach_the_same_database() -> None:
    with psycopg.connect(dsn()) as raw, connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert raw.execute("SELECT current_database()").fetchone() == cursor.fetchone()
