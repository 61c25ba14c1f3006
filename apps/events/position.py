"""Where a reader stands in the log."""

import re
from typing import NamedTuple

WRITTEN = re.compile(r"([0-9a-f]{12})\.(\d{1,19})\.(\d{1,19})", re.ASCII)


class BadPosition(ValueError):
    """The text is no position."""


class Position(NamedTuple):
    """Everything up to and including `(tx, seq)` of the log `log` has been read."""

    log: str
    tx: int
    seq: int

    def __str__(self) -> str:
        return f"{self.log}.{self.tx}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read back what `str()` wrote; raises BadPosition."""
        written = WRITTEN.fullmatch(text)
        if written is None:
            raise BadPosition(f"“{text[:80]}” is no position; take one from a page or a frame.")
        log, tx, seq = written.groups()
        position = cls(log, int(tx), int(seq))
        if max(position.tx, position.seq) >= 2**63:
            raise BadPosition(f"The numbers of “{text}” are beyond any log.")
        return position
