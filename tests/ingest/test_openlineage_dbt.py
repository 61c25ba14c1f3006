"""The real dbt-ol with DuckDB, unmodified, in an environment of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environments import environment_with
from tests.ingest.conftest import Eventfeed

PATIENCE = 240

FILES = {
    "dbt_project.yml": """
name: shop
version: "1.0"
profile: shop
model-paths: [models]
flags: {send_anonymous_usage_stats: false}
""",
    "profiles.yml": """
shop:
  target: dev
  outputs: {dev: {type: duckdb, path: shop.duckdb, threads: 2}}
""",
    "models/orders.sql": "select 1 as id, 12.5 as amount union all select 2, 7.5",
    "models/daily.sql": "select sum(amount) as total, count(*) as orders from {{ ref('orders') }}",
    "models/broken.sql": "select nowhere from {{ ref('daily') }}",
    "models/schema.yml": """
models:
  - name: orders
    columns:
      - name: id
        data_tests: [unique, not_null]
""",
}


@pytest.fixture(scope="session")
def dbt_ol() -> Path:
    """Return dbt-ol in an environment of its own, made once."""
    if sys.version_info >= (3, 14):
        pytest.skip("dbt-core 1.10 does not start on Python 3.14")
    return environment_with("dbt-ol") / "bin" / "dbt-ol"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())
    return tmp_path / "shop"


def dbt(program: Path, project: Path, eventfeed: Eventfeed, *arguments: str) -> str:
    """Run dbt-ol as docs/sources/openlineage.md says; a model that fails ends it with 1."""
    done = subprocess.run(
        [program, *arguments, "--project-dir", project, "--profiles-dir", project],
        env={
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "HOME": str(project.parent),
            "OPENLINEAGE_URL": f"http://127.0.0.1:{eventfeed.port}",
            "OPENLINEAGE_NAMESPACE": eventfeed.corner,
            "DO_NOT_TRACK": "1",
        },
        cwd=project,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode in (0, 1), said
    return said


def stored(eventfeed: Eventfeed) -> list[tuple[str, str, list[dict[str, str]], list[str] | None]]:
    return eventfeed.query(
        "SELECT event, resource ->> 'prefect.resource.name', related, warnings FROM event"
        " WHERE system = 'openlineage' AND resource @> %s::jsonb ORDER BY occurred",
        json.dumps({"openlineage.namespace": eventfeed.corner}),
    )


def test_a_build_is_told_with_its_models_tests_and_failure(
    dbt_ol: Path, project: Path, eventfeed: Eventfeed
) -> None:
    said = dbt(dbt_ol, project, eventfeed, "build")
    rows = stored(eventfeed)
    assert f"Emitted {len(rows)} OpenLineage events" in said
    assert {event for event, *_ in rows} == {
        "openlineage.run.START",
        "openlineage.run.COMPLETE",
        "openlineage.run.FAIL",
    }
    assert [warnings for *_, warnings in rows if warnings] == []
    by_role = {
        (labels["prefect.resource.role"], labels["prefect.resource.name"])
        for _, _, related, _ in rows
        for labels in related
    }
    assert {
        ("input", "shop.main.orders"),
        ("output", "shop.main.orders"),
        ("output", "shop.main.daily"),
        ("parent", "dbt-run-shop"),
        ("root", "dbt-run-shop"),
    } <= by_role


def test_a_run_is_told_live_from_its_structured_logs(
    dbt_ol: Path, project: Path, eventfeed: Eventfeed
) -> None:
    dbt(dbt_ol, project, eventfeed, "run", "--consume-structured-logs")
    rows = stored(eventfeed)
    names = [event for event, *_ in rows]
    # The run, its three models, and what they ask the database.
    assert names.count("openlineage.run.START") >= 4
    assert "openlineage.run.FAIL" in names
    assert [warnings for *_, warnings in rows if warnings] == []
    failures = eventfeed.query(
        "SELECT message FROM event WHERE event = 'openlineage.run.FAIL' AND resource @> %s::jsonb",
        json.dumps({"openlineage.namespace": eventfeed.corner}),
    )
    assert any("nowhere" in (message or "") for (message,) in failures)
