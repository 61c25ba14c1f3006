"""The gRPC ports of `up`, and of a process of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc
import httpx
import psycopg
import pytest

from apps.ingest.recipes import RECIPES
from eventfeed.embedded import Cluster
from tests.waiting import WITHIN, wait_until

ROOT = Path(__file__).parents[2]


class Process:
    """A command of ours with gRPC ports that are its own."""

    def __init__(self, data: Path, *arguments: str, **environment: str) -> None:
        self.data = data
        self.said = ""
        kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=kept
            | {
                "DJANGO_SETTINGS_MODULE": "eventfeed.settings",
                "EVENTFEED_DATA": str(data),
                "EVENTFEED_FLYTE_GRPC": "127.0.0.1:0",
                "EVENTFEED_OTLP_GRPC": "127.0.0.1:0",
                "PYTHONUNBUFFERED": "1",
            }
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until_said(self, pattern: str) -> str:
        """Wait for a line that matches, and return its first group, or all of it."""
        while not (found := re.search(pattern, self.said)):
            line = self.process.stdout.readline()
            assert line, f"ended before it said {pattern!r}:\n{self.said}"
            self.said += line
        return found[found.re.groups]

    @property
    def flyte(self) -> str:
        return self.until_said(r"Flyte.* has gRPC at (\S+)")

    @property
    def otlp(self) -> str:
        return self.until_said(r"OpenTelemetry has gRPC at (\S+)")

    @property
    def address(self) -> str:
        return self.until_said(r"Eventfeed is at (?:\x1b\[\S*m)?(http://[\d.]+:\d+)")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(Cluster(self.data).dsn()) as connection:
            return connection.execute(sql.encode()).fetchall()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.said += self.process.stdout.read()
        return self.process.wait(WITHIN)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    started = []

    def start(*arguments: str, **environment: str) -> Process:
        started.append(Process(tmp_path / "data", *arguments, **environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                one.end()
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        one.process.stdout.close()


@pytest.fixture
def flyte() -> Any:
    """What propeller and its admin say, where flyteidl is installed."""
    return import_module("tests.ingest.stub_admin")


def test_up_takes_events_by_grpc_and_finishes_them_when_it_ends(
    flyte: Any, start: Callable[..., Process]
) -> None:
    up = start("up", "--port", "0")
    with grpc.insecure_channel(up.flyte) as channel:
        admin = flyte.propeller(channel)
        admin.CreateWorkflowEvent(flyte.workflow_event("e1"), timeout=WITHIN)
        admin.CreateNodeEvent(flyte.node_event("e1"), timeout=WITHIN)
        answers = [admin.CreateTaskEvent.future(flyte.task_event()) for _ in range(200)]
        answers[0].result(WITHIN)
        assert up.query("SELECT system, count(*) FROM event GROUP BY system")[0][0] == "flyte"
        assert httpx.get(f"{up.address}/readyz").json()["ready"] is True
        assert up.end() == 0
    told = sum(answer.code() is grpc.StatusCode.OK for answer in answers)
    again = start("grpc")
    assert again.otlp
    assert again.query("SELECT count(*) FROM event WHERE event LIKE 'flyte.task%'")[0][0] >= told
    assert again.end(signal.SIGINT) == 0


def test_a_taken_port_is_said_and_passed_over(start: Callable[..., Process]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        up = start("up", "--port", "0", EVENTFEED_OTLP_GRPC=address)
        up.until_said(
            f"OpenTelemetry has no gRPC at {address}: Address already in use. "
            "Set EVENTFEED_OTLP_GRPC to another host:port, or to off."
        )
        assert httpx.get(f"{up.address}/readyz").json()["ready"] is True


def test_a_process_without_a_port_says_why_and_ends(start: Callable[..., Process]) -> None:
    off = start("grpc", EVENTFEED_FLYTE_GRPC="off", EVENTFEED_OTLP_GRPC="OFF")
    off.until_said("Both gRPC ports are off, by the settings")
    assert off.process.wait(WITHIN) == 1


def test_without_grpcio_everything_else_works(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    (tmp_path / "grpc.py").write_text("raise ModuleNotFoundError(\"No module named 'grpc'\")")
    up = start("up", "--port", "0", PYTHONPATH=str(tmp_path))
    up.until_said("gRPC is off .No module named 'grpc'.: `make setup` installs what it needs")
    assert httpx.get(f"{up.address}/readyz").json()["ready"] is True


def test_without_flyteidl_only_its_protobuf_is_refused(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    """As on Python 3.14, which has none."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['flyteidl'] = None")
    up = start("up", "--port", "0", PYTHONPATH=str(tmp_path))
    up.until_said("Flyte's gRPC is off, because flyteidl is not installed")
    assert up.otlp
    event = {
        "execution_id": {"project": "p", "domain": "d", "name": "f1"},
        "phase": "RUNNING",
        "occurred_at": "2026-11-20T10:00:07Z",
    }
    told = f"{up.address}/api/v1/events/workflows"
    protobuf = {"Content-Type": "application/octet-stream"}
    assert httpx.post(told, content=b"\n\x00", headers=protobuf).status_code == 415
    assert httpx.post(told, json={"event": event}).status_code == 200
    assert up.query("SELECT event FROM event WHERE system = 'flyte'") == [
        ("flyte.workflow-execution.RUNNING",)
    ]


async def test_a_process_of_its_own_forwards(flyte: Any, start: Callable[..., Process]) -> None:
    assert start("migrate").process.wait(WITHIN) == 0
    async with flyte.stub_admin() as admin:
        ours = start("grpc", "--forward", admin.address)
        async with grpc.aio.insecure_channel(ours.flyte) as channel:
            await flyte.propeller(channel).CreateTaskEvent(flyte.task_event("e1"))
        assert admin.asked[0] == flyte.task_event("e1")
        wait_until(lambda: ours.query("SELECT 1 FROM event WHERE system = 'flyte'"))
        assert f"Flyte, passed on to {admin.address}, has gRPC at" in ours.said


async def test_up_forwards_with_the_settings_that_the_page_shows(
    flyte: Any, start: Callable[..., Process]
) -> None:
    shown = re.findall(r"export (\w+)=", RECIPES["flyte-grpc"].lines[0].text)
    async with flyte.stub_admin() as admin:
        told = dict(zip(shown, ["0.0.0.0:0", admin.address], strict=True))
        up = start("up", "--port", "0", **told)
        port = up.flyte.rpartition(":")[2]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await flyte.propeller(channel).CreateTaskEvent(flyte.task_event("e1"))
        assert admin.asked[0] == flyte.task_event("e1")
        wait_until(lambda: up.query("SELECT 1 FROM event WHERE system = 'flyte'"))


@pytest.mark.parametrize("admin", ["flyteadmin", "flyteadmin:http", "http://flyteadmin:8089"])
def test_an_admin_that_cannot_be_meant_is_said(start: Callable[..., Process], admin: str) -> None:
    ours = start("grpc", "--forward", admin)
    ours.until_said("--forward cannot be used as it is. Write host:port")
    assert ours.process.wait(WITHIN) == 1
