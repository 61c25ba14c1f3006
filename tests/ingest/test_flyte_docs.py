"""The lines that docs/sources/flyte.md says to paste do what it says."""

import json
import re
import subprocess
import sys

import httpx
import pytest

from apps.ingest.doorways import HTTP
from tests.crash.up import CHECKOUT
from tests.ingest.conftest import Eventfeed
from tests.ingest.flyte_messages import by_version_1, by_version_2, request

PAGE = (CHECKOUT / "docs/sources/flyte.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
HERE = "http://127.0.0.1:8200"
ELSEWHERE = "https://eventfeed.example"
ADDRESSES = re.findall(rf"{ELSEWHERE}[^\s\"]*", PAGE)


def block(containing: str) -> str:
    """Return the first block of the page that holds this text."""
    return next(text for _, text in BLOCKS if containing in text)


def stored(eventfeed: Eventfeed) -> int:
    [(count,)] = eventfeed.query("SELECT count(*) FROM event WHERE system = 'flyte'")
    return count


def for_test(text: str, eventfeed: Eventfeed) -> str:
    return text.replace(HERE, f"http://127.0.0.1:{eventfeed.port}").replace(
        "f6a1c0de9b7e4d2a8c31", eventfeed.corner
    )


def test_the_command_sends_an_event(eventfeed: Eventfeed) -> None:
    command = for_test(block("curl "), eventfeed)
    for _ in range(2):
        said = subprocess.check_output(["sh", "-c", command], text=True)
        assert said.startswith("HTTP/1.1 200")
        assert said.endswith("{}")
    sql = "SELECT event FROM event WHERE resource_id = %s"
    id = f"flyte.task-execution.flytesnacks.development.{eventfeed.corner}.n0.0"
    assert eventfeed.query(sql, id) == [("flyte.task-execution.RUNNING",)]


def test_the_lines_for_python_send_an_event(eventfeed: Eventfeed) -> None:
    before = stored(eventfeed)
    script = for_test(block("import httpx"), eventfeed)
    subprocess.run([sys.executable, "-c", script], check=True)
    assert stored(eventfeed) == before + 1


def test_a_mistake_is_answered_as_the_page_says(eventfeed: Eventfeed) -> None:
    told = {"event": {"task_id": {"name": ""}}}
    url = f"http://127.0.0.1:{eventfeed.port}/api/v1/events/tasks"
    assert httpx.post(url, json=told).json() == json.loads(block('"code"'))


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_leads_to_the_door(address: str) -> None:
    assert ("POST", httpx.URL(address).path) in HTTP


def test_what_the_bridges_send_arrives(eventfeed: Eventfeed) -> None:
    """Knative makes headers of Kafka's, Redpanda Connect sends the body of NATS as it is."""
    execution = {"project": "p", "domain": "d", "name": eventfeed.corner}
    told = re.findall(r"^      ([\w-]+): \"?([^\"\n]*)", block("http_client"), re.MULTILINE)
    url = f"http://127.0.0.1:{eventfeed.port}{httpx.URL(ADDRESSES[-1]).path}"
    from_nats = by_version_2("workflows", request("workflows", execution_id=execution))
    from_kafka = by_version_1("workflows", request("workflows", execution_id=execution, phase=4))
    sent = [(from_nats.body, dict(told)), (from_kafka.body, dict(from_kafka.headers))]
    for body, with_headers in sent:
        assert httpx.post(url, content=body, headers=with_headers).status_code == 204
    sql = "SELECT event FROM event WHERE resource_id = %s ORDER BY tx, seq"
    assert eventfeed.query(sql, f"flyte.workflow-execution.p.d.{eventfeed.corner}") == [
        ("flyte.workflow-execution.RUNNING",),
        ("flyte.workflow-execution.SUCCEEDED",),
    ]
