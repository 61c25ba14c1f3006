"""Messages of OpenLineage, OpenTelemetry and Flyte, each sending with ids that nobody knew before.

They are the samples of the tests, as the systems' own clients have sent them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

SAMPLES = Path(__file__).parent.parent / "tests" / "ingest" / "samples"
BATCH, RECORDS = 100, 512
PROTOBUF = "application/x-protobuf"


class Fresh:
    """A body with one id an event, each replaced by a new one of the same length."""

    def __init__(self, bodies: list[bytes], id: bytes, *, start: bytes = b"", end: bytes = b""):
        self._start, self._end = start, end
        self._pieces = [body.split(id) for body in bodies]
        self._length = len(id)

    @property
    def events(self) -> int:
        return len(self._pieces)

    def body(self) -> bytes:
        events = (new_id(self._length).join(pieces) for pieces in self._pieces)
        # In protobuf a list is nothing but its parts, one after the other.
        return self._start + (b"," if self._start else b"").join(events) + self._end


def new_id(length: int) -> bytes:
    id = uuid4()
    return (str(id) if length == 36 else id.hex[:length]).encode()


@dataclass(frozen=True)
class Dialect:
    """How one kind of message is made, and where it is sent."""

    made: Callable[[], Fresh]
    path: str
    content_type: str = "application/json"
    kind: str = ""


def lineage(size: int) -> Fresh:
    """Models that dbt has built, as dbt-ol tells of them; 3.6 KB each."""
    (line,) = [
        line
        for line in (SAMPLES / "openlineage" / "dbt.jsonl").read_bytes().splitlines()
        if 3_640 < len(line) < 3_675
    ]
    id = json.loads(line)["run"]["runId"].encode()
    return Fresh([line] * size, id, **({"start": b"[", "end": b"]"} if size > 1 else {}))


def checkpoint() -> tuple[dict[str, Any], bytes]:
    """One record of Flink's reporter, in its scope and resource, and the id that is in it."""
    told = json.loads((SAMPLES / "flink" / "checkpoints.json").read_bytes())
    scope = told["resourceLogs"][0]["scopeLogs"][0]
    scope["logRecords"] = scope["logRecords"][:1]
    (id,) = [
        attribute["value"]["stringValue"]
        for attribute in scope["logRecords"][0]["attributes"]
        if attribute["key"] == "job_id"
    ]
    return told, id.encode()


def records_in_json() -> Fresh:
    told, id = checkpoint()
    (record,) = told["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    told["resourceLogs"][0]["scopeLogs"][0]["logRecords"] = ["here"]
    start, end = compact(told).split(b'"here"')
    return Fresh([compact(record)] * RECORDS, id, start=start, end=end)


def records_in_protobuf() -> Fresh:
    """One request of 512 records: a length stands before each message, so it is one piece."""
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    told, id = checkpoint()
    request = ParseDict(told, ExportLogsServiceRequest())
    records = request.resource_logs[0].scope_logs[0].log_records
    records.extend([records[0]] * (RECORDS - 1))
    return Records([request.SerializeToString()], id)


class Records(Fresh):
    """A body that is one piece, with an id in each of its records."""

    @property
    def events(self) -> int:
        return len(self._pieces[0]) - 1

    def body(self) -> bytes:
        first, *rest = self._pieces[0]
        return first + b"".join(new_id(self._length) + piece for piece in rest)


def task_in_json() -> Fresh:
    told = json.loads((SAMPLES / "flyte" / "task-running.json").read_bytes())
    return Fresh([compact(told)], execution_in(told))


def task_in_protobuf() -> Fresh:
    from flyteidl.admin.event_pb2 import TaskExecutionEventRequest
    from google.protobuf.json_format import ParseDict

    told = json.loads((SAMPLES / "flyte" / "task-running.json").read_bytes())
    raw = ParseDict(told, TaskExecutionEventRequest()).SerializeToString()
    return Fresh([raw], execution_in(told))


def execution_in(told: dict[str, Any]) -> bytes:
    node = told["event"]["parent_node_execution_id"]
    return str(node["execution_id"]["name"]).encode()


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


LINEAGE, LINEAGE_BATCH = "/api/v1/lineage", "/api/v1/lineage/batch"
LOGS, TASKS = "/v1/logs", "/api/v1/events/tasks"
TASK_CALL = "/flyteidl.service.AdminService/CreateTaskEvent"
MADE: dict[str, Dialect] = {
    "OpenLineage": Dialect(lambda: lineage(1), LINEAGE),
    "OpenLineage, 100 a batch": Dialect(lambda: lineage(BATCH), LINEAGE_BATCH),
    "OTLP JSON": Dialect(records_in_json, LOGS),
    "OTLP protobuf": Dialect(records_in_protobuf, LOGS, PROTOBUF),
    "Flyte JSON": Dialect(task_in_json, TASKS, kind="tasks"),
    "Flyte protobuf": Dialect(task_in_protobuf, TASK_CALL, PROTOBUF, kind="tasks"),
}


@cache
def fresh(name: str) -> Fresh:
    return MADE[name].made()
