"""Signatures after Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks."""

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"


def signature(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature` for a body."""
    told = b".".join([id.encode(), str(timestamp).encode(), body])
    digest = hmac.new(_key(secret), told, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    """Read a secret as the libraries of receivers do: base64 behind `whsec_`, else its text."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
