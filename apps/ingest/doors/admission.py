"""Who may send, and as which source its events are kept."""

import time
from urllib.parse import parse_qs

from apps.accounts.access import LOCAL, Caller, caller_of
from apps.events.sources import source_named, sources_at
from apps.ingest.doors.asgi import Scope
from eventfeed.patience import PATIENCE

# The systems whose senders come through the doorway of another.
GUESTS = {"cloudevents": ("flyte",), "otel": ("flink",)}


class Stranger(Exception):
    """Nobody we know."""


class MayNotSend(Exception):
    """Somebody we know, without the scope to send."""


async def admit(
    scope: Scope, system: str, token: str | None = None, *, within: float = PATIENCE
) -> Caller:
    """Return who sends through the doorway of a system.

    Raises Stranger, MayNotSend, and AccessAway or DatabaseAway after so many seconds.
    """
    until = time.monotonic() + within
    authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    token = token or _token_in(scope.get("query_string", b""))
    local = bool(scope["eventfeed.local"])
    caller = await caller_of(authorization or None, token, local=local, within=within)
    if caller is None or caller is LOCAL:
        needed = caller is None
        caller = await _neighbour(scope, system, needed=needed, until=until) or caller
    if caller is None:
        raise Stranger
    if "ingest" not in caller.scopes:
        raise MayNotSend
    return caller


async def source_of(caller: Caller, source: str, system: str, *, within: float = PATIENCE) -> int:
    """Return the id of the source that events belong to: the caller's, else the door's own.

    Raises DatabaseAway after so many seconds.
    """
    return await source_named(caller.source or source, system, within=within)


async def _neighbour(scope: Scope, system: str, *, needed: bool, until: float) -> Caller | None:
    """Return who sends from a network that a source names, and so needs no token.

    First the sources that send through this doorway. Where a token is needed, any other will do;
    where none is, one machine sends what many sources say, and each keeps to its own.
    """
    if not scope.get("client"):
        return None
    there = await sources_at(scope["client"][0], within=until - time.monotonic())
    own = [name for name, of in there if of == system or of in GUESTS.get(system, ())]
    others = [name for name, _ in there] if needed else []
    source = next(iter(own + others), None)
    return Caller(source, frozenset({"ingest"}), source, kind="network") if source else None


def _token_in(query: bytes) -> str | None:
    """Return `?access_token=`, by which senders say who they are that cannot set a header."""
    if not query:
        return None
    return parse_qs(query.decode("latin-1")).get("access_token", [None])[0]
