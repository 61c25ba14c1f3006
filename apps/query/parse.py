"""The reader of the query language: text in, Query or a QueryError that helps out.

query  = [ clause { [ "AND" ] clause } ]
clause = { "-" | "!" | "NOT" } ( field ":" value | word | string )
field  = name { "." ( segment | string ) }
value  = "*" | scalar | "[" scalar { "," scalar } "]"
scalar = string | bare
"""

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import NamedTuple, NoReturn

from apps.query.fields import FIELDS, Field, Unfit, field_of
from apps.query.freetext import read_text, settle_text, text_says
from apps.query.query import Clause, Part, Query
from apps.query.tree import Not, any_of
from apps.query.values import STRING, Value, quote, unquote, written_key

LONGEST_TEXT = 2_000
MOST_CLAUSES = 64
MOST_LEADING_STARS = 8
# More than these in one text, and what was meant is anyone's guess.
MOST_MISTAKES = 8
# Each costs the hub a microsecond an event.
MOST_VALUES = 200

FIELD_NAMES = ("event", "resource", "related", "any", "label", "outcome", "system", "id", "follows")
LATER_FIELDS = frozenset({"chain", "has", "is", "occurred", "payload", "received", "source"})
NAMES_ELSEWHERE = {"name": "event", "tag": "related.tag", "state": "outcome", "status": "outcome"}
PARTS_OF_RELATED = frozenset({"id", "name", "role"})

_SPACE = re.compile(r"\s*")
_AND = re.compile(r"AND(?!\S)\s*")
_NOT = re.compile(r"[-!](?=\S)|NOT(?!\S)\s*")
_OPERATOR = re.compile(r"(?:AND|OR)(?!\S)")
_GROUP = re.compile(r"(?:resource|related|any)?\(|\)")
_FIELD = re.compile(
    rf"""(?P<name>[^\W\d][\w-]*)(?P<key>(?:\.(?:[^\s()":\[\],.*]+|{STRING}))*):(?!//)""", re.DOTALL
)
_SEGMENT = re.compile(rf"\.({STRING}|[^.\"]+)", re.DOTALL)
_STRING = re.compile(STRING, re.DOTALL)
_BARE = re.compile(r'[^\s()"]+')
_BARE_IN_LIST = re.compile(r'[^\s()"\[\],]+')
_RUN = re.compile(r"\S*")
_RUN_IN_LIST = re.compile(r"[^\s\[\],]*")
_COMPARISON = re.compile(r"[<>]=?")
_RANGE = re.compile(r"\[[^\]\",]*(?:\sTO\s|[\d*]\.\.[\d*])[^\]\",]*\]?")
_OPEN_LIST = re.compile(r"\[\s*")
_COMMA = re.compile(r"\s*,\s*")
_CLOSE_LIST = re.compile(r"\s*\]")
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


def parse(text: str) -> Query:
    """Read a query; raise QueryError when it cannot be read."""
    try:
        return _read(text)
    except QueryError as error:
        error.suggestion = _readable(error.suggestion)
        raise


def _read(text: str) -> Query:
    return Query(text, tuple(_Reader(text).clauses()))


def _readable(suggestion: str | None) -> str | None:
    """Mend a suggestion by those for its own mistakes, until it can be read."""
    for _ in range(MOST_MISTAKES):
        if suggestion is None:
            return None
        try:
            _read(suggestion)
        except QueryError as error:
            suggestion = error.suggestion
        else:
            return suggestion
    return None


def clause(field: str, *values: str | Value, negated: bool = False) -> str:
    """Write a clause: `any:[a,b]`, with quotes where they are needed. A text is taken literally.

    The key of `label.KEY` and the role of `related.ROLE` are quoted too; only a role that is
    called id, name or role has to come in quotes: `related."name"`.
    """
    given = [one if isinstance(one, Value) else Value(one, quoted=True) for one in values]
    return _written(_written_field(field), given, negated)


def _written_field(field: str) -> str:
    name, dot, key = field.partition(".")
    if not dot or field in FIELDS or _STRING.fullmatch(key):
        return field
    return f"{name}.{written_key(key)}"


def _written(field: str, values: Sequence[Value], negated: bool) -> str:
    written = list(dict.fromkeys([value.written() for value in values]))
    listed = written[0] if len(written) == 1 else f"[{','.join(written)}]"
    return f"{'-' if negated else ''}{field}:{listed}"


class _Scalar(NamedTuple):
    value: Value
    start: int
    end: int


