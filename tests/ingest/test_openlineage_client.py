"""The real openlineage-python, unmodified, configured as docs/sources/openlineage.md says."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.adapters.openlineage.adapter import read_openlineage
from tests.crash.up import CHECKOUT, Up
from tests.ingest.conftest import Eventfeed

PATIENCE = 120

# Two runs of one job, one of which fails, and the file transport's own way to write them.
SEND = """
import sys
from datetime import datetime, timezone
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    DatasetEvent, InputDataset, Job, JobEvent, OutputDataset, Run, RunEvent, RunState, StaticDataset
)
from openlineage.client.facet_v2 import error_message_run, nominal_time_run, schema_dataset, sql_job
from openlineage.client.uuid import generate_new_uuid

corner = sys.argv[1]
client = OpenLineageClient()
job = Job(namespace=corner, name="orders", facets={"sql": sql_job.SQLJobFacet(query="select 1")})

def now():
    return datetime.now(timezone.utc).isoformat()

def run(*states):
    id = str(generate_new_uuid())
    for state in states:
        facets = {"nominalTime": nominal_time_run.NominalTimeRunFacet(nominalStartTime=now())}
        if state is RunState.FAIL:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
                message="no such column", programmingLanguage="python", stackTrace="line 1"
            )
        client.emit(RunEvent(
            eventType=state, eventTime=now(), run=Run(runId=id, facets=facets), job=job,
            inputs=[InputDataset(namespace="s3://lake", name="orders")],
            outputs=[OutputDataset(namespace="s3://lake", name="daily", facets={
                "schema": schema_dataset.SchemaDatasetFacet(
                    fields=[schema_dataset.SchemaDatasetFacetFields(name="day", type="date")]
                ),
            })],
        ))

run(RunState.START, RunState.RUNNING, RunState.COMPLETE)
run(RunState.START, RunState.FAIL)
client.emit(JobEvent(eventTime=now(), job=job))
client.emit(DatasetEvent(eventTime=now(), dataset=StaticDataset(namespace=corner, name="daily")))
client.close()
"""

Run = Callable[..., str]
EVENTS = {
    "openlineage.dataset.METADATA": 1,
    "openlineage.job.METADATA": 1,
    "openlineage.run.COMPLETE": 1,
    "openlineage.run.FAIL": 1,
    "openlineage.run.RUNNING": 1,
    "openlineage.run.START": 2,
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a script with the client, with nothing in its environment but this."""

    def run(script: str, *arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


def stored(eventfeed: Eventfeed) -> dict[str, int]:
    """Return how often each event of this test is stored; none of them has a warning."""
    rows = eventfeed.query(
        "SELECT event, warnings FROM event WHERE system = 'openlineage'"
        " AND (resource @> %s::jsonb OR related @> %s::jsonb)",
        json.dumps({"openlineage.namespace": eventfeed.corner}),
        json.dumps([{"openlineage.namespace": eventfeed.corner}]),
    )
    assert [warnings for _, warnings in rows if warnings] == []
    names = [event for event, _ in rows]
    return {name: names.count(name) for name in sorted(set(names))}


# As docs/sources/openlineage.md has them, for the address of the test.
CONFIGURATIONS: dict[str, Callable[[str], dict[str, str]]] = {
    "the address alone": lambda url: {"OPENLINEAGE_URL": url},
    "the address with a slash": lambda url: {"OPENLINEAGE_URL": f"{url}/"},
    "the key of a source": lambda url: {"OPENLINEAGE_URL": url, "OPENLINEAGE_API_KEY": "secret"},
    "http": lambda url: {
        "OPENLINEAGE__TRANSPORT__TYPE": "http",
        "OPENLINEAGE__TRANSPORT__URL": url,
    },
    "gzip": lambda url: {
        "OPENLINEAGE__TRANSPORT__TYPE": "http",
        "OPENLINEAGE__TRANSPORT__URL": url,
        "OPENLINEAGE__TRANSPORT__COMPRESSION": "gzip",
    },
    "async_http": lambda url: {
        "OPENLINEAGE__TRANSPORT__TYPE": "async_http",
        "OPENLINEAGE__TRANSPORT__URL": url,
    },
    "async_http and gzip": lambda url: {
        "OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "async_http", "url": url, "compression": "gzip"}
        )
    },
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_everything_the_client_emits_is_stored(
    run: Run, eventfeed: Eventfeed, configuration: str
) -> None:
    variables = CONFIGURATIONS[configuration](f"http://127.0.0.1:{eventfeed.port}")
    run(SEND, eventfeed.corner, **variables)
    assert stored(eventfeed) == EVENTS


def test_a_file_of_the_file_transport_is_read_line_by_line(run: Run, tmp_path: Path) -> None:
    written = tmp_path / "events.jsonl"
    run(
        SEND,
        "corner",
        OPENLINEAGE__TRANSPORT__TYPE="file",
        OPENLINEAGE__TRANSPORT__LOG_FILE_PATH=str(written),
        OPENLINEAGE__TRANSPORT__APPEND="true",
    )
    names = [name for line in written.read_bytes().splitlines() for name in events_in(line)]
    assert {name: names.count(name) for name in sorted(names)} == EVENTS


def events_in(line: bytes) -> Iterator[str]:
    for element in read_openlineage(Message(line)):
        assert not isinstance(element.reading, Unreadable)
        yield from (draft.event for draft in element.reading)


@pytest.fixture(scope="module")
def guarded_port(running: Up) -> Iterator[int]:
    """A second web server on the same data, on all addresses: it asks for tokens."""
    command = [sys.executable, "manage.py", "web", "--host", "0.0.0.0", "--port", "0"]
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=settings(running), stdout=subprocess.PIPE, text=True
    ) as web:
        address = web.stdout.readline().split()[-1]
        yield int(address.rpartition(":")[2])
        web.terminate()


