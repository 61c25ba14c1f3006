"""How values, keys and roles are written in a query, and read back."""

import re
from collections.abc import Callable
from dataclasses import dataclass

STRING = r'"(?:[^"\\]|\\.)*"'
# What chats and editors make of quotes.
CURLY = "“”„‟"
COMPARISONS = {">=": "at least", "<=": "at most", ">": "over", "<": "under"}

PARTS_OF_RELATED = frozenset({"id", "name", "role"})

_STRING = re.compile(STRING, re.DOTALL)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
# Everything else is quoted: what would end a value, begin another meaning, or be a glob.
_PLAIN = re.compile(rf"""(?!//|[<>{CURLY}])[^\s()"*,\[\]]+""")
_RANGE = re.compile(r"\d\.\.\d")
_PLAIN_KEY = re.compile(r"""[^\s()":\[\],.*]+(?:\.[^\s()":\[\],.*]+)*""")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class Value:
    """One value of a clause; a `*` in a quoted one is only a star."""

    text: str
    quoted: bool = False
    comparison: str = ""
    """One of COMPARISONS where the value is a bound."""

    @property
    def is_anything(self) -> bool:
        return self._has_stars and self.text.strip("*") == ""

    @property
    def is_glob(self) -> bool:
        return self._has_stars

    @property
    def _has_stars(self) -> bool:
        return not self.quoted and not self.comparison and "*" in self.text

    def written(self, spells: Callable[[str], bool] = lambda _: False) -> str:
        """Write it so that it is read again as what it is.

        `spells` says of which texts quotes change the meaning: those of numbers, in a payload.
        """
        if self.is_anything:
            return "*"
        if self.is_glob:
            return self.text
        is_text = self.quoted and spells(self.text)
        return self.comparison + (quote(self.text) if is_text else written_value(self.text))

    @property
    def typed(self) -> str:
        """How it stands in a field of its own: a star means anything unless quotes hold it.

        Nothing at all is no value there: an empty one is in quotes, too.
        """
        is_plain = self.text and "*" not in self.text and not self.text.startswith('"')
        literal = self.quoted and not is_plain
        return quote(self.text) if literal else self.text

    @classmethod
    def of_typed(cls, typed: str) -> "Value":
        """Read what stands in a field of its own."""
        if _STRING.fullmatch(typed):
            return cls(unquote(typed), quoted=True)
        return cls(typed, quoted="*" not in typed)


@dataclass(frozen=True)
class Span:
    """From one value to another, both included; None is an open end."""

    low: Value | None
    high: Value | None
    is_anything = False
    is_glob = False

    def written(self, spells: Callable[[str], bool] = lambda _: False) -> str:
        ends = (self.low, self.high)
        low, high = ("*" if end is None else end.written(spells) for end in ends)
        return f"[{low} TO {high}]"

    @property
    def typed(self) -> str:
        return self.written()


Said = Value | Span


def is_uuid(text: str) -> bool:
    return bool(_UUID.fullmatch(text))


def written_value(text: str) -> str:
    """Write a literal value, in quotes where it needs them."""
    if _PLAIN.fullmatch(text) and not _RANGE.search(text):
        return text
    return quote(text)


def written_role(text: str) -> str:
    """Write the role of `related.ROLE:`, in quotes where it would be a part or a label."""
    is_other = text in PARTS_OF_RELATED or text.startswith("label.")
    return quote(text) if is_other else written_key(text)


def written_key(text: str) -> str:
    """Write a label's key."""
    return text if _PLAIN_KEY.fullmatch(text) else quote(text)


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquote(string: str) -> str:
    return _ESCAPED.sub(r"\1", string[1:-1])
