"""The sentence that says what happened is English, whatever happened."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.events.models import Event
from apps.feed.story import story
from apps.query.outcomes import Outcome

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(name: str, id: str, after: float = 0, outcome: Outcome = Outcome.RUNNING) -> Event:
    return Event(
        event=name,
        occurred=NOON + timedelta(seconds=after),
        resource={"prefect.resource.id": id, "prefect.resource.name": "it"},
        related=[],
        outcome=outcome,
    )


def told(name: str, id: str) -> str:
    return "".join(part for part, _strong in story(event(name, id), []))


@pytest.mark.parametrize(
    ("name", "id", "sentence"),
    [
        ("prefect.flow-run.Scheduled", "prefect.flow-run.1", "it was scheduled."),
        ("prefect.flow-run.Late", "prefect.flow-run.1", "it is late."),
        ("prefect.flow-run.Pending", "prefect.flow-run.1", "it is pending."),
        ("prefect.task-run.Running", "prefect.task-run.1", "it is running."),
        ("prefect.task-run.AwaitingRetry", "prefect.task-run.1", "it is waiting to be retried."),
        ("prefect.task-run.RolledBack", "prefect.task-run.1", "it was rolled back."),
        ("prefect.flow-run.Cancelling", "prefect.flow-run.1", "it is being cancelled."),
        ("prefect.flow-run.Crashed", "prefect.flow-run.1", "it crashed."),
        ("prefect.flow-run.heartbeat", "prefect.flow-run.1", "it sent a heartbeat."),
        ("prefect.flow-run.Held by Anna", "prefect.flow-run.1", "it: flow run Held by Anna."),
        ("prefect.flow-run.pull-step.failed", "prefect.flow-run.1", "it: pull step failed."),
        ("prefect.work-pool.not-ready", "prefect.work-pool.1", "it is not ready."),
        ("prefect.worker.submitted-flow-run", "prefect.worker.1", "it submitted a flow run."),
        ("prefect.asset.materialization.succeeded", "s3://lake/it", "it was materialized."),
        ("prefect.log.write", "prefect.log.1", "it: log written."),
        ("prefect.kubernetes.pod.evicted", "prefect.kubernetes.pod.1", "it was evicted."),
        ("prefect.ecs.task.stopping", "prefect.ecs.task.1", "it is stopping."),
        ("acme.invoice.paid", "acme.invoice.1", "it: invoice paid."),
        ("flink.checkpoint.COMPLETED", "flink.job.1", "it: checkpoint completed."),
        ("openlineage.run.FAIL", "openlineage.run.1", "it failed."),
        ("flyte.workflow-execution.FAILED", "flyte.workflow-execution.p.d.n", "it failed."),
        ("flyte.node-execution.RUNNING", "flyte.node-execution.p.d.n.n0", "it is running."),
    ],
)  # fmt: skip
def test_each_way_of_happening_makes_a_sentence(name, id, sentence):
    assert told(name, id) == sentence


def test_an_end_is_measured_from_the_start():
    started = event("prefect.flow-run.Running", "prefect.flow-run.1")
    pending = event("prefect.flow-run.Pending", "prefect.flow-run.1", -5, Outcome.WAITING)
    failed = event("prefect.flow-run.Failed", "prefect.flow-run.1", 724, Outcome.FAILED)
    parts = story(failed, [started, pending])
    assert "".join(part for part, _ in parts) == "it failed, 12 min 4 s after it started."


def test_what_has_no_start_is_measured_from_the_event_before():
    pending = event("prefect.flow-run.Pending", "prefect.flow-run.1", -5, Outcome.WAITING)
    running = event("prefect.flow-run.Running", "prefect.flow-run.1")
    parts = story(running, [pending])
    assert "".join(part for part, _ in parts) == "it is running, 5 s after “Flow run pending”."


def test_what_comes_at_once_is_said_so():
    pending = event("prefect.flow-run.Pending", "prefect.flow-run.1", 0, Outcome.WAITING)
    running = event("prefect.flow-run.Running", "prefect.flow-run.1")
    failed = event("prefect.flow-run.Failed", "prefect.flow-run.1", 0, Outcome.FAILED)
    at_once = "it is running, at the same time as “Flow run pending”."
    assert "".join(part for part, _ in story(running, [pending])) == at_once
    assert "".join(part for part, _ in story(failed, [running])) == "it failed, as it started."


@pytest.mark.parametrize(
    ("job", "sentence"), [("it", "it failed."), ("daily", "it of job daily failed.")]
)
def test_a_run_that_is_called_as_its_job_is_named_once(job, sentence):
    failed = event("openlineage.run.FAIL", "openlineage.run.1")
    failed.related = [
        {
            "prefect.resource.id": "openlineage.job.a/b",
            "prefect.resource.role": "job",
            "prefect.resource.name": job,
        }
    ]
    assert "".join(part for part, _ in story(failed, [])) == sentence


def test_a_run_of_a_kind_of_job_failed_like_any_run():
    failed = event("openlineage.run.FAIL", "openlineage.run.1")
    failed.resource |= {"openlineage.integration": "DBT", "openlineage.job-type": "MODEL"}
    assert "".join(part for part, _ in story(failed, [])) == "it failed."
