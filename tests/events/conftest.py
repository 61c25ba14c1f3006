from collections.abc import Iterator

import pytest
from django.db import connection

from apps.events.models import Source
from apps.events.partitions import partitions


@pytest.fixture
def log(transactional_db: None) -> Iterator[None]:
    """An empty log, whose transactions are real ones."""
    yield
    connection.close()
    with connection.cursor() as cursor:
        # No model's tables, so no test's end empties them.
        for partition in partitions():
            cursor.execute(f"DROP TABLE {partition.name}")
        cursor.execute("TRUNCATE event, once")
        cursor.execute("UPDATE log SET gone_tx = 0, gone_seq = 0")


@pytest.fixture
def source(log: None) -> Source:
    return Source.objects.create(name="billing", system="custom")
