"""Secrets in a message as it arrived are overwritten where they stand; its length stays.

So a binary message can still be read, one in JSON stays JSON, and what was cut off or is broken
loses its secrets too: nothing here needs a message that can be read.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from apps.ingest.masking import (
    DEFAULT,
    KEY_NAMES,
    PARAMETER_NAMES,
    PASSWORD_BYTES,
    SETTINGS,
    Rules,
    sounds_secret,
)

# What stands before a value that sounds like a secret, also in JSON within a string of JSON.
NAMED_VALUE = re.compile(
    rb"((?:passw|pwd|secret|token|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key"
    rb'|authorization)[\w.-]{0,100}\\*"\s*:\s*\\*")((?:[^"\\]|\\[^"])+)',
    re.IGNORECASE,
)
# `?password=`, with the `&` as Go and Java write it in JSON too.
PARAMETER_BYTES = re.compile(
    rb"((?:(?:[?&;,]|\\u0026|\\u003[bf])(?:%b)|%b)="
    % (PARAMETER_NAMES.encode(), KEY_NAMES.encode())
    + rb")((?:[^&;\s\"'<>\\]|\\(?!u0026|u003b|\")[^\s\"])+)",
    re.IGNORECASE,
)
ORACLE_BYTES = re.compile(
    rb"(jdbc:oracle:\w+:[^\s/:@\"'<>]*/(?:\\*\")?)([^\s/\"'<>\\]+)(?=(?:\\*\")?@)"
)
PARTS = re.compile(
    rb'"(?P<text>(?:[^"\\]|\\.)*)(?P<closed>"?)|(?P<mark>[{}\[\]:,])|(?P<plain>[^\s{}\[\]:,"]+)',
    re.DOTALL,
)
ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)|[^\\]", re.DOTALL)
BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4}){4,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
UNESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
DEEPEST = 3
"""So many times JSON is looked for in the strings of JSON."""

Span = tuple[int, int]


def masked_bytes(body: bytes, rules: Rules = DEFAULT) -> bytes:
    """Return a message without the secrets that its source's rules name."""
    return _overwritten(body, rules, DEEPEST)


def _overwritten(body: bytes, rules: Rules, deep: int) -> bytes:
    if rules.passwords:
        for pattern in (PASSWORD_BYTES, ORACLE_BYTES, PARAMETER_BYTES):
            body = pattern.sub(_starred, body)
    body = NAMED_VALUE.sub(_starred, body)
    if b'"' in body:
        return _Json(body, rules, deep).overwritten()
    return _fields_overwritten(body, rules) if rules.keys else body


def _starred(found: re.Match[bytes]) -> bytes:
    return found[1] + b"*" * len(found[2])


@lru_cache(maxsize=1_024)
def _keys(rules: Rules) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, rules.keys)) or r"(?!)", re.IGNORECASE)


@dataclass
class _Object:
    """A pair of braces or brackets that is open, and what is known of it."""

    secret: bool = False
    settings: bool = False
    """Whether it tells what a process was started with."""
    key: str | None = None
    name: str | None = None
    """Of a variable, told as `name` and `value` in any order."""
    value: Span | None = None