class _Reader:
    """Reads clauses from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.values = 0
        self.leading_stars = 0

    def clauses(self) -> list[Clause]:
        self.check_text()
        found: list[Clause] = []
        self.take(_SPACE)
        while self.at < len(self.text):
            if found and (joined := self.take(_AND)):
                self.expect_more(joined.start())
            if len(found) == MOST_CLAUSES:
                self.fail(f"A query has at most {MOST_CLAUSES} clauses.", self.at, len(self.text))
            found.append(self.clause())
            self.take(_SPACE)
        return found

    def check_text(self) -> None:
        length = len(self.text)
        if length > LONGEST_TEXT:
            say = f"A query has at most {LONGEST_TEXT:,} characters; this one has {length:,}."
            self.fail(say, LONGEST_TEXT, length)
        if found := _UNSTORABLE.search(self.text):
            say = "No event can hold this character, so it cannot be searched for."
            self.fail(say, *found.span(), instead="")

    def clause(self) -> Clause:
        start, negated = self.at, False
        while sign := self.take(_NOT):
            negated = not negated
            self.expect_more(sign.start())
        self.refuse_later_syntax()
        if field := self.take(_FIELD):
            return self.field_clause(field, start, negated)
        return self.text_clause(start, negated)

    def expect_more(self, operator_start: int) -> None:
        if self.at == len(self.text):
            operator = self.text[operator_start:].strip()
            self.fail(f"Nothing follows {operator}.", operator_start, self.at, instead="")

    def refuse_later_syntax(self) -> None:
        if operator := _OPERATOR.match(self.text, self.at):
            say = "OR between clauses cannot be used yet. A list means any of: event:[a,b]"
            if operator[0] == "AND":
                say = "AND stands between two clauses."
            self.fail(say, *operator.span(), instead=quote(operator[0]))
        if group := _GROUP.match(self.text, self.at):
            say = "Groups in ( ) cannot be used yet. To search for the text, put it in quotes."
            self.fail_unquoted(say, self.at, group.end())

    # Text

    def text_clause(self, start: int, negated: bool) -> Clause:
        scalar = self.scalar(_BARE, _RUN)
        self.expect_space(scalar.start)
        value = self.settled(scalar, settle_text)
        node = read_text(value)
        written = quote(value.text) if value.quoted else value.text
        return Clause(
            text=f"{'-' if negated else ''}{written}",
            start=start,
            end=self.at,
            negated=negated,
            field=None,
            values=(value,),
            node=Not(node) if negated else node,
            says=tuple(text_says(value, negated)),
        )

    # Fields

    def field_clause(self, found: re.Match[str], start: int, negated: bool) -> Clause:
        name, field = self.field(found)
        scalars = self.scalars()
        self.count_values(scalars)
        self.count_leading_stars(scalars)
        # A value that is said twice is asked once.
        values = list(dict.fromkeys([self.settled(one, field.settle) for one in scalars]))
        node = any_of(*[field.read(value) for value in values])
        return Clause(
            text=_written(name, values, negated),
            start=start,
            end=self.at,
            negated=negated,
            field=name,
            values=tuple(values),
            node=Not(node) if negated else node,
            says=tuple(_field_says(field, values, negated)),
        )

    def field(self, found: re.Match[str]) -> tuple[str, Field]:
        """Return the field with its name as it is written."""
        name, segments = found["name"], _SEGMENT.findall(found["key"])
        if name in LATER_FIELDS:
            self.fail(f"The field “{name}” cannot be used yet.", *found.span())
        if name == "related" and len(segments) == 1 and segments[0] in PARTS_OF_RELATED:
            whole = f"{name}.{segments[0]}"
            return whole, FIELDS[whole]
        if not segments:
            field, whole = field_of(name, None), name
        else:
            key = ".".join([unquote(one) if one[0] == '"' else one for one in segments])
            field, whole = field_of(name, key), _field_with_key(name, key)
        if field is None:
            self.fail_unknown(found)
        return whole, field

    def fail_unknown(self, found: re.Match[str]) -> NoReturn:
        name, rest, span = found["name"], found["key"], found.span()
        if name == "label":
            self.fail("A label is written with its key: label.team:payments", *span)
        if name in FIELD_NAMES:
            self.fail(f"“{name}” has no parts.", *span, instead=f"{name}:")
        say = f"There is no field “{name}”."
        near = NAMES_ELSEWHERE.get(name) or next(
            iter(get_close_matches(name.lower(), FIELD_NAMES, n=1, cutoff=0.7)), None
        )
        if near:
            self.fail(f"{say} Did you mean “{near}”?", *span, instead=f"{near}{rest}:")
        if _looks_like_value(self.text[self.at :]):
            label = f"label.{name}{rest}:"
            self.fail(f"{say} A label is written {label}…", *span, instead=label)
        self.fail_unquoted(f"{say} To search for the text, put it in quotes.", *span)

    def count_values(self, scalars: Sequence[_Scalar]) -> None:
        self.values += len(scalars)
        if self.values > MOST_VALUES:
            say = f"A query has at most {MOST_VALUES} values in all its fields together."
            self.fail(say, scalars[0].start, scalars[-1].end)

    def count_leading_stars(self, scalars: Sequence[_Scalar]) -> None:
        starred = [s for s in scalars if s.value.is_glob and s.value.text.startswith("*")]
        if not starred or starred[0].value.is_anything:
            return
        self.leading_stars += 1
        if self.leading_stars > MOST_LEADING_STARS:
            say = f"At most {MOST_LEADING_STARS} clauses may have a value that begins with a *."
            self.fail(say, starred[0].start, starred[0].end)

    # Values

    def scalars(self) -> list[_Scalar]:
        start = self.at
        self.refuse_later_values()
        if opened := self.take(_OPEN_LIST):
            scalars = self.listed(opened.start())
        else:
            scalars = [self.scalar(_BARE, _RUN)]
        self.expect_space(start)
        return scalars

    def refuse_later_values(self) -> None:
        if not self.run(self.at):
            say = "A value is missing here. A * stands for any value."
            self.fail(say, self.at, self.at, instead="*")
        if comparison := _COMPARISON.match(self.text, self.at):
            say = "Comparisons cannot be used yet. In quotes the value is taken as it is."
            self.fail_unquoted(say, *comparison.span())
        if range_ := _RANGE.match(self.text, self.at):
            self.fail("Ranges cannot be used yet.", *range_.span())

    def listed(self, start: int) -> list[_Scalar]:
        scalars: list[_Scalar] = []
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

    def scalar(self, bare: re.Pattern[str], run: re.Pattern[str]) -> _Scalar:
        if self.text[self.at] == '"':
            return self.string()
        found = self.take(bare)
        if not found:
            say = f"“{self.text[self.at]}” cannot stand here. To search for it, put it in quotes."
            self.fail_unquoted(say, self.at, self.at + 1, pattern=run)
        return _Scalar(Value(found[0]), *found.span())

    def string(self) -> _Scalar:
        string = self.take(_STRING)
        if not string:
            rest = self.text[self.at + 1 :]
            self.fail("The quotes are not closed.", self.at, len(self.text), instead=quote(rest))
        return _Scalar(Value(unquote(string[0]), quoted=True), *string.span())

    def expect_space(self, start: int) -> None:
        if not (rest := self.run(self.at)):
            return
        if self.text[start] in '"[':
            self.fail("A space is missing here.", self.at, self.at, instead=" ")
        say = f"“{rest[0]}” cannot stand here. To search for it, put the whole in quotes."
        self.fail_unquoted(say, self.at, self.at + 1, from_=start)

    def settled(self, scalar: _Scalar, settle: Callable[[Value], Value]) -> Value:
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

    def run(self, start: int, pattern: re.Pattern[str] = _RUN) -> str:
        found = pattern.match(self.text, start)
        return found[0] if found else ""

    def fail_unquoted(
        self,
        say: str,
        start: int,
        end: int,
        *,
        from_: int | None = None,
        pattern: re.Pattern[str] = _RUN,
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


def _field_with_key(name: str, key: str) -> str:
    if name == "related" and key in PARTS_OF_RELATED:
        return f"{name}.{quote(key)}"
    return f"{name}.{written_key(key)}"


def _looks_like_value(rest: str) -> bool:
    """Tell `team:ml` from `ValueError: boom`, `std::string` and `C:\\temp`."""
    return bool(rest) and not rest[0].isspace() and rest[0] not in ":\\"


def _field_says(field: Field, values: Sequence[Value], negated: bool) -> list[Part]:
    if any(value.is_anything for value in values):
        return [(field.denies_present if negated else field.says_present, False)]
    parts: list[Part] = [(field.denies if negated else field.says, False)]
    for value in values:
        if len(parts) > 1:
            parts.append((" or ", False))
        parts.append((value.typed, True))
    return parts
