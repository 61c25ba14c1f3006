"""The demo tells believable stories, and takes all of them away again."""

from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from itertools import islice
from random import Random

import pytest
from django.core.management import CommandError, call_command

from apps.events.models import Event, Source
from apps.events.record import record
from apps.events.words import words
from apps.ingest import demo
from apps.query import Outcome

START = datetime(2026, 11, 21, tzinfo=UTC)


def told(seed="a", number=4_000, **kwargs):
    return list(islice(demo.events(Random(seed), START, **kwargs), number))


def test_the_same_seed_tells_the_same():
    assert told("a", 500) == told("a", 500)
    assert told("a", 500) != told("b", 500)


def test_events_come_in_order_and_about_as_often_as_asked():
    drafts = told(rate=20)
    moments = [draft.occurred for draft in drafts]
    assert moments == sorted(moments)
    assert 15 < len(drafts) / (moments[-1] - START).total_seconds() < 25


def test_every_outcome_is_told_and_failures_say_why():
    drafts = told()
    assert set(Counter(draft.outcome for draft in drafts)) == set(Outcome)
    failed = [
        d for d in drafts if d.event in ("prefect.flow-run.Failed", "prefect.task-run.Failed")
    ]
    assert failed
    assert all(draft.message for draft in failed)


def test_every_event_of_prefects_has_words_of_the_catalogue():
    groups = {d.event: words(d.event, d.resource).group for d in told() if d.system == "prefect"}
    assert "custom" not in groups.values()


def test_chains_lead_back_to_their_beginning():
    drafts = told()
    ids = {draft.id: draft for draft in drafts}
    for draft in drafts:
        if draft.follows:
            assert ids[draft.follows].occurred <= draft.occurred


def test_every_event_carries_the_label():
    assert {draft.resource["eventfeed.demo"] for draft in told()} == {"true"}


def run(*arguments):
    out = StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("empty_log")
def test_remove_deletes_exactly_what_the_demo_made():
    (draft,) = told(number=1)
    record([draft], source_id=Source.objects.create(name="other", system="custom").pk)
    call_command("emit", "a.b", "--resource", "r", "--source", "demo", stdout=StringIO())
    run("--past", "10m", "--seconds", "0", "--seed", "a")
    made = Event.objects.count() - 2
    assert made > 100
    assert run("--remove") == f"{made} events of the demo deleted.\n"
    assert set(Event.objects.values_list("source__name", "event")) == {
        ("other", draft.event),
        ("demo", "a.b"),
    }


@pytest.mark.django_db
def test_remove_without_a_demo_deletes_nothing():
    assert run("--remove") == "0 events of the demo deleted.\n"


@pytest.mark.usefixtures("empty_log")
def test_the_stream_begins_in_the_middle_of_things():
    run("--seconds", "0.2", "--rate", "20")
    assert Event.objects.filter(event__startswith="prefect.task-run.").exists()


@pytest.mark.parametrize("arguments", [["--rate", "0"], ["--rate", "nan"], ["--past", "soon"]])
def test_a_mistake_is_told_in_words(arguments):
    with pytest.raises(CommandError, match=r"rate|30m"):
        run(*arguments)