class _Json:
    """A walk through what looks like JSON, from its first byte to its last."""

    def __init__(self, body: bytes, rules: Rules, deep: int) -> None:
        self.body = bytearray(body)
        self.rules = rules
        self.deep = deep
        self.keys = _keys(rules)
        self.open = [_Object()]

    def overwritten(self) -> bytes:
        last: re.Match[bytes] | None = None
        for part in PARTS.finditer(bytes(self.body)):
            if part["mark"] is not None:
                self._mark(part["mark"], last)
            elif last is not None:
                self._value(last)
            last = part if part["mark"] is None else None
        if last is not None:
            self._value(last)
        # Cut off before its end: the name of a value may have stood behind.
        while len(self.open) > 1:
            self._close(cut=True)
        return bytes(self.body)

    def _mark(self, mark: bytes, last: re.Match[bytes] | None) -> None:
        now = self.open[-1]
        if mark == b":" and last is not None:
            now.key = _text(last)
            return
        if last is not None:
            self._value(last)
        if mark in b"{[":
            settings = now.settings or (self.rules.settings and now.key in SETTINGS)
            self.open.append(_Object(now.secret or self._is_secret(now.key), settings))
        elif mark in b"}]" and len(self.open) > 1:
            self._close()
        elif mark == b",":
            now.key = None

    def _value(self, part: re.Match[bytes]) -> None:
        now = self.open[-1]
        span = part.span("text") if part["text"] is not None else part.span("plain")
        named = now.settings and now.key is not None and sounds_secret(now.key)
        if named or now.secret or self._is_secret(now.key):
            self._hide(span)
        elif part["text"] is not None:
            if now.key == "name":
                now.name = _text(part)
            elif now.key == "value":
                now.value = span
            self._look_into(span)
        elif now.key == "value":
            now.value = span

    def _close(self, *, cut: bool = False) -> None:
        ended = self.open.pop()
        if not (self.rules.settings and ended.value):
            return
        if (cut and ended.name is None) or (ended.name and sounds_secret(ended.name)):
            self._hide(ended.value)

    def _is_secret(self, key: str | None) -> bool:
        return key is not None and self.keys.fullmatch(key) is not None

    def _hide(self, span: Span) -> None:
        start, end = span
        is_text = self.body[start - 1 : start] == b'"'
        self.body[start:end] = b"*" * (end - start) if is_text else _plain(self.body[start:end])

    def _look_into(self, span: Span) -> None:
        """Look for secrets in a string that holds JSON, or bytes as base64."""
        start, end = span
        held = bytes(self.body[start:end])
        if not self.deep or len(held) < 16:
            return
        if b"\\" in held and held.lstrip().startswith((b"{", b"[")):
            self._write(start, held)
        elif BASE64.fullmatch(held):
            self.body[start:end] = _within_base64(held, self.rules, self.deep - 1)

    def _write(self, start: int, held: bytes) -> None:
        parts = [(found[0], found.start()) for found in ESCAPE.finditer(held)]
        plain = b"".join(_unescaped(part) for part, _ in parts)
        if len(plain) != len(parts):
            return
        hidden = _overwritten(plain, self.rules, self.deep - 1)
        for (part, at), before, after in zip(parts, plain, hidden, strict=True):
            if before != after:
                there = start + at
                self.body[there : there + len(part)] = bytes([after]) * len(part)


def _unescaped(part: bytes) -> bytes:
    if not part.startswith(b"\\") or len(part) == 1:
        return part
    if part[1:2] == b"u" and len(part) == 6:
        # One byte for one character: what it is exactly matters to no key.
        code = int(part[2:], 16)
        return bytes([code]) if code < 128 else b"?"
    return UNESCAPED.get(part[1:2], part[1:2])


def _text(part: re.Match[bytes]) -> str:
    held = part["text"] if part["text"] is not None else part["plain"]
    plain = held if b"\\" not in held else b"".join(map(_unescaped, ESCAPE.findall(held)))
    return plain.decode("utf-8", "replace")


def _plain(value: bytes | bytearray) -> bytes:
    """Overwrite a number by another of its length, so that JSON stays JSON."""
    if value == b"null":
        return bytes(value)
    if value in (b"true", b"false"):
        return b"null".ljust(len(value))
    return re.sub(rb"[^.+\-eE]", b"9", bytes(value))


def _within_base64(held: bytes, rules: Rules, deep: int) -> bytes:
    try:
        return base64.b64encode(_overwritten(base64.b64decode(held), rules, deep))
    except binascii.Error:
        return held


def _fields_overwritten(body: bytes, rules: Rules) -> bytes:
    """Overwrite the values of named keys in protobuf's maps: field 1 the key, 2 its value."""
    keys, written = _keys(rules), bytearray(body)
    for start, end in _entries(body, keys):
        written[start:end] = b"*" * (end - start)
    return bytes(written)


def _entries(body: bytes, keys: re.Pattern[str]) -> Iterator[Span]:
    for found in re.finditer(rb"\x0a([\x01-\x7f])(?=[ -~])", body):
        end = found.end() + found[1][0]
        key = body[found.end() : end]
        if body[end : end + 1] != b"\x12" or not keys.fullmatch(key.decode("latin-1")):
            continue
        length, start = _varint(body, end + 1)
        stop = min(start + length, len(body))
        if body[start : start + 1] == b"\x0a":
            # OpenTelemetry wraps a text once more.
            inner, first = _varint(body, start + 1)
            start = first if first + inner == stop else start
        yield start, stop


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and where it ends."""
    number = 0
    for shift, byte in enumerate(body[at : at + 5]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return number, at + shift + 1
    return number, min(at + 5, len(body))
