"""What tests of every folder may ask for."""

from collections.abc import Iterator

import pytest
from django.db import connection


@pytest.fixture
def empty_log(transactional_db: None) -> Iterator[None]:
    """A log with nothing of other tests in it, whose transactions are real ones."""
    _empty_the_log()
    yield
    _empty_the_log()


def _empty_the_log() -> None:
    with connection.cursor() as cursor:
        # No model's tables, so no test's end empties them.
        cursor.execute("TRUNCATE event, once")
