"""What the lexemes of the index look like.

A word stands bare. Everything else begins with a mark that no word begins with, and its parts
are separated by the unit separator, so that "related to X in any role" is a prefix match.
"""

from collections.abc import Sequence
from hashlib import blake2b

EVENT = "="
OUTCOME = "!"
SYSTEM = "%"
PRIMARY_ID = "."
PRIMARY_NAME = "/"
RELATED_ID = "~"  # id, role
RELATED_NAME = "&"  # display name, role
ROLE = "^"
PRIMARY_LABEL = "+"  # key, value
RELATED_LABEL = "-"  # key, value

SEPARATOR = "\x1f"
LONGEST_PART = 512
KEPT_OF_LONGER = 400

# Escaping character by character keeps beginnings beginnings.
_ESCAPES = str.maketrans({"\x1e": "\x1e0", SEPARATOR: "\x1e1"})


def lexeme(mark: str, *parts: str) -> str:
    """Build the lexeme of whole parts."""
    return mark + SEPARATOR.join([_part(part) for part in parts])


def beginning(mark: str, *parts: str) -> str:
    """Build what every lexeme with these whole parts and then one more begins with."""
    return lexeme(mark, *parts) + SEPARATOR if parts else mark


def part_beginning(text: str) -> tuple[str, bool]:
    """Return how a part that begins with this text begins, and whether that says it all."""
    escaped = _escaped(text)
    kept = _cut(escaped)
    return kept, kept == escaped


def quoted(lexeme: str) -> str:
    """Write a lexeme as tsvector and tsquery input reads it."""
    if "'" in lexeme or "\\" in lexeme:
        lexeme = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{lexeme}'"


def plain(mark: str, part: str, second: str | None = None) -> str:
    """Build the same as `lexeme`, faster, for parts that `are_plain`."""
    return mark + part if second is None else f"{mark}{part}{SEPARATOR}{second}"


def are_plain(parts: Sequence[str]) -> bool:
    """Whether no part has to be escaped or cut."""
    text = "".join(parts)
    if SEPARATOR in text or "\x1e" in text:
        return False
    return max(map(len, parts)) * 4 <= LONGEST_PART


def unquoted(lexeme: str) -> str:
    """Read what stood between the quotes."""
    return lexeme.replace("''", "'").replace("\\\\", "\\")


def _part(text: str) -> str:
    escaped = _escaped(text)
    # A character takes at most four bytes.
    if len(escaped) * 4 <= LONGEST_PART or len(escaped.encode()) <= LONGEST_PART:
        return escaped
    # The mark of a hash cannot come out of escaping, so no short part looks like a cut one.
    return f"{_cut(escaped)}\x1e#{blake2b(escaped.encode(), digest_size=16).hexdigest()}"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES) if SEPARATOR in text or "\x1e" in text else text


def _cut(text: str) -> str:
    if len(text) * 4 <= KEPT_OF_LONGER:
        return text
    return text.encode()[:KEPT_OF_LONGER].decode(errors="ignore")