@pytest.fixture
def guarded(guarded_port: int, running: Up) -> Eventfeed:
    return Eventfeed(guarded_port, running.dsn)


def settings(running: Up) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    own = {"EVENTFEED_DATA": str(running.data), "PYTHONUNBUFFERED": "1"}
    return {**inherited, **own, "DJANGO_SETTINGS_MODULE": "eventfeed.settings"}


@pytest.fixture(scope="module")
def token(running: Up) -> str:
    command = ["token", "create", "dbt", "--scope", "ingest", "--source", "dbt of orders"]
    return subprocess.check_output(
        [sys.executable, "manage.py", *command], cwd=CHECKOUT, env=settings(running), text=True
    ).strip()


@pytest.mark.parametrize("transport", ["http", "async_http"])
def test_an_api_key_is_a_token_and_names_the_source(
    run: Run, token: str, guarded: Eventfeed, transport: str
) -> None:
    run(
        SEND,
        guarded.corner,
        OPENLINEAGE__TRANSPORT__TYPE=transport,
        OPENLINEAGE__TRANSPORT__URL=f"http://127.0.0.1:{guarded.port}",
        OPENLINEAGE__TRANSPORT__AUTH=json.dumps({"type": "api_key", "apiKey": token}),
    )
    assert stored(guarded) == EVENTS
    sql = (
        "SELECT DISTINCT source.name FROM event JOIN source ON source.id = source_id"
        " WHERE resource @> %s::jsonb"
    )
    label: dict[str, Any] = {"openlineage.namespace": guarded.corner}
    assert guarded.query(sql, json.dumps(label)) == [("dbt of orders",)]


def test_without_its_key_the_client_is_told_so(run: Run, guarded: Eventfeed) -> None:
    with pytest.raises(AssertionError, match="401"):
        run(SEND, guarded.corner, OPENLINEAGE_URL=f"http://127.0.0.1:{guarded.port}")
    assert stored(guarded) == {}
