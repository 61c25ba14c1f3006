"""Suggestions find names and resources by what someone types, last seen first."""

from datetime import timedelta
from itertools import count

import pytest
from django.db import connection
from django.utils import timezone

from apps.events.models import Event
from apps.resources import suggest
from apps.resources.registry import Registry

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def seen():
    registry = Registry()
    seqs = count(1)

    def seen(name="invoice.paid", *, ago=0, id="acme.invoice.1", called=None):
        labels = {"prefect.resource.id": id} | ({"prefect.resource.name": called} if called else {})
        at = NOW - timedelta(minutes=ago)
        event = Event(event=name, received=at, resource=labels, related=[], tx=1, seq=next(seqs))
        with connection.cursor() as cursor:
            registry.handle([event], cursor)

    return seen


def ids(text):
    return [found.id for found in suggest.resources(text)]


def names(text):
    return [found.name for found in suggest.names(text)]


def test_names_that_begin_so_come_before_names_that_hold_it(seen):
    seen("acme.invoice.paid")
    seen("invoice.paid", ago=5)
    assert names("invoice") == ["invoice.*", "invoice.paid", "acme.invoice.*", "acme.invoice.paid"]


def test_every_word_must_be_held(seen):
    seen("prefect.flow-run.Failed")
    seen("prefect.task-run.Failed")
    assert names("failed flow") == ["prefect.flow-run.Failed"]


def test_a_name_is_found_in_any_case(seen):
    seen("prefect.flow-run.Failed")
    assert "prefect.flow-run.Failed" in names("FAILED")


def test_without_text_the_last_seen_come_first(seen):
    seen(id="a", ago=2)
    seen(id="b", ago=1)
    seen(id="c", ago=3)
    assert ids("") == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("s3://lake/or", "beginning of the id"),
        ("S3", "word of the id in any case"),
        ("parquet", "later word of the id"),
        ("nightly", "word of the name"),
        ("ord nigh", "beginnings of words"),
        ("NIGHTLY orders", "words in any order and case"),
    ],
)
def test_a_resource_is_found_by(seen, text, what):
    seen(id="s3://lake/orders.parquet", called="Nightly orders")
    seen(id="acme.customer.9", called="Someone else")
    assert ids(text) == ["s3://lake/orders.parquet"], what


@pytest.mark.parametrize("text", ["'", "\\", "%", "_", "& | !", "(", "'x':*", "a\0b", "ÅNGSTRÖM"])
def test_nothing_typed_breaks_the_question(seen, text):
    seen()
    assert ids(text) == []
    assert names(text) == []


def test_what_expired_is_no_longer_suggested(seen, settings):
    settings.EVENTFEED_RETENTION_DAYS = 1
    seen("old.news", id="old", ago=2 * 24 * 60)
    assert ids("") == []
    assert names("") == []


def test_the_list_is_bounded(seen):
    for number in range(30):
        seen(id=f"acme.invoice.{number}")
    assert len(suggest.resources("acme", limit=5)) == 5
    assert len(suggest.resources("acme", limit=10_000)) == 30
