"""Moving through the text of a query, reading its values, and giving up helpfully."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from apps.query.fields import Unfit
from apps.query.values import CURLY, STRING, Said, Span, Value, quote, unquote, written_value

LONGEST_TEXT = 2_000
MOST_LEADING_STARS = 8
# Each costs the hub a microsecond an event.
MOST_VALUES = 200

SPACE = re.compile(r"\s*")
BARE = re.compile(r'[^\s()"]+')
RUN = re.compile(r"\S*")
_STRING = re.compile(STRING, re.DOTALL)
_BARE_IN_LIST = re.compile(r'[^\s()"\[\],]+')
_RUN_IN_LIST = re.compile(r"[^\s\[\],]*")
_COMPARISON = re.compile(r"[<>]=?")
_END = rf"({STRING}|[^\s()\"\[\],]+?)"
_SPAN = re.compile(rf"\[\s*{_END}(?:\s+TO\s+|\s*\.\.\s*){_END}\s*\]", re.DOTALL)
# What was surely meant as one.
_LIKE_SPAN = re.compile(
    r"\[\s*(?:(?P<low>[^\s\]\",]+)\s+TO(?![^\s\]])|TO\s+(?=[^\s\]\",])|"
    r"[^\s\]\",]*[\d*]\.\.(?=[\d*]))\s*(?P<high>[^\]\",]*?)\s*(?:\]|$)"
)
_CURLY = re.compile(f"[{CURLY}]")
_OPEN_LIST = re.compile(r"\[\s*")
_COMMA = re.compile(r"\s*,\s*")
_CLOSE_LIST = re.compile(r"\s*\]")
_OPEN_CHOICE = re.compile(r"\(\s*")
_CLOSE_CHOICE = re.compile(r"\s*\)")
_OR_IN_CHOICE = re.compile(r"\s+OR\s+")
# Values with nothing between them; a field or an operator says that something else was meant.
_VALUE = r'(?!(?:AND|OR|NOT)\b)[^\s()":!-][^\s()":]*'
_VALUES_IN_BRACKETS = re.compile(rf"\(\s*({_VALUE}(?:\s+{_VALUE})+)\s*\)")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class QueryError(ValueError):
    """What is wrong with a query, where, and the whole text as it was perhaps meant.

    The suggestion of a raised one can be read.
    """

    def __init__(self, say: str, start: int, end: int, suggestion: str | None = None) -> None:
        super().__init__(say)
        self.say = say
        self.start = start
        self.end = end
        self.suggestion = suggestion


class Scalar(NamedTuple):
    value: Said
    start: int
    end: int


class Reading:
    """A place in a text, from which values are read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.values = 0
        self.leading_stars = 0
        self.depth = 0
        """How many ( are open."""

    def check_text(self) -> None:
        length = len(self.text)
        if length > LONGEST_TEXT:
            say = f"A query has at most {LONGEST_TEXT:,} characters; this one has {length:,}."
            self.fail(say, LONGEST_TEXT, length)
        if found := _UNSTORABLE.search(self.text):
            say = "No event can hold this character, so it cannot be searched for."
            self.fail(say, *found.span(), instead="")

    # Values

    def scalars(self, *, ordered: str) -> list[Scalar]:
        """Read what stands behind `field:`; `ordered` is the name of a field without an order."""
        start = self.at
        self.expect_value()
        if span := self.span(ordered):
            scalars = [span]
        elif opened := self.take(_OPEN_LIST):
            scalars = self.listed(opened.start())
        elif opened := self.take(_OPEN_CHOICE):
            scalars = self.choice(opened.start())
        else:
            scalars = [self.compared(ordered) or self.scalar(BARE, RUN)]
        self.expect_space(start)
        self.count(scalars)
        return scalars

    def expect_value(self) -> None:
        rest = self.run(self.at)
        if not rest or (rest[0] == ")" and self.depth):
            say = "A value is missing here. A * stands for any value."
            self.fail(say, self.at, self.at, instead="*")

    def span(self, ordered: str) -> Scalar | None:
        if ordered:
            if found := _LIKE_SPAN.match(self.text, self.at):
                self.fail(
                    f"“{ordered}” has no order, so no range of it can be asked for.", *found.span()
                )
            return None
        found = self.take(_SPAN)
        if not found:
            if like := _LIKE_SPAN.match(self.text, self.at):
                say = "A range is written [10 TO 500], with * for an open end."
                self.fail(say, *like.span(), instead=_mended(like))
            return None
        low, high = (_end(text) for text in found.groups())
        if low is None and high is None:
            return Scalar(Value("*"), *found.span())
        return Scalar(Span(low, high), *found.span())

    def compared(self, ordered: str) -> Scalar | None:
        start = self.at
        comparison = self.take(_COMPARISON)
        if not comparison:
            return None
        if ordered:
            self.at = start
            say = f"“{ordered}” has no order. In quotes the value is taken as it is."
            self.fail_unquoted(say, *comparison.span())
        if not self.run(self.at):
            self.fail(f"Nothing follows {comparison[0]}.", start, self.at, instead="*")
        scalar = self.scalar(BARE, RUN)
        assert isinstance(scalar.value, Value)
        value = Value(scalar.value.text, scalar.value.quoted, comparison[0])
        return Scalar(value, start, scalar.end)

    def listed(self, start: int) -> list[Scalar]:
        scalars: list[Scalar] = []
        while not self.take(_CLOSE_LIST):
            if scalars and not self.take(_COMMA):
                self.fail_in_list(start)
            if self.take(_CLOSE_LIST):
                break
            if self.at == len(self.text):
                self.fail_in_list(start)
            scalars.append(self.scalar(_BARE_IN_LIST, _RUN_IN_LIST))
        if not scalars:
            self.fail("The list is empty.", start, self.at, instead="*")
        return scalars

    def fail_in_list(self, start: int) -> NoReturn:
        if self.text[self.at :].strip():
            self.fail("A comma is missing in the list.", self.at, self.at, instead=",")
        self.fail("The list is not closed.", start, self.at, instead=f"{self.text[start:]}]")

    def choice(self, start: int) -> list[Scalar]:
        """Read `(a OR b)`, which other tools write for `[a,b]`."""
        scalars: list[Scalar] = []
        while not self.take(_CLOSE_CHOICE):
            if scalars and not self.take(_OR_IN_CHOICE):
                say = "The values of one field are written event:[a,b] or event:(a OR b)."
                if listed := _VALUES_IN_BRACKETS.match(self.text, start):
                    values = ",".join(map(written_value, listed[1].split()))
                    self.fail(say, *listed.span(), instead=f"[{values}]")
                self.fail_unquoted(say, start, self.at, from_=start)
            if self.at == len(self.text):
                self.fail("The ( is not closed.", start, self.at, instead=f"{self.text[start:]})")
            scalars.append(self.scalar(BARE, RUN))
        if not scalars:
            self.fail("Nothing stands in the ( ).", start, self.at, instead="*")
        return scalars

    def scalar(self, bare: re.Pattern[str], run: re.Pattern[str]) -> Scalar:
        if self.text[self.at] == '"':
            return self.string()
        if _CURLY.match(self.text, self.at):
            self.fail_curly()
        found = self.take(bare)
        if not found:
            say = f"“{self.text[self.at]}” cannot stand here. To search for it, put it in quotes."
            self.fail_unquoted(say, self.at, self.at + 1, pattern=run)
        return Scalar(Value(found[0]), *found.span())

    def fail_curly(self) -> NoReturn:
        straight = _CURLY.sub('"', self.text)
        say = 'These quotes are curly. A query is quoted by straight ones: "…"'
        raise QueryError(say, self.at, self.at + 1, straight)

    def string(self) -> Scalar:
        string = self.take(_STRING)
        if not string:
            rest = self.text[self.at + 1 :]
            self.fail("The quotes are not closed.", self.at, len(self.text), instead=quote(rest))
        return Scalar(Value(unquote(string[0]), quoted=True), *string.span())

    def expect_space(self, start: int) -> None:
        rest = self.run(self.at)
        if not rest or rest[0] == ")":
            return
        if self.text[start] in '"[' or self.text[self.at - 1] == ")":
            self.fail("A space is missing here.", self.at, self.at, instead=" ")
        say = f"“{rest[0]}” cannot stand here. To search for it, put the whole in quotes."
        self.fail_unquoted(say, self.at, self.at + 1, from_=start)

    def count(self, scalars: Sequence[Scalar]) -> None:
        self.values += len(scalars)
        if self.values > MOST_VALUES:
            say = f"A query has at most {MOST_VALUES} values in all its fields together."
            self.fail(say, scalars[0].start, scalars[-1].end)
        starred = [s for s in scalars if isinstance(s.value, Value) and _leads_with_star(s.value)]
        if not starred:
            return
        self.leading_stars += len(starred)
        if self.leading_stars > MOST_LEADING_STARS:
            say = f"At most {MOST_LEADING_STARS} values may begin with a *."
            self.fail(say, starred[0].start, starred[0].end)

    def settled(self, scalar: Scalar, settle: Callable[[Any], Any]) -> Said:
        try:
            return settle(scalar.value)
        except Unfit as unfit:
            self.fail(unfit.say, scalar.start, scalar.end, instead=unfit.instead)

    # Moving on and giving up

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def run(self, start: int, pattern: re.Pattern[str] = RUN) -> str:
        found = pattern.match(self.text, start)
        return found[0] if found else ""

    def fail_unquoted(
        self,
        say: str,
        start: int,
        end: int,
        *,
        from_: int | None = None,
        pattern: re.Pattern[str] = RUN,
    ) -> NoReturn:
        """Suggest quotes around everything up to the next space."""
        first = start if from_ is None else from_
        run = self.run(first, pattern)
        suggestion = f"{self.text[:first]}{quote(run)}{self.text[first + len(run) :]}"
        raise QueryError(say, start, end, suggestion if run else None)

    def fail(self, say: str, start: int, end: int, instead: str | None = None) -> NoReturn:
        if instead is None:
            raise QueryError(say, start, end)
        suggestion = f"{self.text[:start]}{instead}{self.text[end:]}"
        raise QueryError(say, start, end, suggestion.strip())


def _end(text: str) -> Value | None:
    if text == "*":
        return None
    return Value(unquote(text), quoted=True) if text[0] == '"' else Value(text)


def _mended(like: re.Match[str]) -> str | None:
    """Write what looks like a range as one, with an open end where an end is missing."""
    low, high = like["low"] or "*", like["high"] or "*"
    is_mended = " " not in high and (low, high) != ("*", "*")
    return f"[{low} TO {high}]" if is_mended else None


def _leads_with_star(value: Value) -> bool:
    return value.is_glob and not value.is_anything and value.text.startswith("*")
