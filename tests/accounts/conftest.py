import pytest
from django.db import connection


@pytest.fixture
def leave(transactional_db, monkeypatch):
    """A function after which the database cannot be reached."""
    settings = connection.settings_dict

    def leave():
        connection.close()
        # Without the pool, which would wait for the database to come back.
        monkeypatch.setitem(settings, "OPTIONS", {**settings["OPTIONS"], "pool": False})
        monkeypatch.setitem(settings, "PORT", "1")

    yield leave
    connection.close()
    monkeypatch.undo()
