"""`manage.py read`: what a message becomes, whatever it was written in."""

import gzip
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.ingest.stub_admin import task_event

LOGS = ExportLogsServiceRequest()
LOGS.resource_logs.add().scope_logs.add().log_records.add(event_name="shop.opened")


def read(*arguments: str) -> list[dict[str, Any]]:
    output = StringIO()
    call_command("read", *arguments, stdout=output)
    return [json.loads(line) for line in output.getvalue().splitlines()]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_protobuf_is_known_for_what_it_is(tmp_path: Path, pack: Any) -> None:
    flyte, logs = tmp_path / "task.pb", tmp_path / "logs.pb.gz"
    flyte.write_bytes(pack(task_event("e1").SerializeToString()))
    logs.write_bytes(pack(LOGS.SerializeToString()))
    (task,) = read("flyte", "--kind", "tasks", str(flyte))
    assert task["event"].startswith("flyte.task")
    (opened,) = read("otel", str(logs))
    assert "shop.opened" in opened["event"]


def test_json_is_told_where_it_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "task.json"
    file.write_bytes(b'{"event": "\xff"}')
    errors = StringIO()
    with pytest.raises(CommandError, match="1 could not be read"):
        call_command("read", "flyte", str(file), kind="tasks", stderr=errors)
    assert "not UTF-8" in errors.getvalue()


def test_a_packed_file_that_is_cut_is_said(tmp_path: Path) -> None:
    file = tmp_path / "logs.json.gz"
    file.write_bytes(gzip.compress(b"{}" * 1000)[:20])
    with pytest.raises(CommandError, match="begins as gzip"):
        read("otel", str(file))
