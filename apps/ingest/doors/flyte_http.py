"""`POST /api/v1/events/{workflows,nodes,tasks}`: the HTTP gateway of Flyte's admin, for events."""

from apps.ingest.adapters.flyte.adapter import read_flyte
from apps.ingest.adapters.message import Message
from apps.ingest.doors.answers import Answer
from apps.ingest.doors.door import Door, MessageRefused, Taken

KINDS = ("workflows", "nodes", "tasks")
# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 3, 7, 8
UNAVAILABLE, UNAUTHENTICATED = 14, 16
CODES = {401: UNAUTHENTICATED, 403: PERMISSION_DENIED, 413: RESOURCE_EXHAUSTED, 503: UNAVAILABLE}


class FlyteHTTP(Door):
    system = "flyte"
    source = "Flyte"
    adapter = staticmethod(read_flyte)

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.name = f"POST /api/v1/events/{kind}"

    def accepted(self, message: Message, taken: Taken) -> Answer:
        """Say the same of a new event and of one told again, as admin's clients expect."""
        return Answer(200, {})

    def refused(self, message: Message, refused: MessageRefused) -> Answer:
        # The gateway knows no 422: what is wrong in an event is INVALID_ARGUMENT, a 400.
        status = 400 if refused.status == 422 else refused.status
        return _status(status, f"Nothing was stored. {refused.refusals[0].sentence}")

    def turned_away(self, message: Message, status: int, say: str) -> Answer:
        return _status(status, say, super().turned_away(message, status, say))

    def later(self, message: Message, say: str) -> Answer:
        return _status(503, say, super().later(message, say))


def _status(status: int, say: str, base: Answer | None = None) -> Answer:
    """Answer with a google.rpc.Status, as grpc-gateway does."""
    told = {"code": CODES.get(status, INVALID_ARGUMENT), "message": say, "details": []}
    return Answer(status, told, base.headers if base else {})


post_flyte = {kind: FlyteHTTP(kind) for kind in KINDS}
