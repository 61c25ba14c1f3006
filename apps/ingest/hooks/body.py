"""What a template sees of a delivery: its body as a value, its headers by any spelling."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

FORM = "application/x-www-form-urlencoded"
# What says who is sending is of no use in an event, and would be read by everybody there.
SECRETS = frozenset(
    (
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-gitlab-token",
        "x-hub-signature",
        "x-hub-signature-256",
        "webhook-signature",
    )
)


class Headers(dict[str, str]):
    """Headers by their lower-case names; asked for as one likes to write them."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


def told_headers(headers: Mapping[str, str], *secrets: str) -> Headers:
    """Return the headers without those that are secrets, the hook's own among them."""
    hidden = SECRETS.union(secret.lower() for secret in secrets)
    return Headers({name: value for name, value in headers.items() if name.lower() not in hidden})


def told_body(body: bytes, content_type: str) -> Any:
    """Return JSON as what it says, a form as its fields, and anything else as text."""
    if content_type.partition(";")[0].strip().lower() == FORM:
        return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body.decode(errors="replace")
