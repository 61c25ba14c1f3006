"""Who may send, and as which source its events are kept."""

from apps.accounts.access import Caller, caller_of
from apps.events.sources import source_named
from apps.ingest.doors.asgi import Scope

SYSTEM = "prefect"
LOCAL_SOURCE = "Prefect"


class Stranger(Exception):
    """Nobody we know."""


class MayNotSend(Exception):
    """Somebody we know, without the scope to send."""


async def admit(scope: Scope, token: str | None = None) -> Caller:
    """Return who sends; raises Stranger, MayNotSend, or AccessAway when nobody can tell."""
    authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    caller = await caller_of(authorization or None, token, local=bool(scope["eventfeed.local"]))
    if caller is None:
        raise Stranger
    if "ingest" not in caller.scopes:
        raise MayNotSend
    return caller


async def source_of(caller: Caller) -> int:
    """Return the id of the source that a caller's events belong to."""
    return await source_named(caller.source or LOCAL_SOURCE, SYSTEM)
