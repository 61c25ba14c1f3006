"""Automations that would start runs for ever: refused where Prefect's server refuses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.automations.models import Automation
from apps.query.terms import ID

# Every run of a deployment goes through these.
STATES_OF_ALL = frozenset(
    {
        "prefect.flow-run.Scheduled",
        "prefect.flow-run.Pending",
        "prefect.flow-run.Running",
        "prefect.flow-run.*",
    }
)
EVERY_RUN = "prefect.flow-run.*"

INFERRED = (
    "Running an inferred deployment from a flow run state change event will lead to an infinite "
    "loop of flow runs. Please choose a specific deployment and add additional filtering labels "
    "to the match or match_related for this automation's trigger."
)
SELECTED = (
    "Running a selected deployment from a flow run state change event may lead to an infinite "
    "loop of flow runs. Please include additional filtering labels on either match or "
    "match_related to narrow down which flow runs will trigger this automation to exclude flow "
    "runs from the deployment you've selected."
)


def loop_in(automation: Automation, *, on: bool) -> str | None:
    """Say why an automation of Prefect's would run for ever, None when nothing shows it."""
    trigger = automation.trigger["trigger"]
    if not on or not _sees_every_run_start(trigger):
        return None
    sources = [
        action.get("source", "selected")
        for action in automation.actions
        if action["type"] == "run-deployment"
    ]
    if "inferred" in sources:
        return INFERRED
    return SELECTED if sources and not _is_narrowed(trigger) else None


def _sees_every_run_start(trigger: Mapping[str, Any]) -> bool:
    return (
        trigger["type"] == "event"
        and trigger.get("posture", "Reactive") == "Reactive"
        and not STATES_OF_ALL.isdisjoint(trigger.get("expect", ()))
    )


def _is_narrowed(trigger: Mapping[str, Any]) -> bool:
    related = trigger.get("match_related", {})
    several = related if isinstance(related, list) else [related]
    return not (
        _fits_every_run(trigger.get("match", {})) and any(_fits_every_run(one) for one in several)
    )


def _fits_every_run(labels: Mapping[str, Any]) -> bool:
    if not labels:
        return True
    ids = labels.get(ID, ())
    return len(labels) == 1 and EVERY_RUN in ([ids] if isinstance(ids, str) else ids)
