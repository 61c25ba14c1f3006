"""The demo tells believable stories, and takes all of them away again."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import islice, takewhile
from random import Random

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Token
from apps.events.models import Event, Source
from apps.events.record import record
from apps.events.words import REGISTRY, words
from apps.ingest import demo
from apps.ingest.adapters.flink.adapter import FAILURES
from apps.ingest.adapters.prefect import catalogue as prefect_catalogue
from apps.ingest.demo.lake import CHURN_FEATURES, ORDERS_ENRICHED
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


def test_failures_of_prefects_runs_say_why():
    names = ("prefect.flow-run.Failed", "prefect.task-run.Failed")
    failed = [draft for draft in told() if draft.event in names]
    assert failed
    assert all(draft.message for draft in failed)


@pytest.fixture(scope="module")
def day():
    """What `make demo` fills in: a day of the past at the usual rate, ten times quieter."""
    stream = demo.events(Random("day"), START, rate=0.5)
    return list(takewhile(lambda draft: draft.occurred < START + timedelta(days=1), stream))


def in_words_tables(head):
    return {name: entry for name, entry in REGISTRY.exact.items() if name.startswith(head)}


@pytest.mark.parametrize("head", ["prefect.", "prefect-cloud.", "openlineage.", "flyte.", "flink."])
def test_a_day_has_every_event_and_outcome_of_the_words_tables(day, head):
    outcomes = outcomes_by_name(day)
    table = in_words_tables(head)
    assert table
    assert set(table) - set(outcomes) == set()
    for name in table:
        assert words(name).outcome in outcomes[name], name
    assert outcomes["flink.job.failure"] == set(FAILURES.values())


def test_a_day_has_every_state_of_prefects_runs_and_every_outcome(day):
    outcomes = outcomes_by_name(day)
    for state, type in prefect_catalogue.STATES.items():
        told = {f"prefect.flow-run.{state}", f"prefect.task-run.{state}"} & set(outcomes)
        assert told, state
        assert all(outcomes[name] == {prefect_catalogue.STATE_TYPES[type]} for name in told)
    assert {draft.outcome for draft in day} == set(Outcome)


def outcomes_by_name(drafts):
    outcomes = defaultdict(set)
    for draft in drafts:
        outcomes[draft.event].add(draft.outcome)
    return outcomes


def test_every_event_of_a_system_has_its_words(day):
    groups = {
        draft.event: words(draft.event, draft.resource).group
        for draft in day
        if draft.system in ("prefect", "prefect-cloud", "flyte", "flink", "openlineage")
    }
    assert "custom" not in groups.values()


def test_nothing_that_is_told_is_odd_to_its_adapter(day):
    assert {warning for draft in day for warning in draft.warnings} == set()


def touching(day, role, dataset):
    return [
        draft
        for draft in day
        for labels in draft.related
        if labels["prefect.resource.role"] == role
        and labels.get("prefect.resource.name") == dataset.name
    ]


def test_the_flink_job_writes_what_the_dbt_run_reads(day):
    written = touching(day, "output", ORDERS_ENRICHED)
    read = touching(day, "input", ORDERS_ENRICHED)
    assert "FLINK" in {draft.resource["openlineage.integration"] for draft in written}
    assert {draft.resource["openlineage.integration"] for draft in read} == {"DBT"}
    ids = {
        labels["prefect.resource.id"]
        for draft in [*written, *read]
        for labels in draft.related
        if labels.get("prefect.resource.name") == ORDERS_ENRICHED.name
    }
    assert len(ids) == 1


def test_what_flytes_workflow_writes_is_the_dataset_that_sparks_job_reads(day):
    written = touching(day, "output", CHURN_FEATURES)
    read = touching(day, "input", CHURN_FEATURES)
    assert {draft.system for draft in written} == {"flyte"}
    assert "SPARK" in {draft.resource["openlineage.integration"] for draft in read}
    ids = {
        labels["prefect.resource.id"]
        for draft in [*written, *read]
        for labels in draft.related
        if labels.get("prefect.resource.name") == CHURN_FEATURES.name
    }
    assert len(ids) == 1


def test_a_push_precedes_the_deployment_of_its_version(day):
    commits = {
        commit["id"][:7]: draft.occurred
        for draft in day
        if draft.event == "github.push"
        for commit in draft.payload["commits"]
    }
    deployed = [
        (draft.payload["updates"]["version"]["to"], draft.occurred)
        for draft in day
        if draft.event == "prefect.deployment.updated"
        and "version" in draft.payload.get("updates", {})
    ]
    assert deployed
    assert all(commits[version] < occurred for version, occurred in deployed)


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
    call_command("emit", "a.b", "--resource", "r", "--source", "demo-flyte", stdout=StringIO())
    run("--past", "10m", "--seconds", "0", "--seed", "a")
    made = Event.objects.count() - 2
    assert made > 100
    assert run("--remove") == f"{made} events of the demo deleted.\n"
    assert set(Event.objects.values_list("source__name", "event")) == {
        ("other", draft.event),
        ("demo-flyte", "a.b"),
    }
    assert set(Source.objects.values_list("name", flat=True)) == {"other", "demo-flyte"}


@pytest.mark.usefixtures("empty_log")
def test_remove_keeps_a_source_that_somebody_has_set_up():
    Source.objects.create(name="demo-mine", system="flyte", networks=["10.0.0.0/8"])
    Source.objects.create(name="demo-hers", system="flyte")
    Token.make("hers", scopes=["ingest"], source="demo-hers")
    run("--past", "1m", "--seconds", "0", "--seed", "a")
    run("--remove")
    kept = Source.objects.filter(name__startswith="demo-")
    assert set(kept.values_list("name", flat=True)) == {"demo-mine", "demo-hers"}


@pytest.mark.usefixtures("empty_log")
def test_the_past_came_as_it_occurred():
    run("--past", "10m", "--seconds", "0", "--seed", "a")
    lags = {event.received - event.occurred for event in Event.objects.all()}
    assert lags
    assert max(lags) < timedelta(seconds=1)


def test_every_sender_is_a_source_of_its_own(day):
    systems = defaultdict(set)
    for draft in day:
        systems[demo.source_of(draft)].add(draft.system)
    assert systems.pop("demo-prefect") == {"prefect"}
    assert {"demo-openlineage", "demo-flyte", "demo-flink", "demo-cloudevents"} < set(systems)
    assert {"demo-github", "demo-alertmanager", "demo-dbt-cloud"} < set(systems)
    assert all(len(told) == 1 for told in systems.values())


@pytest.mark.django_db
def test_remove_without_a_demo_deletes_nothing():
    assert run("--remove") == "0 events of the demo deleted.\n"


@pytest.mark.usefixtures("empty_log")
def test_the_stream_begins_in_the_middle_of_things():
    run("--seconds", "0.2", "--rate", "20", "--seed", "a")
    assert Event.objects.filter(event__startswith="prefect.task-run.").exists()


@pytest.mark.parametrize("arguments", [["--rate", "0"], ["--rate", "nan"], ["--past", "soon"]])
def test_a_mistake_is_told_in_words(arguments):
    with pytest.raises(CommandError, match=r"rate|30m"):
        run(*arguments)
