"""Indexing again after the terms have changed."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from apps.events import reindex as reindexing
from apps.events.models import Event, Source
from apps.events.record import record
from apps.events.reindex import reindex
from apps.events.search import search
from apps.query import parse
from tests.events.telling import told


@pytest.fixture
def old(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven events that an older version has indexed, and left half of it out."""
    monkeypatch.setattr(reindexing, "BATCH", 3)
    record([told(payload={"word": "found"}) for _ in range(7)], source_id=source.id)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE event SET terms = '', terms_version = 0")


def test_old_rows_are_found_again(old: None):
    places = {event.id: event.position for event in Event.objects.all()}
    assert search(parse("found")).events == []
    assert list(reindex())[-1].rewritten == 7
    assert {event.id: event.position for event in search(parse("found")).events} == places


def test_interrupted_it_goes_on_with_what_is_left(old: None):
    next(reindex())
    assert list(reindex())[-1].rewritten == 4
    assert list(reindex())[-1].rewritten == 0


def test_command_says_how_many(old: None):
    out = StringIO()
    call_command("reindex", stdout=out)
    assert out.getvalue() == "Done: 7 events were rewritten.\n"
