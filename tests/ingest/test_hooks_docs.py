"""What docs/sources/webhooks.md has people paste does what it says."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from apps.ingest.hooks.ready import READY
from tests.ingest.conftest import Eventfeed
from tests.ingest.hooking import Made, Person

PAGE = (Path(__file__).parents[2] / "docs/sources/webhooks.md").read_text()
FENCED = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


@pytest.fixture
def person(eventfeed: Eventfeed) -> Person:
    return Person(eventfeed)


def block(language: str, holding: str) -> str:
    return next(text for kind, text in FENCED.findall(PAGE) if kind == language and holding in text)


def hook_from(person: Person, key: str) -> Made:
    ready = READY[key]
    return person.makes(template=ready.template, delivery=ready.delivery, ready=key)


def about(eventfeed: Eventfeed) -> list[tuple[Any, ...]]:
    return eventfeed.query(
        "SELECT event, outcome, occurred, message FROM event"
        " WHERE resource_id LIKE %s AND system = 'webhook' ORDER BY tx, seq",
        f"%{eventfeed.corner}%",
    )


def test_the_callback_of_airflow_tells_of_a_task(
    eventfeed: Eventfeed, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTFEED_HOOK", hook_from(person, "airflow").address)
    told: dict[str, Any] = {}
    exec(block("python", "def tell("), told)
    ended = datetime(2026, 11, 21, 2, 5, 31, tzinfo=UTC)
    task = SimpleNamespace(
        dag_id=eventfeed.corner, run_id="manual__1", task_id="copy", map_index=-1, try_number=2,
        operator="BashOperator", start_date=ended, end_date=ended, log_url=None,
    )  # fmt: skip
    for _ in range(2):
        told["tell_failed"]({"ti": task, "exception": ValueError("no such column")})
    told["tell_success"]({"ti": task})
    failed, succeeded = about(eventfeed)
    assert failed == ("airflow.task.failed", 1, ended, "no such column")
    assert succeeded[:2] == ("airflow.task.success", 2)


FAILURES = json.dumps([{"displayName": "fit", "message": "exit code 137"}])


@pytest.mark.parametrize("failures", [FAILURES, json.dumps(FAILURES)], ids=["as JSON", "quoted"])
def test_the_exit_handler_of_argo_tells_of_a_workflow(
    eventfeed: Eventfeed, person: Person, failures: str
) -> None:
    body = block("yaml", "onExit").partition("body: |")[2]
    values = {
        "name": eventfeed.corner,
        "namespace": "ml",
        "uid": "7be0f2a4-6a53-4b0a-8d0e-0c1c4f0f5a11",
        "status": "Failed",
        "creationTimestamp.RFC3339": "2026-11-21T12:10:03Z",
        "duration": "60.5",
        "failures": failures,
    }
    for name, value in values.items():
        body = body.replace(f"{{{{workflow.{name}}}}}", value)
    hook_from(person, "argo").post(body)
    ended = datetime(2026, 11, 21, 12, 11, 3, 500_000, tzinfo=UTC)
    assert about(eventfeed) == [("argo.workflow.failed", 1, ended, "fit: exit code 137")]


def test_the_template_of_the_page_is_one(eventfeed: Eventfeed, person: Person) -> None:
    hook = person.makes(template=block("jinja", "product.models"))
    hook.post({"state": "built", "model": eventfeed.corner, "error": 'no "a"'})
    ((event, outcome, _, message),) = about(eventfeed)
    assert (event, outcome, message) == ("model.built", 1, 'no "a"')


def test_every_ready_template_of_a_system_has_its_row() -> None:
    for key in ("github", "gitlab", "alertmanager", "airflow", "argo", "dbt-cloud"):
        assert f"\n| {READY[key].title} |" in PAGE
