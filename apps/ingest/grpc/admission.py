"""Who calls, told as a door over HTTP is told it."""

from typing import Any
from urllib.parse import unquote

from apps.ingest.doors.asgi import Scope

STRANGER = "A token is needed to send events: authorization: Bearer <token>."
READ_ONLY = "This token may not send events."


def scope_of(context: Any, *, local: bool) -> Scope:
    """Return what admission looks at: the metadata `authorization`, and where the call is from."""
    return {
        "headers": [
            (name.encode(), value.encode("latin-1", "replace"))
            for name, value in context.invocation_metadata() or ()
            if name == "authorization"
        ],
        "client": (address_of(context.peer()), 0),
        "eventfeed.local": local,
    }


def address_of(peer: str) -> str:
    """Return the address in gRPC's way to write it: `ipv4:127.0.0.1:4317`, `ipv6:%5B::1%5D:1`."""
    family, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if family in ("ipv4", "ipv6") else ""
