"""`POST /v1/logs`: to a running Eventfeed, by hand and by the exporter of OpenTelemetry's SDK."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from django.db import OperationalError
from google.protobuf.message import Message as Protobuf
from google.rpc.status_pb2 import Status
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from apps.accounts import access
from apps.accounts.access import token_bearing
from apps.accounts.models import Token
from apps.events.away import in_database
from apps.events.recorder import DatabaseAway, recorder
from apps.ingest.adapters.otlp.adapter import JSON, PROTOBUF
from apps.ingest.doors.holding import AGAIN
from apps.ingest.doors.otlp import PART, Logs, post_logs
from tests.events.telling import told
from tests.events.wire import Wire
from tests.ingest.conftest import Eventfeed
from tests.ingest.grpc_port import cuttable_recorder, stored
from tests.ingest.otlp_requests import AT, JOB, as_protobuf, record, request

MEBIBYTE = 1024 * 1024


def records(eventfeed: Eventfeed, *names: str, **told: Any) -> dict[str, Any]:
    """Make a request of this test."""
    named = [
        record({"n": n, **told}, eventName=name or None, body={"stringValue": eventfeed.corner})
        for n, name in enumerate(names)
    ]
    return request(*named, scope="shop", resource={"service.name": eventfeed.corner})


def post(eventfeed: Eventfeed, body: bytes, type: str, **headers: str) -> httpx.Response:
    url = f"http://127.0.0.1:{eventfeed.port}/v1/logs"
    return httpx.post(url, content=body, headers={"content-type": type, **headers}, timeout=120)


def post_json(eventfeed: Eventfeed, told: dict[str, Any]) -> httpx.Response:
    return post(eventfeed, json.dumps(told).encode(), JSON)


def post_protobuf(eventfeed: Eventfeed, told: dict[str, Any]) -> httpx.Response:
    return post(eventfeed, as_protobuf(told), PROTOBUF)


def names(eventfeed: Eventfeed) -> list[str]:
    """Return the names of this test's events, as committed by now."""
    sql = "SELECT event FROM event WHERE resource_id = %s ORDER BY tx, seq"
    return [name for (name,) in eventfeed.query(sql, f"otel.service.{eventfeed.corner}")]


def read(kind: type[Protobuf], answer: httpx.Response) -> Any:
    assert answer.headers["content-type"] == PROTOBUF
    return kind.FromString(answer.content)


# Answers.


def test_success_is_said_after_the_commit_in_the_encoding_of_the_request(eventfeed: Eventfeed):
    answer = post_protobuf(eventfeed, records(eventfeed, "a.b", "a.c"))
    assert names(eventfeed) == ["a.b", "a.c"]
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == PROTOBUF
    answer = post_json(eventfeed, records(eventfeed, "a.d"))
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == JSON


def test_what_is_no_event_is_refused_by_partial_success(eventfeed: Eventfeed):
    told = records(eventfeed, "a.b", "", "", "a.c")
    say = (
        "Event 1, eventName: It has no event name: it is a log record, and no event."
        " (1 more were refused)"
    )
    answer = post_protobuf(eventfeed, told)
    assert answer.status_code == 200
    partial = read(ExportLogsServiceResponse, answer).partial_success
    assert (partial.rejected_log_records, partial.error_message) == (2, say)
    answer = post_json(eventfeed, told)
    assert answer.status_code == 200
    assert answer.json() == {"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": say}}
    assert names(eventfeed) == ["a.b", "a.c"]


def test_a_request_with_nothing_but_logs_is_a_partial_success_and_kept_once(eventfeed: Eventfeed):
    answer = post_json(eventfeed, records(eventfeed, *[""] * 300))
    assert answer.json()["partialSuccess"]["rejectedLogRecords"] == "300"
    assert [(index, path) for _, index, path, _ in eventfeed.rejections()] == [(0, "eventName")]


@pytest.mark.parametrize("body", [b"\x0a\xff", b"\x0b"])
def test_protobuf_that_cannot_be_read_is_a_400_with_a_status(eventfeed: Eventfeed, body: bytes):
    answer = post(eventfeed, body, PROTOBUF)
    assert answer.status_code == 400
    status = read(Status, answer)
    assert status.code == 3
    assert status.message


