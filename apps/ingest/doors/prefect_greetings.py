"""What Prefect's clients ask a server before they talk to it."""

from django.db import DatabaseError, connection

from apps.events.away import DatabaseAway, in_database
from apps.ingest.doors.answers import Answer, answered
from apps.ingest.doors.asgi import Application, Receive, Scope, Send

# Clients warn of an older server and refuse one of another major version.
PREFECT_VERSION = "3.99.0"
API_VERSION = "0.8.4"

GREETINGS: dict[str, tuple[int, object]] = {
    "/api/admin/version": (200, PREFECT_VERSION),
    "/api/version": (200, API_VERSION),
    "/api/health": (200, True),
    "/api/hello": (200, "👋"),
    # The client looks for this very text, and then asks no more.
    "/api/csrf-token": (422, {"detail": "CSRF protection is disabled."}),
}


def greeting(path: str) -> Application:
    status, value = GREETINGS[path]

    async def greet(scope: Scope, receive: Receive, send: Send) -> None:
        await answered(send, Answer(status, value))

    return greet


async def ready(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await in_database(connection.ensure_connection)
    except (DatabaseAway, DatabaseError):
        await answered(send, Answer(503, {"message": "Database is not available"}))
    else:
        await answered(send, Answer(200, {"message": "OK"}))
