"""Secrets that we must use again, encrypted where they lie.

The key is derived from SECRET_KEY; what was sealed under a former one, in SECRET_KEY_FALLBACKS, can
still be opened, and is sealed under the present one when it is next written.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes

PURPOSE = b"eventfeed: secrets at rest"


class CannotOpen(Exception):
    """It was sealed under a key that is not known here."""


def seal(secret: str) -> str:
    return _keys().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """Return the secret; raises CannotOpen."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise CannotOpen("It was encrypted with another EVENTFEED_SECRET_KEY.") from None


def _keys() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str | bytes) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
    return base64.urlsafe_b64encode(kdf.derive(force_bytes(key)))
