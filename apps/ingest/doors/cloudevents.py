"""`POST /api/cloudevents`: CloudEvents in all modes, stored whole before the 204, or not at all.

`OPTIONS` agrees to be sent to, as the standard's protection against abuse has it:
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md
"""

from apps.ingest.adapters.cloudevents.draft import read_cloudevents
from apps.ingest.adapters.cloudevents.envelopes import is_enveloped
from apps.ingest.adapters.message import Message
from apps.ingest.doors.answers import Answer, answered
from apps.ingest.doors.asgi import Receive, Scope, Send
from apps.ingest.doors.door import Door, Taken

# The token may stand in the address, so no cache may keep the answer.
PRIVATE = {"cache-control": "private"}
ALLOW = {"allow": "OPTIONS, POST"}


class CloudEventsDoor(Door):
    name = "POST /api/cloudevents"
    system = "cloudevents"
    source = "CloudEvents"
    adapter = staticmethod(read_cloudevents)

    def accepted(self, message: Message, taken: Taken) -> Answer:
        # No body: Knative takes one for an event that is sent in reply, and fails.
        return Answer(204, headers=PRIVATE)

    def forgives(self, message: Message) -> bool:
        """Pub/Sub and SNS send again, for days, what they are not told has been taken."""
        return is_enveloped(message)


async def handshake(scope: Scope, receive: Receive, send: Send) -> None:
    """Agree to whoever asks, without a token: what is sent then needs one. Calls nobody back."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    agreed = dict(ALLOW)
    if origin := headers.get("webhook-request-origin"):
        agreed["webhook-allowed-origin"] = origin
        agreed["webhook-allowed-rate"] = headers.get("webhook-request-rate", "*")
    await answered(send, Answer(200, b"", agreed))


post_cloudevents = CloudEventsDoor()
