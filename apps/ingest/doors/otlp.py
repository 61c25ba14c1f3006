"""`POST /v1/logs`: OpenTelemetry's log records, answered in the encoding they came in.

What may be sent again, its clients know by the status alone: 429, 502, 503 and 504. How answers
look is written in OTLP's specification, under OTLP/HTTP Response.
"""

from collections.abc import Mapping, Sequence

from apps.accounts.access import Caller
from apps.events.draft import Draft
from apps.events.record import Recorded
from apps.events.recorder import Recorder
from apps.ingest.adapters.message import Message, media_type
from apps.ingest.adapters.otlp.adapter import JSON, PROTOBUF, read_otlp
from apps.ingest.adapters.otlp.protobuf import VARINT, tag, written
from apps.ingest.doors.answers import Answer
from apps.ingest.doors.door import RETRY_AFTER, Door, MessageRefused, Taken
from apps.ingest.doors.refusals import Refusal

MEBIBYTE = 1024 * 1024
PART = Recorder.BATCH_EVENTS
# google.rpc.Code, by the status that says the same.
CODES = {400: 3, 401: 16, 403: 7, 413: 3, 415: 3, 503: 14}


class Logs(Door):
    name = "POST /v1/logs"
    system = "otel"
    source = "OpenTelemetry"
    adapter = staticmethod(read_otlp)
    partly = True
    most_body = 64 * MEBIBYTE
    # Flink waits ten seconds for an answer, and sends nothing twice.
    hold = 8.0

    def accepted(self, message: Message, taken: Taken) -> Answer:
        if not taken.refusals:
            return Answer(200, b"" if is_protobuf(message) else {}, _encoding(message))
        rejected, say = rejected_records(taken.refusals)
        if is_protobuf(message):
            return Answer(200, partial_success(rejected, say), _encoding(message))
        told = {"rejectedLogRecords": str(rejected), "errorMessage": say}
        return Answer(200, {"partialSuccess": told})

    def refused(self, message: Message, refused: MessageRefused) -> Answer:
        status = refused.status if refused.status in CODES else 400
        return _status(message, status, refused.refusals[0].sentence)

    def turned_away(self, message: Message, status: int, say: str) -> Answer:
        return _status(message, status, say, super().turned_away(message, status, say).headers)

    def later(self, message: Message, say: str) -> Answer:
        return _status(message, 503, say, RETRY_AFTER)

    async def _record(self, drafts: Sequence[Draft], message: Message, caller: Caller) -> Recorded:
        """Store a request in parts: the whole of a large one would keep others waiting for long.

        Where a later part cannot be stored, the request is sent again, which changes no former.
        """
        stored = known = 0
        for first in range(0, len(drafts), PART):
            part = await super()._record(drafts[first : first + PART], message, caller)
            stored, known = stored + part.stored, known + part.known
        return Recorded(stored, known)

    async def _keep(self, refusals: Sequence[Refusal], message: Message, caller: Caller) -> bool:
        """Keep one of each kind: a service that sends all its logs would fill the list alone."""
        reasons = {refusal.problem.reason: refusal for refusal in reversed(refusals)}
        return await super()._keep(list(reasons.values()), message, caller)


def rejected_records(refusals: Sequence[Refusal]) -> tuple[int, str]:
    """Return how many records were refused, and why, in a sentence."""
    count = len({refusal.index for refusal in refusals})
    others = f" ({count - 1:,} more were refused)" if count > 1 else ""
    return count, refusals[0].sentence + others


def partial_success(rejected: int, say: str) -> bytes:
    """Write an ExportLogsServiceResponse."""
    return written(tag(1), written(tag(1, VARINT), rejected) + written(tag(2), say.encode()))


def is_protobuf(message: Message) -> bool:
    return media_type(message).endswith("protobuf")


def _status(
    message: Message, status: int, say: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """Answer with a google.rpc.Status."""
    headers = {**_encoding(message), **(headers or {})}
    if not is_protobuf(message):
        return Answer(status, {"code": CODES[status], "message": say}, headers)
    told = written(tag(1, VARINT), CODES[status]) + written(tag(2), say.encode())
    return Answer(status, told, headers)


def _encoding(message: Message) -> dict[str, str]:
    return {"content-type": PROTOBUF if is_protobuf(message) else JSON}


post_logs = Logs()
