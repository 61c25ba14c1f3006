"""Secrets that somebody writes into an action, where they would lie open for all who may read.

They belong to a destination, which keeps them encrypted.
"""

import re

_SOUNDS = (
    r"auth(?!ors?(?![a-z]))|cookie|credential|(?<!idempotency-)key(?!word)|pass(?!ed|eng)|pwd"
    r"|secret|session|(?<![a-z])sig(?:nature)?(?![a-z])|token"
)
_NAME = re.compile(_SOUNDS, re.IGNORECASE)
# What a template writes is of an event, not of whoever keeps the automation.
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_SCHEME = re.compile(r"\s*(?:bearer|basic|token)?\s*", re.IGNORECASE)
# https://user:password@host, and ?token=….
_ADDRESS = re.compile(rf"//[^/?#]+@|[?&;][^=&;]*(?:{_SOUNDS})[^=&;]*=[^&;#\s]", re.IGNORECASE)


def sounds_secret(header: str) -> bool:
    return _NAME.search(header) is not None


def is_secret_header(name: str, value: str) -> bool:
    """Tell whether a header holds a secret that no template has written."""
    return sounds_secret(name) and not _SCHEME.fullmatch(_TEMPLATE.sub("", value))


def is_secret_address(url: str) -> bool:
    """Tell whether an address holds a password or a token that no template has written."""
    return _ADDRESS.search(_TEMPLATE.sub("", url)) is not None
