"""How a sender shows that a delivery is its own: a table of checks, each in constant time."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Standard Webhooks: an older delivery may be one that somebody has caught and sends again.
TOLERANCE_SECONDS = 300
STANDARD_PREFIX = "whsec_"


class BadSignature(Exception):
    """It is not signed as the hook wants it; the sentence holds nothing secret."""


@dataclass(frozen=True)
class Signed:
    """What a check looks at."""

    headers: Mapping[str, str]
    body: bytes
    secret: str
    header: str = ""


@dataclass(frozen=True)
class Check:
    title: str
    matches: Callable[[Signed], bool]
    header: str | None = None
    """The header that holds it; None where the hook names one."""


def verify(kind: str, signed: Signed) -> None:
    """Raise BadSignature unless the delivery is signed so."""
    check = CHECKS[kind]
    header = check.header or signed.header
    if header and header.lower() not in signed.headers:
        raise BadSignature(f"The header {header} is missing.")
    if not check.matches(signed):
        raise BadSignature(f"{header} does not fit the secret.")


def _unsigned(signed: Signed) -> bool:
    return True


def _github(signed: Signed) -> bool:
    told = signed.headers["x-hub-signature-256"]
    return _same(told, "sha256=" + _digest(signed.secret.encode(), signed.body).hex())


def _gitlab(signed: Signed) -> bool:
    return _same(signed.headers["x-gitlab-token"], signed.secret)


def _standard(signed: Signed) -> bool:
    id = signed.headers.get("webhook-id", "")
    sent = signed.headers.get("webhook-timestamp", "")
    if not id or not _is_recent(sent):
        raise BadSignature("webhook-id or a recent webhook-timestamp is missing.")
    content = f"{id}.{sent}.".encode("latin-1", "replace") + signed.body
    right = base64.b64encode(_digest(_standard_key(signed.secret), content)).decode()
    told = signed.headers["webhook-signature"].split()
    return any(_same(one, f"v1,{right}") for one in told)


def _hmac(signed: Signed) -> bool:
    right = _digest(signed.secret.encode(), signed.body)
    told = signed.headers[signed.header.lower()].strip()
    told = told.removeprefix("sha256=")
    return _same(told.lower(), right.hex()) or _same(told, base64.b64encode(right).decode())


def _token(signed: Signed) -> bool:
    told = signed.headers[signed.header.lower()].strip()
    return _same(told, signed.secret) or _same(told, f"Bearer {signed.secret}")


CHECKS: dict[str, Check] = {
    "none": Check("None: the address is the secret", _unsigned),
    "github": Check("GitHub: X-Hub-Signature-256", _github, "X-Hub-Signature-256"),
    "gitlab": Check("GitLab: X-Gitlab-Token", _gitlab, "X-Gitlab-Token"),
    "standard": Check("Standard Webhooks: webhook-signature", _standard, "webhook-signature"),
    "hmac": Check("HMAC-SHA256 of the body in a header", _hmac),
    "token": Check("The secret itself in a header", _token),
}
NAMES_ITS_HEADER = ("hmac", "token")


def _digest(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def _same(told: str, right: str) -> bool:
    return hmac.compare_digest(told.encode(errors="replace"), right.encode())


def _is_recent(sent: str) -> bool:
    return (
        sent.isascii()
        and sent.isdigit()
        and len(sent) < 16
        and abs(time.time() - int(sent)) <= TOLERANCE_SECONDS
    )


def _standard_key(secret: str) -> bytes:
    """Return the bytes of a key: base64 behind `whsec_`, else the text itself."""
    if not secret.startswith(STANDARD_PREFIX):
        return secret.encode()
    encoded = secret.removeprefix(STANDARD_PREFIX)
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        return secret.encode()
