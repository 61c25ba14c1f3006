"""Secrets are made unreadable before anything is stored.

A draft is looked through as JSON text first, which costs microseconds and mostly finds nothing;
only where something may be hidden is it taken apart.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any, Self

import msgspec

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.events.sources import masks_of

MASK = "***"
# Without these an event is about nothing.
IDENTITY = {RESOURCE_ID, RESOURCE_ROLE}
# `://user:password@`: what stands between the colon and the last @ before the path.
PASSWORD = re.compile(r"(://[^\s/:@\"'<>]*:)([^\s/\"'<>]+)(?=@)")
# Names of what is set for a process, when they sound like a secret: DBPASS and GITHUB_PAT too, but
# neither COMPASS nor PATH.
SECRET_NAME = re.compile(
    r"passw|passphrase|passcode|pwd|secret|token|credential|authorization|signature"
    r"|(?<!com)(?<!by)(?<!sur)(?<!tres)pass(?![a-z])|(?:(?<![a-z])|git|github|gitlab)pat(?![a-z])"
    r"|(?:api|access|private|account|encryption|encrypt|fernet|signing|master|shared|storage|ssh"
    r"|session)[-_.]?key(?![a-z])|connection[-_.]?string|\bauth\b|\bsas\b|(?<![a-z])(?:auth|jwt)$|bearer|cookie",
    re.IGNORECASE,
)
# Where a shell is, and was.
NO_SECRETS = {"PWD", "OLDPWD"}
# OpenLineage's facets that repeat what a process was started with.
SETTINGS = ("environmentVariables", "spark_properties")
PARAMETER_NAMES = (
    "password|passwd|pwd|secret|client_secret|token|access_token|api_?key|access_?key|sig|signature"
)
# Azure's: so peculiar that they are known wherever they stand.
KEY_NAMES = "account_?key|shared_?access_?key"
# `jdbc:sqlserver://host;user=me;password=…`, `AccountName=me;AccountKey=…`
PARAMETER = re.compile(
    rf"((?:[?&;,](?:{PARAMETER_NAMES})|{KEY_NAMES})=)([^&;\s\"'<>]+)", re.IGNORECASE
)
# `jdbc:oracle:thin:me/password@host`
ORACLE = re.compile(r"(jdbc:oracle:\w+:[^\s/:@\"'<>]*/\"?)([^\s/\"'<>]+)(?=\"?@)")
# Plain searches, each a hundred times as fast as a pattern would be.
FACETS = tuple(name.encode() for name in SETTINGS)
PARAMETERS = (
    b"password=",
    b"passwd=",
    b"pwd=",
    b"secret=",
    b"token=",
    b"key=",
    b"sig=",
    b"signature=",
)
LONGEST_PARAMETER = max(map(len, PARAMETERS))
# So many equals signs may be looked at one by one.
FEW = 20
PASSWORD_BYTES = re.compile(rb"(:\\?/\\?/[^\s/:@\"'<>]*:)([^\s/\"'<>]+)(?=@)")

Walk = Callable[[Any], Any]


@dataclass(frozen=True)
class Rules:
    """What is masked of a source's events; the defaults hold for whoever sets nothing."""

    passwords: bool = True
    """Passwords in addresses and connection strings, `postgresql://me:***@host`."""
    settings: bool = True
    """Environment variables and Spark properties whose names sound like a secret."""
    keys: tuple[str, ...] = ()
    """Keys of payload and labels, `*` for anything, whose values are masked wherever they stand."""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Read what a source has stored; what it does not say is as by default."""
        return cls(
            passwords=bool(stored.get("passwords", True)),
            settings=bool(stored.get("settings", True)),
            keys=tuple(stored.get("keys", ())),
        )

    def stored(self) -> dict[str, Any]:
        return {"passwords": self.passwords, "settings": self.settings, "keys": list(self.keys)}


DEFAULT = Rules()


def rules_of(source_id: int) -> Rules:
    """Return the rules of a source that `source_named` has named."""
    stored = masks_of(source_id)
    return Rules.of(stored) if stored else DEFAULT


def masked(draft: Draft, rules: Rules = DEFAULT, *, told: bytes = b"") -> Draft:
    """Return the draft without the secrets that the rules name.

    `told` is the JSON it was read from, where all that is stored stands in it: then it need not be
    written again to be looked through.
    """
    if not (rules.keys or _may_hide(told if _is_verbatim(told) else _text_of(draft))):
        return draft
    walk = _walk_of(rules)
    return msgspec.structs.replace(
        draft,
        resource=walk(draft.resource),
        related=walk(draft.related),
        payload=walk(draft.payload),
        message=walk(draft.message),
    )


def _is_verbatim(told: bytes) -> bool:
    """Say whether this text hides nothing behind an escape."""
    return bool(told) and b"\\" not in told


def _text_of(draft: Draft) -> bytes:
    try:
        return msgspec.json.encode((draft.payload, draft.resource, draft.related, draft.message))
    except (TypeError, ValueError, RecursionError):
        # What is no JSON is refused at the door, with the reason that is due.
        return b""


def _may_hide(text: bytes) -> bool:
    if FACETS[0] in text or FACETS[1] in text:
        return True
    if b"@" in text and _may_hide_before_at(text):
        return True
    return b"=" in text and _may_set_secret(text)


def _may_hide_before_at(text: bytes) -> bool:
    # Colons are so many in JSON that looking for them too takes six times as long.
    return (b"//" in text and PASSWORD_BYTES.search(text) is not None) or b"jdbc:oracle:" in text


def _may_set_secret(text: bytes) -> bool:
    if text.count(b"=") > FEW:
        text = text.lower()
        return any(mark in text for mark in PARAMETERS)
    at = text.find(b"=") + 1
    while at:
        if text[max(0, at - LONGEST_PARAMETER) : at].lower().endswith(PARAMETERS):
            return True
        at = text.find(b"=", at) + 1
    return False


@lru_cache(maxsize=1_024)
def _walk_of(rules: Rules) -> Walk:
    text = without_passwords if rules.passwords else _as_it_is
    keys = re.compile("|".join(map(translate, rules.keys)) or r"(?!)", re.IGNORECASE)

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, dict):
            return {text(key): entry(key, held) for key, held in value.items()}
        if isinstance(value, list):
            return [walk(held) for held in value]
        return value

    def entry(key: str, value: Any) -> Any:
        if key not in IDENTITY and keys.fullmatch(key):
            return MASK
        if rules.settings and key in SETTINGS:
            value = _without_secret_settings(value)
        return walk(value)

    return walk


def _as_it_is(text: str) -> str:
    return text


def without_passwords(text: str) -> str:
    """Return a text with the passwords masked in what leads to a server."""
    if "@" in text:
        text = ORACLE.sub(rf"\1{MASK}", PASSWORD.sub(rf"\1{MASK}", text))
    return PARAMETER.sub(rf"\1{MASK}", text) if "=" in text else text


def _without_secret_settings(value: Any) -> Any:
    """Mask values by their names, given as `{name: value}` or as `{"name": …, "value": …}`."""
    if isinstance(value, list):
        return [_without_secret_settings(held) for held in value]
    if not isinstance(value, dict):
        return value
    if isinstance(name := value.get("name"), str) and "value" in value:
        return value | {"value": MASK} if sounds_secret(name) else value
    return {key: _setting(key, held) for key, held in value.items()}


def _setting(name: str, value: Any) -> Any:
    if isinstance(value, dict | list):
        return _without_secret_settings(value)
    return MASK if sounds_secret(name) else value


def sounds_secret(name: str) -> bool:
    """Say whether a variable of this name is likely to hold a secret."""
    return name not in NO_SECRETS and SECRET_NAME.search(name) is not None
