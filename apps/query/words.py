"""Which words a text holds: the same answer for a stored event and for a typed query."""

import re
from unicodedata import normalize

LONGEST_WORD = 64

_TIME = r"\d{4}-\d\d-\d\d[tT ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[zZ]|[+-]\d\d:?\d\d)?"
_END = r"(?![^\W_])"
# Times are left out: nobody types one to the microsecond, and each would be a new index key.
# A UUID stays whole, so that one lexeme finds it. The rest are runs of letters and digits.
_WORD = re.compile(
    rf"{_TIME}{_END}|([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}{_END}|[^\W_]+)"
)

is_time = re.compile(_TIME).fullmatch
holds_time = re.compile(_TIME).search


def fold(text: str) -> str:
    """Make texts equal that differ only in case or in compatible characters."""
    if text.isascii():
        return text.lower()
    return normalize("NFKC", normalize("NFKC", text).casefold())


def words_of(text: str) -> list[str]:
    """Return the folded words of one string, in order, each cut to 64 characters."""
    return [word[:LONGEST_WORD] for word in _WORD.findall(fold(text)) if word]


def words_before_star(text: str) -> list[tuple[list[str], bool]]:
    """Read the text before a `*`: its words, and whether the last is only a beginning.

    The beginning of a UUID has two readings, because a UUID is one word and its parts are several.
    """
    folded = fold(text)
    readings = [(words_of(text), folded[-1:].isalnum())]
    if head := _UUID_HEAD.search(folded):
        readings.append(([*words_of(folded[: head.start()]), head[0]], True))
    return readings


_UUID_HEAD = re.compile(r"(?<![^\W_])[0-9a-f]{8}(?:-[0-9a-f]{4}){0,3}-[0-9a-f]{0,12}\Z")
