"""A value of a label as Prefect's filters write it: `*`, `?`, and `!` in front for any other."""

import re
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import Self

_WILD = re.compile(r"[*?]")
_ESCAPED = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
_WILDS_OF_LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_", "*": "%", "?": "_"})


@dataclass(frozen=True)
class Pattern:
    """What a value is, or begins with; what it must not be, when denied."""

    head: str
    tail: str = ""
    """What follows the head, from the first `*` or `?` on."""
    denied: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        rest = text.removeprefix("!")
        wild = _WILD.search(rest)
        at = wild.start() if wild else len(rest)
        return cls(rest[:at], rest[at:], denied=rest != text)

    @classmethod
    def beginning(cls, text: str) -> Self:
        return cls(text, "*")

    @property
    def is_exact(self) -> bool:
        return not self.tail

    @property
    def is_beginning(self) -> bool:
        return self.tail == "*"

    def like(self) -> str:
        return self.head.translate(_ESCAPED) + self.tail.translate(_WILDS_OF_LIKE)

    def fits(self, value: str) -> bool:
        return self._holds(value) != self.denied

    def _holds(self, value: str) -> bool:
        if self.is_exact:
            return value == self.head
        return value.startswith(self.head) and bool(self._ends.match(value, len(self.head)))

    @cached_property
    def _ends(self) -> re.Pattern[str]:
        # Python's own translation takes no time without bound, however many stars there are.
        return re.compile(translate(self.tail.replace("[", "[[]")))
