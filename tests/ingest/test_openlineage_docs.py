"""The lines that docs/sources/openlineage.md says to paste do what it says."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.crash.up import CHECKOUT, Up
from tests.ingest.conftest import Eventfeed
from tests.ingest.test_openlineage_client import EVENTS, SEND, stored

PAGE = (CHECKOUT / "docs/sources/openlineage.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PATIENCE = 120


def block(containing: str) -> str:
    """Return the first block of the page that holds this text."""
    return next(text for _, text in BLOCKS if containing in text)


def for_test(text: str, eventfeed: Eventfeed) -> str:
    return text.replace("127.0.0.1:8200", f"127.0.0.1:{eventfeed.port}").replace("<token>", "key")


def exported(text: str) -> dict[str, str]:
    """Read the exports of a shell's lines as a shell does."""
    words = [shlex.split(line) for line in text.splitlines() if line.startswith("export ")]
    return dict(word.split("=", 1) for _, word in words)


def send(eventfeed: Eventfeed, folder: Path, **variables: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SEND, eventfeed.corner],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("first", ["OPENLINEAGE_URL", "OPENLINEAGE_NAMESPACE", "async_http"])
def test_the_exports_for_python_send_everything(
    eventfeed: Eventfeed, tmp_path: Path, first: str
) -> None:
    send(eventfeed, tmp_path, **exported(for_test(block(first), eventfeed)))
    assert stored(eventfeed) == EVENTS


def test_the_file_of_settings_sends_everything(eventfeed: Eventfeed, tmp_path: Path) -> None:
    text = for_test(block("transport:\n"), eventfeed)
    (tmp_path / "openlineage.yml").write_text(text)
    send(eventfeed, tmp_path)
    assert stored(eventfeed) == EVENTS


def test_the_transport_of_airflow_sends_everything(eventfeed: Eventfeed, tmp_path: Path) -> None:
    lines = exported(for_test(block("AIRFLOW__"), eventfeed))
    send(eventfeed, tmp_path, OPENLINEAGE__TRANSPORT=lines["AIRFLOW__OPENLINEAGE__TRANSPORT"])
    assert stored(eventfeed) == EVENTS


SPARK = "spark.openlineage.transport."


def test_the_transport_of_spark_sends_everything(eventfeed: Eventfeed, tmp_path: Path) -> None:
    lines = for_test(block("spark.extraListeners"), eventfeed).splitlines()
    transport: dict[str, Any] = {}
    for key, value in (line.split(" ", 1) for line in lines if line.startswith(SPARK)):
        *outer, last = key.removeprefix(SPARK).split(".")
        holder = transport
        for name in outer:
            holder = holder.setdefault(name, {})
        holder[last] = value
    # An address with a path would be Java's whole path, and no endpoint may stand beside it.
    assert transport["url"].count("/") == 2
    send(eventfeed, tmp_path, OPENLINEAGE__TRANSPORT=json.dumps(transport))
    assert stored(eventfeed) == EVENTS


def test_the_exports_for_java_send_everything(eventfeed: Eventfeed, tmp_path: Path) -> None:
    lines = exported(for_test(block("AUTH__API_KEY"), eventfeed))
    send(eventfeed, tmp_path, **lines)
    assert stored(eventfeed) == EVENTS


def test_the_command_of_the_page_sends_an_event(eventfeed: Eventfeed) -> None:
    run_id = str(uuid4())
    command = for_test(block("curl "), eventfeed)
    command = command.replace("01a1fc31-baea-709c-8a72-86308ee259fe", run_id)
    said = subprocess.check_output(["sh", "-c", command], text=True)
    assert said.startswith("HTTP/1.1 201")
    sql = "SELECT event, message, warnings FROM event WHERE resource_id = %s"
    [row] = eventfeed.query(sql, f"openlineage.run.{run_id}")
    assert row == ("openlineage.run.COMPLETE", "shop.public.orders", None)


def test_the_file_that_the_client_writes_can_be_imported(
    eventfeed: Eventfeed, running: Up, tmp_path: Path
) -> None:
    send(eventfeed, tmp_path, **exported(block("LOG_FILE_PATH")))
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "EVENTFEED_DATA": str(running.data),
        "DJANGO_SETTINGS_MODULE": "eventfeed.settings",
    }
    _, *command = shlex.split(block("manage.py import"))
    command[0] = str(CHECKOUT / command[0])
    for _ in range(2):
        subprocess.run([sys.executable, *command], env=environment, cwd=tmp_path, check=True)
        assert stored(eventfeed) == EVENTS


def test_every_block_of_the_page_is_tried() -> None:
    """Those that are tried here, by test_openlineage_dbt.py, or as the answers of the doors."""
    tried = (
        "OPENLINEAGE_URL",
        "async_http",
        "transport:\n",
        "AIRFLOW__",
        "spark.extraListeners",
        "AUTH__API_KEY",
        "curl ",
        "token create",
        "LOG_FILE_PATH",
        "manage.py import",
        "partial_success",
        "problems",
    )
    assert [text for _, text in BLOCKS if not any(one in text for one in tried)] == []
