"""Requests of log records, in both encodings, made by OpenTelemetry's own classes."""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from apps.events.draft import Draft
from apps.ingest.adapters.message import Element, Message, Unreadable
from apps.ingest.adapters.otlp.adapter import JSON, PROTOBUF, read_otlp

# 2026-11-20T10:00:00Z.
AT = 1_795_168_800_000_000_000
FLINK = "org.apache.flink.runtime.jobmaster.JobMaster"
NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
JOB = {"job_id": "4f8c1d6e0b5a4c7f9e2d3b1a0c9d8e7f", "job_name": "orders", "host": "jm-0"}


def any_value(value: object) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else NOT_FINITE[str(value)]}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case list():
            return {"arrayValue": {"values": [any_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": attributes(value)}}
        case None:
            return {}
    return {"stringValue": value}


def attributes(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_value(value)} for key, value in told.items()]


def record(told: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A log record in JSON; a field that is None is left out."""
    fields = {
        "timeUnixNano": str(AT + 3_000_000),
        "observedTimeUnixNano": str(AT),
        "severityNumber": 9,
        "severityText": "INFO",
        "attributes": attributes(told or {}),
        **fields,
    }
    return {key: value for key, value in fields.items() if value is not None}


def request(
    *records: dict[str, Any], scope: str = FLINK, resource: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    scope_logs = {"scope": {"name": scope}, "logRecords": list(records)}
    told = {"attributes": attributes(resource or {})}
    return {"resourceLogs": [{"resource": told, "scopeLogs": [scope_logs]}]}


def as_protobuf(told: dict[str, Any]) -> bytes:
    """Write a request as OpenTelemetry's own classes do; they read ids as base64."""
    copy = json.loads(json.dumps(told))
    for resource_logs in copy["resourceLogs"]:
        for scope_logs in resource_logs["scopeLogs"]:
            for one in scope_logs["logRecords"]:
                for id in ("traceId", "spanId"):
                    if id in one:
                        one[id] = base64.b64encode(bytes.fromhex(one[id])).decode()
    return json_format.ParseDict(copy, ExportLogsServiceRequest()).SerializeToString()


def read_json(told: dict[str, Any]) -> list[Element]:
    return list(read_otlp(Message(json.dumps(told).encode(), JSON)))


def read_protobuf(told: dict[str, Any]) -> list[Element]:
    return list(read_otlp(Message(as_protobuf(told), PROTOBUF)))


def drafts_of(told: dict[str, Any]) -> list[Draft]:
    """Return the drafts of a request, which are the same in both encodings."""
    in_json, in_protobuf = drafts_in(read_json(told)), drafts_in(read_protobuf(told))
    assert in_json == in_protobuf
    return in_json


def draft_of(told: Mapping[str, Any] | None = None, *, scope: str = FLINK, **fields: Any) -> Draft:
    """Return the draft of one record."""
    (draft,) = drafts_of(request(record(told, **fields), scope=scope))
    return draft


def drafts_in(elements: list[Element]) -> list[Draft]:
    return [
        draft
        for element in elements
        if not isinstance(element.reading, Unreadable)
        for draft in element.reading
    ]


def reasons_in(elements: list[Element]) -> list[tuple[int | None, str]]:
    return [
        (element.index, element.reading.problems[0].reason)
        for element in elements
        if isinstance(element.reading, Unreadable)
    ]