def test_json_that_cannot_be_read_is_a_400_with_a_status(eventfeed: Eventfeed):
    answer = post(eventfeed, b'{"resourceLogs": 5}', JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert "resourceLogs" in answer.json()["message"]


@pytest.mark.parametrize("type", ["text/plain", "application/x-ndjson", "application/grpc"])
def test_another_encoding_is_a_415(eventfeed: Eventfeed, type: str):
    assert post(eventfeed, b"{}", type).status_code == 415


def test_a_compression_that_is_not_gzip_is_a_415(eventfeed: Eventfeed):
    answer = post(eventfeed, b"", PROTOBUF, **{"content-encoding": "zstd"})
    assert answer.status_code == 415
    assert read(Status, answer).code == 3


@pytest.mark.parametrize("type", [PROTOBUF, JSON])
def test_nothing_is_something_one_may_send(eventfeed: Eventfeed, type: str):
    answer = post(eventfeed, b"" if type == PROTOBUF else b"{}", type)
    assert (answer.status_code, answer.content) == (200, b"" if type == PROTOBUF else b"{}")


def test_bodies_may_be_gzip_and_end_in_a_slash(eventfeed: Eventfeed):
    body = gzip.compress(as_protobuf(records(eventfeed, "a.b")))
    url = f"http://127.0.0.1:{eventfeed.port}/v1/logs/"
    headers = {"content-type": PROTOBUF, "content-encoding": "gzip"}
    assert httpx.post(url, content=body, headers=headers).status_code == 200
    assert names(eventfeed) == ["a.b"]


def test_a_request_sent_again_changes_nothing(eventfeed: Eventfeed):
    told = records(eventfeed, "a.b", "a.b", "a.c")
    for _ in range(2):
        assert post_protobuf(eventfeed, told).status_code == 200
        assert post_json(eventfeed, told).status_code == 200
    assert sorted(names(eventfeed)) == ["a.b", "a.b", "a.c"]


def test_a_body_of_40_mebibytes_is_taken(eventfeed: Eventfeed):
    told = records(eventfeed, *["a.b"] * 40, blob="y" * MEBIBYTE)
    body = as_protobuf(told)
    assert len(body) > 40 * MEBIBYTE
    assert post(eventfeed, body, PROTOBUF).status_code == 200
    assert len(names(eventfeed)) == 40


def test_a_large_request_is_stored_in_parts(eventfeed: Eventfeed):
    count = 2 * PART + 1
    assert post_protobuf(eventfeed, records(eventfeed, *["a.b"] * count)).status_code == 200
    transactions = eventfeed.query(
        "SELECT count(*) FROM event WHERE resource_id = %s GROUP BY tx",
        f"otel.service.{eventfeed.corner}",
    )
    assert sum(size for (size,) in transactions) == count
    assert len(transactions) >= 3


def test_a_body_over_64_mebibytes_is_a_413_however_small_it_comes(eventfeed: Eventfeed):
    body = gzip.compress(b"\0" * (64 * MEBIBYTE + 1))
    answer = post(eventfeed, body, PROTOBUF, **{"content-encoding": "gzip"})
    assert answer.status_code == 413
    assert read(Status, answer).code == 3


def test_one_that_is_sent_in_pieces_is_told_so_in_the_same_words(eventfeed: Eventfeed):
    def pieces() -> Iterator[bytes]:
        for _ in range(65):
            yield b"\0" * MEBIBYTE

    url = f"http://127.0.0.1:{eventfeed.port}/v1/logs"
    answer = httpx.post(url, content=pieces(), headers={"content-type": PROTOBUF}, timeout=120)
    assert answer.status_code == 413
    assert read(Status, answer).code == 3


# OpenTelemetry's SDK.


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_sdks_exporter_sends_events(eventfeed: Eventfeed, compression: Compression):
    exporter = OTLPLogExporter(
        endpoint=f"http://127.0.0.1:{eventfeed.port}/v1/logs", compression=compression
    )
    provider = LoggerProvider(resource=Resource.create({"service.name": eventfeed.corner}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("shop", "1.0")
    for n in range(1_000):
        logger.emit(
            LogRecord(
                timestamp=AT + n,
                severity_number=SeverityNumber.ERROR,
                severity_text="ERROR",
                event_name="invoice.unpaid",
                body={"invoice": n},
                attributes={"amount": 12.5, "tags": ["a", "b"], "late": True},
            )
        )
    assert provider.force_flush()
    provider.shutdown()
    assert names(eventfeed) == ["invoice.unpaid"] * 1_000
    (payload,) = eventfeed.query(
        "SELECT payload FROM event WHERE resource_id = %s LIMIT 1",
        f"otel.service.{eventfeed.corner}",
    )[0]
    assert payload["attributes"] == {"amount": 12.5, "tags": ["a", "b"], "late": True}


# While the database is away.


@pytest.fixture
async def cuttable(empty_log: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    async with cuttable_recorder(monkeypatch) as cuttable:
        yield cuttable


Answered = tuple[int, dict[bytes, bytes], bytes]


async def send(request: dict[str, Any], token: str = "", *, local: bool = True) -> Answered:
    """Send a request to the door in this process."""
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": as_protobuf(request), "more_body": False}

    async def answer(message: dict[str, Any]) -> None:
        answers.append(message)

    headers = [(b"content-type", PROTOBUF.encode()), (b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "headers": headers, "query_string": b"", "eventfeed.local": local}
    await post_logs(scope, receive, answer)
    start, body = answers
    return start["status"], dict(start["headers"]), body["body"]


def status_change(n: int = 0) -> dict[str, Any]:
    status = {"name": "JobStatusChangeEvent", "newJobStatus": "RUNNING", "n": n, **JOB}
    return request(record(status))


def test_flink_is_held_longer_than_others():
    assert Logs.hold == 8.0


async def test_a_request_is_held_until_the_database_is_back(cuttable: Wire):
    assert (await send(status_change()))[0] == 200
    cuttable.cut()
    held = asyncio.create_task(send(status_change(1)))
    with pytest.raises(DatabaseAway):
        await recorder().record([told()], source_id=1)
    assert not held.done()
    cuttable.mend()
    assert (await held)[0] == 200
    assert [event.event for event in await stored()] == ["flink.job.RUNNING"] * 2


async def test_after_that_it_is_a_503_that_says_when_to_come_again(
    cuttable: Wire, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Logs, "hold", 0.3)
    await send(status_change())
    cuttable.cut()
    began = time.monotonic()
    status, headers, body = await send(status_change(1))
    assert time.monotonic() - began >= 0.3
    assert (status, headers[b"retry-after"]) == (503, b"3")
    assert headers[b"content-type"] == PROTOBUF.encode()
    assert Status.FromString(body).code == 14
    cuttable.mend()
    assert (await send(status_change(1)))[0] == 200


async def test_a_token_never_seen_is_held_as_long(cuttable: Wire, monkeypatch: pytest.MonkeyPatch):
    _, secret = await in_database(lambda: Token.make("new", scopes=["ingest"], source="new"))
    asked: list[float] = []

    def away(_: str) -> Token | None:
        asked.append(time.monotonic())
        if len(asked) < 5:
            raise OperationalError
        return token_bearing(secret)

    monkeypatch.setattr(access, "token_bearing", away)
    assert (await send(status_change(), secret, local=False))[0] == 200
    assert asked[-1] - asked[0] >= 4 * AGAIN
    monkeypatch.setattr(Logs, "hold", 0.3)
    asked.clear()
    status, headers, _ = await send(status_change(), f"ef_{'a' * 43}", local=False)
    assert (status, headers[b"retry-after"]) == (503, b"3")


# Who may send.


async def test_a_stranger_is_turned_away_and_a_token_says_who_sends(cuttable: Wire):
    status, headers, body = await send(status_change(), local=False)
    assert (status, headers[b"www-authenticate"]) == (401, b"Bearer")
    assert Status.FromString(body).code == 16
    _, reader = await in_database(lambda: Token.make("reader", scopes=["read"]))
    status, _, body = await send(status_change(), reader, local=False)
    assert (status, Status.FromString(body).code) == (403, 7)
    _, sender = await in_database(
        lambda: Token.make("flink", scopes=["ingest"], source="flink-prod")
    )
    assert (await send(status_change(), sender, local=False))[0] == 200
    (event,) = [event for event in await stored() if event.system == "flink"]
    assert await in_database(lambda: event.source.name) == "flink-prod"
