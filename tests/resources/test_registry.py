"""The registry remembers names and resources, writing only what is news."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.events.models import Event
from apps.resources.models import Name, Resource
from apps.resources.registry import Registry

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def registry():
    return Registry()


def event(name="invoice.paid", *, seq=1, at=NOW, resource=None, related=()):
    return Event(
        event=name,
        received=at,
        resource=resource or labels("acme.invoice.1"),
        related=list(related),
        tx=1,
        seq=seq,
    )


def labels(id, name=None, role=None):
    said = {"prefect.resource.name": name, "prefect.resource.role": role}
    return {"prefect.resource.id": id} | {key: value for key, value in said.items() if value}


def follow(registry, *events):
    with connection.cursor() as cursor:
        registry.handle(list(events), cursor)


def test_a_name_is_kept_with_its_dotted_beginnings(registry):
    follow(registry, event("prefect.flow-run.Failed"))
    kept = dict(Name.objects.values_list("name", "is_prefix"))
    assert kept == {
        "prefect.flow-run.Failed": False,
        "prefect.flow-run.*": True,
        "prefect.*": True,
    }


def test_a_name_too_long_for_the_index_is_left_out(registry):
    follow(registry, event("€" * 1_024))
    assert not Name.objects.exists()


def test_primary_and_related_resources_are_kept(registry):
    related = [labels("prefect.flow.2", "etl", role="flow")]
    follow(registry, event(resource=labels("prefect.flow-run.1", "big-cat"), related=related))
    assert list(Resource.objects.order_by("id").values_list("id", "display_name", "kind")) == [
        ("prefect.flow-run.1", "big-cat", "flow run"),
        ("prefect.flow.2", "etl", "flow"),
    ]


def test_a_resource_without_a_name_keeps_the_one_it_was_given(registry):
    follow(registry, event(resource=labels("acme.invoice.1", "March")))
    follow(Registry(), event(seq=2, resource=labels("acme.invoice.1")))
    assert Resource.objects.get().display_name == "March"


def test_a_renamed_resource_is_written_at_once(registry):
    follow(registry, event(resource=labels("acme.invoice.1", "March")))
    follow(registry, event(seq=2, resource=labels("acme.invoice.1", "April")))
    assert Resource.objects.get().display_name == "April"


def test_what_was_seen_within_the_minute_is_not_written_again(registry, django_assert_num_queries):
    follow(registry, event())
    with django_assert_num_queries(0):
        follow(registry, event(seq=2, at=NOW + timedelta(seconds=59)))
    follow(registry, event(seq=3, at=NOW + timedelta(seconds=61)))
    assert Resource.objects.get().last_seen == NOW + timedelta(seconds=61)
    assert Resource.objects.get().first_seen == NOW


def test_what_was_rolled_back_is_written_again(registry):
    follow(registry, event())
    Resource.objects.all().delete()
    follow(registry, event())
    assert Resource.objects.exists()


def test_what_was_not_seen_for_the_retention_is_dropped(registry, settings):
    settings.EVENTFEED_RETENTION_DAYS = 7
    follow(registry, event("old.news", at=NOW - timedelta(days=8)))
    follow(registry, event(seq=2, at=NOW, resource=labels("acme.invoice.2")))
    follow(
        Registry(), event(seq=3, at=NOW + timedelta(minutes=2), resource=labels("acme.invoice.2"))
    )
    assert not Name.objects.filter(name="old.news").exists()
    assert list(Resource.objects.values_list("id", flat=True)) == ["acme.invoice.2"]
