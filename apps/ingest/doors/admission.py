"""Who may send, and as which source its events are kept."""

from urllib.parse import parse_qs

from apps.accounts.access import Caller, caller_of
from apps.events.sources import source_at, source_named
from apps.ingest.doors.asgi import Scope
from eventfeed.patience import PATIENCE


class Stranger(Exception):
    """Nobody we know."""


class MayNotSend(Exception):
    """Somebody we know, without the scope to send."""


async def admit(scope: Scope, token: str | None = None) -> Caller:
    """Return who sends; raises Stranger, MayNotSend, AccessAway or DatabaseAway."""
    authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    token = token or _token_in(scope.get("query_string", b""))
    caller = await caller_of(authorization or None, token, local=bool(scope["eventfeed.local"]))
    caller = caller or await _neighbour(scope)
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


async def _neighbour(scope: Scope) -> Caller | None:
    """Return who sends from a network that a source names, and so needs no token."""
    address, _ = scope.get("client") or ("", 0)
    source = await source_at(address)
    return Caller(source, frozenset({"ingest"}), source, kind="network") if source else None


def _token_in(query: bytes) -> str | None:
    """Return `?access_token=`, by which senders say who they are that cannot set a header."""
    return parse_qs(query.decode("latin-1")).get("access_token", [None])[0]
