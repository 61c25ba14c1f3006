"""Every line to paste in the pages of Flink and OpenTelemetry does what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.ingest.adapters.flink.adapter import CHECKPOINT_STATES, FAMILIES, JOB_STATES
from apps.ingest.doorways import HTTP
from eventfeed import settings
from tests.ingest.conftest import Eventfeed

DOCS = Path(__file__).resolve().parents[2] / "docs" / "sources"
FLINK, OTEL = (DOCS / "flink.md").read_text(), (DOCS / "opentelemetry.md").read_text()
HERE = "http://127.0.0.1:8200"
SAMPLE = Path(__file__).parent / "samples/flink/checkpoint.completed.protobuf.bin"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def declined(eventfeed: Eventfeed) -> int:
    sql = "SELECT count(*) FROM event WHERE event = 'payment.declined'"
    return eventfeed.query(sql)[0][0]


def here(lines: str, eventfeed: Eventfeed) -> str:
    return lines.replace(HERE, f"http://127.0.0.1:{eventfeed.port}")


def test_the_lines_for_curl_send_an_event(eventfeed: Eventfeed) -> None:
    before = declined(eventfeed)
    curl, _ = blocks(OTEL, "sh")
    ran = subprocess.run(
        ["bash", "-c", here(curl, eventfeed)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("HTTP/1.1 200")
    assert ran.stdout.endswith("{}")
    assert declined(eventfeed) == before + 1


def test_the_lines_for_python_send_an_event(eventfeed: Eventfeed) -> None:
    before = declined(eventfeed)
    (lines,) = blocks(OTEL, "python")
    subprocess.run([sys.executable, "-c", here(lines, eventfeed)], check=True)
    assert declined(eventfeed) == before + 1


def test_the_environment_leads_an_sdk_here(eventfeed: Eventfeed) -> None:
    before = declined(eventfeed)
    (lines,) = blocks(OTEL, "python")
    _, exports = blocks(OTEL, "sh")
    told = dict(re.findall(r'export (\w+)="?(.*?)"?\n', here(exports, eventfeed)))
    lines = re.sub(r'endpoint="[^"]*"', "", lines)
    subprocess.run([sys.executable, "-c", lines], env={**os.environ, **told}, check=True)
    assert declined(eventfeed) == before + 1


def config(text: str) -> dict[str, str]:
    """Read Flink's settings, which are one a line."""
    return dict(line.split(": ", 1) for line in text.splitlines())


def test_flinks_http_endpoint_is_a_door(eventfeed: Eventfeed) -> None:
    _, by_http, *_ = map(config, blocks(FLINK, "yaml")[:2])
    address = by_http["events.reporter.eventfeed.exporter.endpoint"]
    assert by_http["events.reporter.eventfeed.exporter.protocol"] == "HTTP"
    answer = httpx.post(
        here(address, eventfeed),
        content=SAMPLE.read_bytes(),
        headers={"content-type": "application/x-protobuf"},
    )
    assert (answer.status_code, answer.content) == (200, b"")


def test_flinks_grpc_endpoint_is_the_port_that_is_listened_at() -> None:
    by_grpc = config(blocks(FLINK, "yaml")[0])
    assert by_grpc["events.reporter.eventfeed.exporter.protocol"] == "gRPC"
    address = by_grpc["events.reporter.eventfeed.exporter.endpoint"]
    assert address == f"http://{settings.EVENTFEED_OTLP_GRPC}"


def test_the_collectors_address_is_a_door() -> None:
    (collector,) = [text for text in blocks(FLINK, "yaml") if "exporters" in text]
    address = re.search(r"logs_endpoint: (\S+)", collector)[1]
    assert ("POST", httpx.URL(address).path) in HTTP


@pytest.mark.parametrize("word", [*CHECKPOINT_STATES, *JOB_STATES])
def test_the_page_has_every_state(word: str) -> None:
    assert re.search(rf"\b{word}\b", FLINK)


def test_the_page_has_every_label() -> None:
    labels: list[Any] = [label for family in FAMILIES for label in family.labels.values()]
    for label in [*labels, "flink.scope", "flink.severity"]:
        assert label.removeprefix("flink.checkpoint") in FLINK
