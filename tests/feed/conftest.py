import pytest
from django.db import connection


@pytest.fixture
def empty_log(transactional_db):
    """A log without the events of other tests: no model's table, it is not emptied with them."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE event, once")
