"""Where messages come in: small ASGI applications, mounted in front of Django.

Paths are without a trailing slash; the mount looks them up with and without one.
"""

from collections.abc import Mapping

from django.conf import settings

from apps.ingest.adapters.message import Message, Problem
from apps.ingest.doors.asgi import Application
from apps.ingest.doors.cloudevents import handshake, post_cloudevents
from apps.ingest.doors.door import Door, MessageRefused
from apps.ingest.doors.flyte_http import post_flyte
from apps.ingest.doors.hooks import deliver
from apps.ingest.doors.openlineage import post_batch, post_event
from apps.ingest.doors.otlp import post_logs
from apps.ingest.doors.prefect_greetings import GREETINGS, greeting, ready
from apps.ingest.doors.prefect_post import post_events
from apps.ingest.doors.prefect_socket import events_in
from apps.ingest.doors.refusals import Refusal
from eventfeed.refused import Refused, in_json

HTTP: dict[tuple[str, str], Application] = {
    ("POST", "/api/events"): post_events,
    ("POST", "/api/cloudevents"): post_cloudevents,
    ("OPTIONS", "/api/cloudevents"): handshake,
    ("POST", "/api/v1/lineage"): post_event,
    ("POST", "/api/v1/lineage/batch"): post_batch,
    **{("POST", f"/api/v1/events/{kind}"): door for kind, door in post_flyte.items()},
    ("POST", "/v1/logs"): post_logs,
    ("GET", "/api/ready"): ready,
    **{("GET", path): greeting(path) for path in GREETINGS},
}
# For paths one step below these.
PREFIXES: dict[tuple[str, str], Application] = {("POST", "/hooks"): deliver}
SOCKETS: dict[str, Application] = {"/api/events/in": events_in}


def methods_at(path: str) -> list[str]:
    """Return by which methods something is taken at a path."""
    above, _, _ = path.rpartition("/")
    return [how for how, at in HTTP if at == path] + [how for how, at in PREFIXES if at == above]


def refusal(refused: Refused) -> tuple[Mapping[str, str], bytes]:
    """Say what the server refuses by itself as the doorway's clients want to be told."""
    door = HTTP.get((refused.method, refused.path.rstrip("/")))
    if not isinstance(door, Door):
        return in_json(refused)
    message = Message(b"", refused.content_type or "application/json")
    if refused.status == 503:
        answer = door.later(message, refused.sentence)
    else:
        problem = Problem((), "value_error", refused.sentence)
        answer = door.refused(message, MessageRefused(refused.status, [Refusal(problem)]))
    headers = {name: value for name, value in answer.fields.items() if name != "content-length"}
    return headers, answer.body


def most_body() -> int:
    """Return how large the largest body is that any door takes; each counts by itself, too."""
    doors = [door for door in HTTP.values() if isinstance(door, Door)]
    return max([settings.EVENTFEED_MAX_BODY, *(door.most_body for door in doors)])
