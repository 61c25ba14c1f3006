from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import settings
from psycopg.adapt import Dumper
from psycopg.pq import Format

from apps.query.terms import BuiltTerms
from eventfeed.database import dsn
from tests.query.told import SOURCES

# For a change of the language: `pytest tests/query --hypothesis-profile=hard` takes minutes.
settings.register_profile("hard", max_examples=3_000)


class TermsDumper(Dumper):
    """Sends terms as COPY does, in the binary form."""

    format = Format.BINARY
    oid = 3614  # tsvector

    def dump(self, terms: BuiltTerms) -> bytes:
        return terms.binary


@pytest.fixture(scope="session")
def database(django_db_setup: None) -> Iterator[psycopg.Connection]:
    """A connection with a table like `event` that only it can see."""
    with psycopg.connect(dsn(), autocommit=True) as connection:
        connection.adapters.register_dumper(BuiltTerms, TermsDumper)
        connection.execute("CREATE TEMP TABLE told (LIKE event INCLUDING DEFAULTS)")
        connection.execute("CREATE INDEX ON told USING gin (terms)")
        connection.execute("SET TimeZone = 'UTC'")
        # In front of the table of this name that others write to.
        connection.execute("CREATE TEMP TABLE source (id int, name text)")
        connection.cursor().executemany("INSERT INTO source VALUES (%s, %s)", list(SOURCES.items()))
        yield connection
