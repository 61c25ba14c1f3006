"""A text with `*` in it, read once for Python and for LIKE."""

from dataclasses import dataclass

_LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


@dataclass(frozen=True)
class Glob:
    """The pieces between the stars; a single piece is a text without any."""

    pieces: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Glob":
        head, *rest = text.split("*")
        if not rest:
            return cls((head,))
        *middle, tail = rest
        return cls((head, *filter(None, middle), tail))

    @property
    def head(self) -> str:
        return self.pieces[0]

    @property
    def is_beginning(self) -> bool:
        """Whether the only star is the last character."""
        return len(self.pieces) == 2 and not self.pieces[1]

    def like(self) -> str:
        return "%".join([piece.translate(_LIKE) for piece in self.pieces])

    # Not a regular expression: several `.*` in one take time without bound.
    def matches(self, text: str) -> bool:
        if len(self.pieces) == 1:
            return text == self.head
        *middle, tail = self.pieces[1:]
        if len(text) < len(self.head) + len(tail):
            return False
        if not (text.startswith(self.head) and text.endswith(tail)):
            return False
        at, end = len(self.head), len(text) - len(tail)
        for piece in middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True
