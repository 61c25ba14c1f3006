"""A few recorded events of a Prefect server and others, to ask for in every way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apps.events.draft import Draft
from apps.query.outcomes import Outcome

BEGAN = datetime(2026, 11, 21, 3, 41, 35, 496905, tzinfo=UTC)

FLOW_RUN = "prefect.flow-run.adc42fd3-5820-4198-af10-706a02c8fc8a"
FLOW = "prefect.flow.4c1b945e-5b03-4864-b2ed-9a461fb8a792"
POOL = "prefect.work-pool.c3d4e5f6-a7b8-9012-cdef-123456789012"


def related(id: str, role: str, **labels: str) -> dict[str, str]:
    return {"prefect.resource.id": id, "prefect.resource.role": role, **labels}


OF_A_FLOW_RUN = [
    related(FLOW_RUN, "flow-run", **{"prefect.resource.name": "proud-jackdaw"}),
    related(FLOW, "flow", **{"prefect.resource.name": "my-etl-flow", "team": "blue"}),
]

# Each under the name by which tests call it, a second apart.
TOLD: dict[str, dict[str, Any]] = {
    "invoice": {
        "event": "acme.invoice.paid",
        "resource": {
            "prefect.resource.id": "acme.invoice.42",
            "prefect.resource.name": "Invoice 42",
            "region": "eu-west",
        },
        "related": OF_A_FLOW_RUN,
        "payload": {"amount": 12.5, "note": "paid by transfer"},
    },
    "completed": {
        "event": "prefect.flow-run.Completed",
        "resource": {
            "prefect.resource.id": FLOW_RUN,
            "prefect.resource.name": "proud-jackdaw",
            "prefect.state-type": "COMPLETED",
        },
        "related": [OF_A_FLOW_RUN[1]],
        "payload": {"intended": {"from": "RUNNING", "to": "COMPLETED"}},
    },
    "heartbeat": {
        "event": "prefect.flow-run.heartbeat",
        "resource": {
            "prefect.resource.id": FLOW_RUN,
            "prefect.resource.name": "proud-jackdaw",
            "prefect.version": "3.8.8",
        },
        "related": [OF_A_FLOW_RUN[1]],
    },
    "failed": {
        "event": "prefect.task-run.Failed",
        "resource": {
            "prefect.resource.id": "prefect.task-run.01a1fc31-f7d4-7cbb-8f2a-3baf0bce7873",
            "prefect.resource.name": "bad-a0a",
            "prefect.state-message": "Task run encountered an exception ValueError: boom",
            "region": "us_east",
        },
        "related": [
            *OF_A_FLOW_RUN,
            related(POOL, "work-pool", **{"prefect.resource.name": "blue", "team": "red"}),
        ],
    },
    "lone": {
        "event": "acme.invoice.late",
        "resource": {"prefect.resource.id": "acme.invoice.4", "region": ""},
    },
}
NAMES = list(TOLD)


def id_of(name: str) -> UUID:
    return UUID(int=1 + NAMES.index(name))


def name_of(id: UUID | str) -> str:
    return NAMES[UUID(str(id)).int - 1]


def occurred(name: str) -> datetime:
    return BEGAN + timedelta(seconds=NAMES.index(name))


def recorded() -> list[Draft]:
    return [
        Draft(
            **{"related": [], "payload": {}}
            | told
            | {"id": id_of(name), "occurred": occurred(name), "outcome": Outcome.INFORMATION}
        )
        for name, told in TOLD.items()
    ]


def long_filter() -> dict[str, Any]:
    """A filter that no tsquery has room for."""
    many = [f"acme.{'x' * 600}.{n}" for n in range(500)]
    both = {"id": many, "id_prefix": many}
    return {"event": {"name": many, "prefix": many}, "resource": both, "any_resource": both}
