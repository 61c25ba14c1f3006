"""OpenTelemetry's LogsService by gRPC, called by the exporter of OpenTelemetry's SDK."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor as AtOnce
from opentelemetry.sdk.resources import Resource

from apps.accounts.models import Token
from apps.events.away import in_database
from apps.ingest.doors.otlp import Logs
from apps.ingest.grpc.otlp import EXPORT, OtlpLogs
from apps.ingest.grpc.port import Port
from tests.events.wire import Wire
from tests.ingest.grpc_port import cuttable_recorder, opened, port_of, refused, rejections, stored

AT = 1_795_168_800_000_000_000


@pytest.fixture
async def wire(empty_log: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    monkeypatch.setattr(Logs, "hold", 1.0)
    async with cuttable_recorder(monkeypatch) as cuttable:
        yield cuttable


@pytest.fixture
async def port(wire: Wire) -> AsyncIterator[Port]:
    async with opened(Port("127.0.0.1:0", OtlpLogs(local=True))) as port:
        yield port


def records(*names: str) -> list[Any]:
    """Return what an exporter is given of log records with these event names."""
    kept: list[Any] = []

    class Keep(LogRecordExporter):
        def export(self, batch: Any) -> LogRecordExportResult:
            kept.extend(batch)
            return LogRecordExportResult.SUCCESS

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    provider = LoggerProvider(resource=Resource.create({"service.name": "billing"}))
    provider.add_log_record_processor(AtOnce(Keep()))
    for number, name in enumerate(names):
        provider.get_logger("acme.billing").emit(
            LogRecord(
                timestamp=AT + number * 1_000_000,
                severity_number=SeverityNumber.INFO,
                body="paid" * 10,
                event_name=name,
                attributes={"invoice": number},
            )
        )
    return kept


async def export(address: str, batch: list[Any], **options: Any) -> LogRecordExportResult:
    """Send a batch as the SDK sends it, from a thread of its own."""
    exporter = OTLPLogExporter(endpoint=address, insecure=True, **options)
    try:
        return await asyncio.to_thread(exporter.export, batch)
    finally:
        await asyncio.to_thread(exporter.shutdown)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_success_is_said_after_the_commit(port: Port, compression: grpc.Compression) -> None:
    batch = records(*["invoice.paid"] * 100)
    answer = await export(port.address, batch, compression=compression)
    assert answer is LogRecordExportResult.SUCCESS
    events = await stored()
    assert [(event.event, event.system) for event in events] == [("invoice.paid", "otel")] * 100


async def test_a_batch_sent_again_changes_nothing(port: Port) -> None:
    batch = records("invoice.paid", "invoice.sent")
    for _ in range(2):
        assert await export(port.address, batch) is LogRecordExportResult.SUCCESS
    assert len(await stored()) == 2


async def test_it_is_sent_again_while_the_database_is_away(port: Port, wire: Wire) -> None:
    wire.cut()
    back = threading.Timer(1, wire.mend)
    back.start()
    assert await export(port.address, records("invoice.paid")) is LogRecordExportResult.SUCCESS
    assert len(await stored()) == 1


async def test_records_that_are_no_events_are_refused_alone(port: Port) -> None:
    batch = records("invoice.paid", "", "")
    assert await export(port.address, batch) is LogRecordExportResult.SUCCESS
    assert [event.event for event in await stored()] == ["invoice.paid"]
    (kept,) = await rejections()
    assert kept.doorway == "gRPC LogsService/Export"


async def test_the_answer_counts_what_was_refused(wire: Wire) -> None:
    exporter = OTLPLogExporter(insecure=True)
    request = exporter._translate_data(records("", "invoice.paid", "")).SerializeToString()
    nothing = exporter._translate_data([]).SerializeToString()
    exporter.shutdown()
    async with port_of(OtlpLogs(local=True)) as channel:
        answer = ExportLogsServiceResponse.FromString(await channel.unary_unary(EXPORT)(request))
        assert answer.partial_success.rejected_log_records == 2
        assert "no event name" in answer.partial_success.error_message
        assert await channel.unary_unary(EXPORT)(nothing) == b""


async def test_what_is_no_otlp_is_an_invalid_argument_and_kept(wire: Wire) -> None:
    async with port_of(OtlpLogs(local=True)) as channel:
        error = await refused(channel.unary_unary(EXPORT)(b"\xff\xff\xff"))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details()
    assert len(await rejections()) == 1


async def test_unavailable_while_the_database_is_away(wire: Wire) -> None:
    exporter = OTLPLogExporter(insecure=True)
    request = exporter._translate_data(records("invoice.paid")).SerializeToString()
    exporter.shutdown()
    async with port_of(OtlpLogs(local=True)) as channel:
        wire.cut()
        error = await refused(channel.unary_unary(EXPORT)(request))
    assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_stranger_is_unauthenticated_and_a_token_says_who_sends(wire: Wire) -> None:
    batch = records("invoice.paid")
    async with opened(Port("127.0.0.1:0", OtlpLogs(local=False))) as port:
        assert await export(port.address, batch) is LogRecordExportResult.FAILURE
        assert await stored() == []
        headers = {"authorization": f"Bearer {await in_database(token)}"}
        assert await export(port.address, batch, headers=headers) is LogRecordExportResult.SUCCESS
    (event,) = await stored()
    assert await in_database(lambda: event.source.name) == "billing"


def token() -> str:
    _, secret = Token.make("otel", scopes=["ingest"], source="billing")
    return secret


async def test_other_services_are_not_here(wire: Wire) -> None:
    async with port_of(OtlpLogs(local=True)) as channel:
        traces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        error = await refused(channel.unary_unary(traces)(b""))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
