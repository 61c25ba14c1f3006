"""`POST /api/events`: a batch of Prefect's events, stored whole before the 204, or not at all."""

from apps.ingest.adapters.message import Message
from apps.ingest.adapters.prefect.adapter import read_prefect
from apps.ingest.doors.answers import Answer
from apps.ingest.doors.door import Door, MessageRefused, Taken

SHOWN_OF_BODY = 1_000


class PrefectPost(Door):
    name = "POST /api/events"
    system = "prefect"
    source = "Prefect"
    adapter = staticmethod(read_prefect)

    def accepted(self, message: Message, taken: Taken) -> Answer:
        return Answer(204)

    def refused(self, message: Message, refused: MessageRefused) -> Answer:
        """Say what is wrong in the shape of Prefect's own answer to an invalid request."""
        first, *more = refused.refusals
        others = f" ({len(more)} more below)" if more else ""
        told = {
            "exception_message": f"Nothing was stored. {first.sentence}{others}",
            "exception_detail": [refusal.detail for refusal in refused.refusals],
            "request_body": _beginning(refused.body),
        }
        return Answer(refused.status, told)

    def turned_away(self, message: Message, status: int, say: str) -> Answer:
        said = "Unauthorized" if status == 401 else say
        headers = super().turned_away(message, status, say).headers
        return Answer(status, {"exception_message": said}, headers)

    def later(self, message: Message, say: str) -> Answer:
        return Answer(503, {"exception_message": say}, super().later(message, say).headers)


def _beginning(body: bytes) -> str:
    text = body[:SHOWN_OF_BODY].decode(errors="replace")
    return text if len(body) <= SHOWN_OF_BODY else f"{text}… ({len(body):,} bytes)"


post_events = PrefectPost()
