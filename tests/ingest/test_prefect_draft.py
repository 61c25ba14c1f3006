"""What the door says of a Prefect event, once: whose it is, how it went, the one thing to read."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from apps.events.draft import Draft
from apps.ingest.adapters.prefect.adapter import draft_of
from apps.ingest.adapters.prefect.reading import PrefectEvent, read
from apps.ingest.ownership import warnings_for
from apps.query.outcomes import Outcome

SAMPLES = json.loads((Path(__file__).parent / "samples" / "prefect.json").read_bytes())


def drafted(event: str, resource: dict[str, str] | None = None, **fields: Any) -> Draft:
    told = {
        "id": "018f0000-0000-7000-8000-000000000000",
        "occurred": "2026-01-02T03:04:05Z",
        "event": event,
        "resource": {"prefect.resource.id": "a.b.c", **(resource or {})},
        **fields,
    }
    reading = read(json.dumps(told).encode())
    assert isinstance(reading, PrefectEvent), reading
    return draft_of(reading)


def test_a_draft_holds_what_was_told() -> None:
    sample = SAMPLES["prefect.task-run.Failed"]
    reading = read(json.dumps(sample).encode())
    assert isinstance(reading, PrefectEvent)
    draft = draft_of(reading)
    assert (draft.event, draft.resource, draft.related, draft.payload) == (
        sample["event"],
        sample["resource"],
        sample["related"],
        sample["payload"],
    )
    assert (draft.id, draft.follows) == (UUID(sample["id"]), UUID(sample["follows"]))
    assert (draft.system, draft.outcome) == ("prefect", Outcome.FAILED)
    assert draft.message == "Task run encountered an exception ValueError: boom"


@pytest.mark.parametrize(
    ("event", "system"),
    [
        ("prefect.flow-run.Failed", "prefect"),
        ("prefect-cloud.user.logged-in", "prefect-cloud"),
        ("acme.invoice.paid", "custom"),
        ("eventfeed.audit.token.made", "custom"),
        ("", "custom"),
    ],
)
def test_a_name_says_whose_event_it_is(event: str, system: str) -> None:
    assert drafted(event).system == system


def test_a_name_of_another_system_is_kept_with_a_warning() -> None:
    [warning] = drafted("eventfeed.audit.token.made").warnings
    assert warning.startswith("The name eventfeed.audit.token.made belongs to Eventfeed")
    assert (
        drafted("acme.invoice.paid").warnings == drafted("prefect.flow-run.Failed").warnings == ()
    )


@pytest.mark.parametrize(
    ("event", "labels", "related", "outcome"),
    [
        ("prefect.flow-run.Held", {"prefect.state-type": "PAUSED"}, [], Outcome.WAITING),
        ("prefect.worker.executed-flow-run", {}, [], Outcome.COMPLETED),
        ("prefect.worker.executed-flow-run", {}, [{"code": "0"}], Outcome.COMPLETED),
        ("prefect.worker.executed-flow-run", {}, [{"code": "137"}], Outcome.FAILED),
        ("acme.invoice.failed", {}, [], Outcome.INFORMATION),
    ],
)
def test_labels_say_how_it_went(
    event: str, labels: dict[str, str], related: list[dict[str, str]], outcome: Outcome
) -> None:
    runs = [
        {
            "prefect.resource.id": "prefect.flow-run.1",
            "prefect.resource.role": "flow-run",
            "prefect.infrastructure.status-code": run["code"],
        }
        for run in related
    ]
    assert drafted(event, labels, related=runs).outcome == outcome


@pytest.mark.parametrize(
    ("event", "labels", "payload", "message"),
    [
        ("prefect.flow-run.Failed", {"prefect.state-message": " a \n b "}, {}, "a b"),
        ("prefect.flow-run.Running", {"prefect.state-message": ""}, {}, None),
        ("prefect.kubernetes.pod.failed", {"kubernetes.diagnosis": "OOMKilled"}, {}, "OOMKilled"),
        ("prefect.kubernetes.pod.evicted", {"kubernetes.reason": "Evicted"}, {}, "Evicted"),
        (
            "prefect.deployment.updated",
            {},
            {"updates": {"concurrency_limit": {"from": 4, "to": 8}}},
            "concurrency_limit 4 → 8",
        ),
        (
            "prefect.deployment.updated",
            {},
            {
                "updates": {
                    "paused": {"from": True, "to": False},
                    "description": {"from": None, "to": "nightly"},
                    "parameters": {"from": {}, "to": {"a": 1}},
                }
            },
            "paused true → false, description none → nightly, parameters",
        ),
        ("prefect.work-pool.updated", {}, {"updated_fields": ["a", "b"]}, "a, b"),
        (
            "prefect.automation.action.failed",
            {},
            {"action_type": "call-webhook", "reason": "No route"},
            "No route",
        ),
        (
            "prefect.automation.action.executed",
            {},
            {"action_type": "call-webhook", "status_code": 204},
            "call-webhook, status 204",
        ),
        (
            "prefect.concurrency-limit.acquired",
            {"slots-acquired": "2", "limit": "10"},
            {},
            "2 of 10 slots",
        ),
        ("prefect.task-run.Completed", {}, {"task_run": {"total_run_time": 4.21}}, "4.2 s"),
        (
            "prefect.task-run.Completed",
            {},
            {"task_run": {"total_run_time": 724}},
            "12 min 4 s",
        ),
        ("prefect.task-run.Completed", {}, {"task_run": {"total_run_time": 59.96}}, "1 min 0 s"),
        (
            "prefect.workspace.transfer.completed",
            {},
            {"succeeded": 12, "failed": 1, "skipped": 0},
            "12 succeeded, 1 failed, 0 skipped",
        ),
        (
            "acme.invoice.paid",
            {},
            {"amount": 12.5, "lines": [1], "paid": True},
            "amount 12.5, paid true",
        ),
        ("acme.invoice.paid", {}, {"a": 1, "b": 2, "c": 3, "d": 4}, "a 1, b 2, c 3"),
        ("acme.invoice.paid", {}, {"message": "thanks", "amount": 1}, "thanks"),
        ("prefect.variable.created", {}, {"name": "v", "value": "x"}, None),
        (
            "acme.odd",
            {},
            {"updates": 5, "task_run": 5, "action_type": 5},
            "updates 5, task_run 5, action_type 5",
        ),
    ],
)
def test_the_message_is_the_one_thing_worth_reading(
    event: str, labels: dict[str, str], payload: dict[str, Any], message: str | None
) -> None:
    assert drafted(event, labels, payload=payload).message == message


def test_a_long_message_is_cut_to_a_line() -> None:
    message = drafted("acme.x", payload={"message": "word " * 50_000}).message
    assert message is not None
    assert len(message) == 200
    assert message.endswith("…")


def test_a_name_of_prefect_that_comes_from_elsewhere_is_warned_of() -> None:
    assert warnings_for("acme.paid", "acme.invoice.42", system="custom") == ()
    assert warnings_for("prefect.flow-run.Failed", "prefect.flow-run.1", system="prefect") == ()
    assert warnings_for("prefect.flow-run.Failed", "prefect.flow-run.1", system="custom") == (
        "The name prefect.flow-run.Failed belongs to Prefect, which has not sent this.",
        "The name prefect.flow-run.1 belongs to Prefect, which has not sent this.",
    )
