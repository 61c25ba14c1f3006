"""Prefect's schema of automations: what its server takes and its clients can read.

Fields are those of prefect/events/schemas/automations.py and prefect/events/actions.py; times are
seconds, as its clients send them, which cannot read all that ISO 8601 writes. Others inside a
trigger or an action are let be, as there. What a trigger or an action means, and what it may not,
is for `apps.automations` to say.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from apps.automations.models import MOST_NAME
from apps.automations.reading import YEAR

Seconds = Annotated[float, msgspec.Meta(ge=0, le=YEAR)]
Labels = dict[str, str | list[str]]
Source = Literal["selected", "inferred"]
State = Literal[
    "SCHEDULED",
    "PENDING",
    "RUNNING",
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "CRASHED",
    "PAUSED",
    "CANCELLING",
]


class Trigger(msgspec.Struct, tag_field="type", kw_only=True):
    pass


class Event(Trigger, tag="event"):
    match: Labels = {}
    match_related: Labels | list[Labels] = {}
    after: list[str] = []
    expect: list[str] = []
    for_each: list[str] = []
    posture: Literal["Reactive", "Proactive"] = "Reactive"
    threshold: int = 1
    within: Seconds = 0


class MetricQuery(msgspec.Struct):
    name: Literal["lateness", "duration", "successes"]
    threshold: float
    operator: Literal["<", "<=", ">", ">="]
    range: Annotated[float, msgspec.Meta(ge=300)] = 300
    firing_for: Annotated[float, msgspec.Meta(ge=300)] = 300


class Metric(Trigger, tag="metric"):
    metric: MetricQuery
    match: Labels = {}
    match_related: Labels | list[Labels] = {}
    posture: Literal["Metric"] = "Metric"


class Compound(Trigger, tag="compound"):
    require: int | Literal["any", "all"]
    triggers: list[AnyTrigger]
    within: Seconds | None = None


class Sequence(Trigger, tag="sequence"):
    triggers: list[AnyTrigger]
    within: Seconds | None = None


AnyTrigger = Event | Metric | Compound | Sequence


# An action may say to which of several Prefect servers it goes: a word of ours, which Prefect's
# clients would not give back.
OURS = [("destination", None, None)]
ON_DEPLOYMENT = [("source", Source, "selected"), ("deployment_id", UUID | None, None)]
ON_POOL = [("source", Source, "selected"), ("work_pool_id", UUID | None, None)]
ON_QUEUE = [("source", Source, "selected"), ("work_queue_id", UUID | None, None)]
ON_AUTOMATION = [("source", Source, "selected"), ("automation_id", UUID | None, None)]
ACTIONS: dict[str, list[Any]] = {
    "do-nothing": [],
    "run-deployment": [
        *ON_DEPLOYMENT,
        ("parameters", dict[str, Any] | None, None),
        ("job_variables", dict[str, Any] | None, None),
        ("schedule_after", Seconds, 0),
    ],
    "pause-deployment": ON_DEPLOYMENT,
    "resume-deployment": ON_DEPLOYMENT,
    "cancel-flow-run": [],
    "delete-flow-run": [],
    "suspend-flow-run": [],
    "resume-flow-run": [],
    "change-flow-run-state": [
        ("state", State),
        ("name", str | None, None),
        ("message", str | None, None),
        ("force", bool, False),
    ],
    "pause-work-pool": ON_POOL,
    "resume-work-pool": ON_POOL,
    "pause-work-queue": ON_QUEUE,
    "resume-work-queue": ON_QUEUE,
    "pause-automation": ON_AUTOMATION,
    "resume-automation": ON_AUTOMATION,
    "call-webhook": [("block_document_id", UUID), ("payload", str, "")],
    "send-notification": [("block_document_id", UUID), ("body", str), ("subject", str, "")],
}
AnyAction: Any = Union[  # noqa: UP007  # made of a table
    tuple(
        msgspec.defstruct(name, [*fields, *OURS], tag=name, tag_field="type")
        for name, fields in ACTIONS.items()
    )
]
Actions = list[AnyAction]


class AutomationCore(msgspec.Struct, kw_only=True):
    """An automation; what is left out stays as it is, or is empty."""

    name: Annotated[str, msgspec.Meta(max_length=MOST_NAME)]
    trigger: AnyTrigger
    actions: Actions
    description: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    actions_on_trigger: Actions | UnsetType = UNSET
    actions_on_resolve: Actions | UnsetType = UNSET


class AutomationUpdate(AutomationCore, forbid_unknown_fields=True):
    pass


class AutomationCreate(AutomationCore, forbid_unknown_fields=True):
    owner_resource: str | None = None


class AutomationPartialUpdate(msgspec.Struct, forbid_unknown_fields=True):
    enabled: bool | UnsetType = UNSET
