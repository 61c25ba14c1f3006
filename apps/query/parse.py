"""The reader of the query language: text in, Query or a QueryError that helps out.

query  = [ either ]
either = both { "OR" both }
both   = one { [ "AND" ] one }
one    = { "-" | "!" | "NOT" } ( "(" either ")" | about | field ":" value | word | string )
about  = ( "resource" | "related" | "any" ) "(" either ")"      what it says is of one resource
field  = name { "." ( segment | string ) { "[]" } }
value  = "*" | [ ">" | ">=" | "<" | "<=" ] scalar | range
       | "[" scalar { "," scalar } "]" | "(" scalar { "OR" scalar } ")"
range  = "[" scalar ( "TO" | ".." ) scalar "]"
scalar = string | bare
"""

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn

from apps.query.fields import (
    FIELDS,
    Field,
    Unfit,
    field_of,
    payload_field,
    test_of,
    written_path,
)
from apps.query.freetext import read_text, settle_text, text_says
from apps.query.one_resource import AllTests, AnyTest, NoTest, OneResource
from apps.query.payload import Path, is_measure, number_of, spells_more
from apps.query.query import Clause, Part, Query
from apps.query.reading import (
    BARE,
    LONGEST_TEXT,
    MOST_LEADING_STARS,
    MOST_VALUES,
    RUN,
    SPACE,
    QueryError,
    Reading,
)
from apps.query.tree import AllOf, Not, any_of
from apps.query.values import (
    PARTS_OF_RELATED,
    STRING,
    Said,
    Span,
    Value,
    quote,
    unquote,
    written_key,
    written_role,
)

__all__ = [
    "LONGEST_TEXT",
    "MOST_CLAUSES",
    "MOST_LEADING_STARS",
    "MOST_VALUES",
    "QueryError",
    "clause",
    "parse",
]

MOST_CLAUSES = 64
DEEPEST = 16
# More than these in one text, and what was meant is anyone's guess.
MOST_MISTAKES = 8

FIELD_NAMES = (*(name for name in FIELDS if "." not in name), "label", "payload", "has")
# What other tools call them.
ALIASES = {"name": "event", "tag": "related.tag"}
NAMES_ELSEWHERE = dict.fromkeys(("state", "status", "severity", "level"), "outcome")
# How the sentence begins to ask for one, and for none.
# Roles that many a system gives, Prefect's and OpenLineage's.
ROLES = (
    *("flow", "flow-run", "task-run", "deployment", "work-pool", "work-queue", "automation"),
    *("tag", "job", "input", "output"),
)
OF_ONE_RESOURCE = {
    "resource": ("whose resource is one ", "whose resource is not one "),
    "related": ("related to one resource ", "not related to any resource "),
    "any": ("about one resource ", "not about any resource "),
}

_AND = re.compile(r"AND(?![^\s()])\s*")
_OR = re.compile(r"OR(?![^\s()])\s*")
_NOT = re.compile(r"[-!](?=\S)|NOT(?![^\s()])\s*")
# A sign that touches nothing, before what it was surely meant for.
_LONE_SIGN = re.compile(r"([-!])\s+(?=\(|@?[^\W\d][\w.-]*[:(](?!//))")
_OPERATOR = re.compile(r"(?:AND|OR)(?![^\s()])")
_ABOUT = re.compile(r"(resource|related|any)\(")
# A space before the bracket, which `role:` gives away.
_ABOUT_APART = re.compile(r"(?:^|[\s(!-])(resource|related|any)(\s+)\([^()]*$")
_OPEN = re.compile(r"\(\s*")
_STEP = rf"\.(?:[^\s()\":\[\],.*]+|{STRING})(?:\[\])*"
_NAME = rf"(?P<name>@?[^\W\d][\w-]*)(?P<key>(?:{_STEP})*)"
_FIELD = re.compile(rf"{_NAME}:(?!//)", re.DOTALL)
_WHOLE_FIELD = re.compile(_NAME, re.DOTALL)
_SEGMENT = re.compile(rf"\.({STRING}|[^.\"\[]+)((?:\[\])*)", re.DOTALL)
# What was surely meant as a field: with a key missing, or one that has to be quoted.
_LIKE_FIELD = re.compile(
    rf"(?P<name>label|payload|related|@[^\W\d][\w-]*)(?P<key>[.\[](?:[^\s()\":]|{STRING})*):(?!//)",
    re.DOTALL,
)
_PLACE = re.compile(r"\[(?:\d+|\*)\]")
_STRING = re.compile(STRING, re.DOTALL)


def parse(text: str) -> Query:
    """Read a query; raise QueryError when it cannot be read."""
    try:
        return _read(text)
    except QueryError as error:
        error.suggestion = _readable(error.suggestion)
        raise


def _read(text: str) -> Query:
    return Query(text, tuple(_Reader(text).query()))


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


def clause(field: str, *values: str | Said, negated: bool = False) -> str:
    """Write a clause: `any:[a,b]`, with quotes where they are needed. A text is taken literally.

    The key of `label.KEY` and the role of `related.ROLE` are quoted too; only a role that is
    called id, name or role has to come in quotes: `related."name"`. The path of `payload.PATH`
    has to come as it is to be written.
    """
    given = [Value(one, quoted=True) if isinstance(one, str) else one for one in values]
    return _written(_written_field(field), given, negated)


def _written_field(field: str) -> str:
    name, dot, key = field.partition(".")
    if not dot or name == "payload" or field in FIELDS or _STRING.fullmatch(key):
        return field
    return _field_with_key(name, key)


def _written(field: str, values: Sequence[Said], negated: bool) -> str:
    spells = spells_more if field.startswith("payload.") else lambda _: False
    written = list(dict.fromkeys([value.written(spells) for value in values]))
    listed = written[0] if len(written) == 1 else f"[{','.join(written)}]"
    return f"{'-' if negated else ''}{field}:{listed}"


class _Joining(NamedTuple):
    """What fields are read as, and how that is joined: nodes, or tests of one resource."""

    all_of: Callable[[Sequence[Any]], Any]
    any_of: Callable[[Sequence[Any]], Any]
    negated: Callable[[Any], Any]


OF_EVENTS = _Joining(lambda nodes: AllOf(tuple(nodes)), lambda nodes: any_of(*nodes), Not)
OF_RESOURCES = _Joining(
    lambda tests: AllTests(tuple(tests)), lambda tests: AnyTest(tuple(tests)), NoTest
)


class _Reader(Reading):
    """Reads clauses from left to right."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.clauses = 0
        self.joining = OF_EVENTS

    def query(self) -> Sequence[Clause]:
        """Return what must all be true."""
        self.check_text()
        self.take(SPACE)
        if self.at == len(self.text):
            return ()
        alternatives = self.either()
        if self.at < len(self.text):
            self.fail_unopened()
        if len(alternatives) == 1:
            return alternatives[0]
        return (self.one_of(alternatives, 0, len(self.text.rstrip())),)

    def fail_unopened(self) -> NoReturn:
        say = "Nothing is opened that this ) could close."
        self.fail(say, self.at, self.at + 1, instead="")

    def either(self) -> list[list[Clause]]:
        """Read up to the end, or to the ) that closes."""
        alternatives = [self.both()]
        while joined := self.take(_OR):
            self.expect_more(joined.start())
            alternatives.append(self.both())
        return alternatives

    def both(self) -> list[Clause]:
        found: list[Clause] = []
        while not self.ended:
            if found and (joined := self.take(_AND)):
                self.expect_more(joined.start())
            elif found and _OR.match(self.text, self.at):
                break
            found += self.one()
            self.take(SPACE)
        if not found:
            if not self.depth:
                self.fail_unopened()
            self.fail("Nothing stands in the ( ).", self.at - 1, self.at + 1)
        return found

    @property
    def ended(self) -> bool:
        return self.at == len(self.text) or self.text[self.at] == ")"

    def one(self) -> Sequence[Clause]:
        """Read one clause; what stands in ( ) without more is as many as it holds."""
        start, negated = self.at, False
        while sign := self.take(_NOT):
            negated = not negated
            self.expect_more(sign.start())
        if lone := _LONE_SIGN.match(self.text, self.at):
            say = f"{lone[1]} touches what it negates."
            self.fail(say, *lone.span(), instead=lone[1])
        if operator := _OPERATOR.match(self.text, self.at):
            say = f"{operator[0]} stands between two clauses."
            self.fail(say, *operator.span(), instead=quote(operator[0]))
        if about := self.take(_ABOUT):
            return (self.about(about, start, negated),)
        if opened := self.take(_OPEN):
            return self.in_brackets(opened.start(), start, negated)
        if self.clauses == MOST_CLAUSES:
            self.fail(f"A query has at most {MOST_CLAUSES} clauses.", self.at, len(self.text))
        self.clauses += 1
        if field := self.take(_FIELD):
            return (self.field_clause(field, start, negated),)
        return (self.text_clause(start, negated),)

    def expect_more(self, operator_start: int) -> None:
        if self.ended:
            operator = self.text[operator_start : self.at].strip()
            self.fail(f"Nothing follows {operator}.", operator_start, self.at, instead="")

    # What is joined

    def in_brackets(self, opened: int, start: int, negated: bool) -> Sequence[Clause]:
        alternatives = self.closed(opened)
        if len(alternatives) == 1 and not negated:
            return alternatives[0]
        return (self.one_of(alternatives, start, self.at, negated=negated),)

    def closed(self, opened: int) -> list[list[Clause]]:
        """Read what stands in brackets, and the ) behind it."""
        if self.depth == DEEPEST:
            self.fail(f"Brackets stand at most {DEEPEST} deep.", opened, self.at)
        self.depth += 1
        self.take(SPACE)
        if self.at == len(self.text):
            self.fail("The ( is not closed.", opened, self.at, instead="")
        alternatives = self.either()
        if self.at == len(self.text):
            self.fail("The ( is not closed.", opened, self.at, instead=f"{self.text[opened:]})")
        self.at += 1
        self.depth -= 1
        self.expect_space(opened)
        return alternatives

    def one_of(
        self,
        alternatives: Sequence[Sequence[Clause]],
        start: int,
        end: int,
        *,
        negated: bool = False,
    ) -> Clause:
        """Return clauses, of which one list must all be true, as one."""
        joined = [self.joining.all_of([one.node for one in both]) for both in alternatives]
        node = self.joining.any_of(joined) if len(joined) > 1 else joined[0]
        text = " OR ".join([" ".join([one.text for one in both]) for both in alternatives])
        return Clause(
            text=f"{'-' if negated else ''}({text})",
            start=start,
            end=end,
            negated=negated,
            field=None,
            values=(),
            node=self.joining.negated(node) if negated else node,
            says=tuple(_one_of_says(alternatives, negated)),
            parts=tuple([one for both in alternatives for one in both]),
        )

    def about(self, found: re.Match[str], start: int, negated: bool) -> Clause:
        """Read `related( )` and its like, within which all is asked of one resource."""
        if self.joining is OF_RESOURCES:
            self.fail("Within one resource no other can be asked for.", *found.span())
        if self.clauses == MOST_CLAUSES:
            self.fail(f"A query has at most {MOST_CLAUSES} clauses.", self.at, len(self.text))
        self.joining = OF_RESOURCES
        alternatives = self.closed(found.end() - 1)
        inner = self.one_of(alternatives, found.end(), self.at)
        self.joining = OF_EVENTS
        node = OneResource(found[1], inner.node)
        says = (OF_ONE_RESOURCE[found[1]][negated], False)
        return Clause(
            text=f"{'-' if negated else ''}{found[1]}{inner.text}",
            start=start,
            end=self.at,
            negated=negated,
            field=f"{found[1]}()",
            values=(),
            node=Not(node) if negated else node,
            says=(says, *_of_one_says(inner)),
            parts=inner.parts,
        )

    # Text

    def text_clause(self, start: int, negated: bool) -> Clause:
        if self.joining is OF_RESOURCES:
            self.fail_of_one_resource(self.at, self.at + len(self.run(self.at, BARE)))
        if like := _LIKE_FIELD.match(self.text, self.at):
            self.fail_like_field(like)
        scalar = self.scalar(BARE, RUN)
        self.expect_space(scalar.start)
        value = self.settled(scalar, settle_text)
        assert isinstance(value, Value)
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

    def fail_like_field(self, like: re.Match[str]) -> NoReturn:
        name, key = like["name"], like["key"]
        if _PLACE.search(key):
            say = "A query names no place in an array: [] looks into each."
            self.fail(say, *like.span(), instead=f"{name}{_PLACE.sub('[]', key)}:")
        mended = re.sub(r"\.{2,}", ".", key).rstrip(".")
        if mended != key:
            self.fail("A key is missing here.", *like.span(), instead=f"{name}{mended}:")
        say = f'A key with other than letters, digits and dashes is quoted: {name}."a,b":x'
        self.fail(say, *like.span(), instead=f"{name}.{quote(key.lstrip('.'))}:")

    def fail_of_one_resource(self, start: int, end: int) -> NoReturn:
        self.fail("Of one resource can be asked: id:, name:, role: and label.KEY:", start, end)

    # Fields

    def field_clause(self, found: re.Match[str], start: int, negated: bool) -> Clause:
        name, field = self.field(found)
        scalars = self.scalars(ordered="" if field.leads else found["name"])
        # A value that is said twice is asked once.
        values = list(dict.fromkeys([self.settled(one, field.settle) for one in scalars]))
        nodes = [field.read(value) for value in values]
        node = self.joining.any_of(nodes) if len(nodes) > 1 else nodes[0]
        return Clause(
            text=_written(name, values, negated),
            start=start,
            end=self.at,
            negated=negated,
            field=name,
            values=tuple(values),
            node=self.joining.negated(node) if negated else node,
            says=tuple(_field_says(field, values, negated)),
        )

    def field(self, found: re.Match[str]) -> tuple[str, Field]:
        """Return the field with its name as it is written."""
        name, steps = found["name"], _steps(found["key"])
        if self.joining is OF_RESOURCES:
            return self.field_of_one_resource(found, name, steps)
        if name == "has" and not steps:
            return name, Field(self.read_presence, "with ", "without ", settle=self.settle_presence)
        if name == "payload" or name[0] == "@":
            return self.payload(found, name, steps)
        if name in ALIASES and not steps:
            name, _, key = ALIASES[name].partition(".")
            steps = [key] if key else []
        field = self.known(found, name, steps)
        return field if field else self.fail_unknown(found)

    def known(self, found: re.Match[str], name: str, steps: list[str | None]) -> Any:
        quoted = '"' in found["key"]
        if name in OF_ONE_RESOURCE and not found["key"].startswith('."'):
            self.check_parts(found, name, steps)
        if name == "related" and len(steps) == 1 and steps[0] in PARTS_OF_RELATED and not quoted:
            whole = f"{name}.{steps[0]}"
            return whole, FIELDS[whole]
        if not steps:
            field = field_of(name, None)
            return (name, field) if field else None
        if None in steps:
            self.fail("[] stands in the path of a payload only.", *found.span())
        key = ".".join([step for step in steps if step is not None])
        field = field_of(name, key)
        return (_field_with_key(name, key), field) if field else None

    def check_parts(self, found: re.Match[str], name: str, steps: Sequence[str | None]) -> None:
        """Refuse `resource.label.team:x` with what is meant: `resource(label.team:x)`."""
        is_label = len(steps) > 1 and steps[0] == "label" and None not in steps
        is_part = name != "related" and len(steps) == 1 and steps[0] in PARTS_OF_RELATED
        if not is_label and not is_part:
            return
        asked = found["key"].removeprefix(".")
        first = self.at
        self.scalars(ordered="")
        value, rest = self.text[first : self.at], self.text[self.at :]
        say = f"What one resource has is asked in brackets: {name}({asked}:…)"
        suggestion = f"{self.text[: found.start()]}{name}({asked}:{value}){rest}"
        raise QueryError(say, *found.span(), suggestion)

    def field_of_one_resource(
        self, found: re.Match[str], name: str, steps: list[str | None]
    ) -> tuple[str, Field]:
        key = ".".join(["[]" if step is None else step for step in steps]) if steps else None
        field = test_of(name, key)
        if field is None:
            self.fail_of_one_resource(*found.span())
        return (name if key is None else f"{name}.{written_key(key)}"), field

    def payload(
        self, found: re.Match[str], name: str, steps: list[str | None]
    ) -> tuple[str, Field]:
        if name[0] == "@":
            steps = [name[1:], *steps]
        if not steps:
            say = "What stands in a payload is asked by its path: payload.order.total:>100"
            self.fail(say, *found.span())
        path = Path(tuple(steps))
        return f"payload.{written_path(path)}", payload_field(path)

    # Presence: `has:label.team` asks what `label.team:*` asks.

    def settle_presence(self, said: Said) -> Value:
        assert isinstance(said, Value)
        name, _ = self.present(said.text)
        return Value(name, quoted=True)

    def read_presence(self, value: Value) -> Any:
        return self.present(value.text)[1].read(Value("*"))

    def present(self, text: str) -> tuple[str, Field]:
        found = _WHOLE_FIELD.fullmatch(text)
        if found and found["name"] not in ("has", "is", "id"):
            steps = _steps(found["key"])
            try:
                if found["name"] == "payload" or found["name"][0] == "@":
                    return self.payload(found, found["name"], steps)
                if field := self.known(found, found["name"], steps):
                    return field
            except QueryError:
                pass
        raise Unfit(
            f"“{text}” cannot be asked for."
            " Write has:follows, has:label.team or has:payload.error.",
            _near_field(text),
        )

    # Fields that there are not

    def fail_unknown(self, found: re.Match[str]) -> NoReturn:
        name, rest, span = found["name"], found["key"], found.span()
        if name == "label":
            self.fail("A label is written with its key: label.team:payments", *span)
        if name in FIELD_NAMES:
            self.fail(f"“{name}” has no parts.", *span, instead=f"{name}:")
        if name == "role" and not rest:
            self.fail_role(*span)
        say = f"There is no field “{name}”."
        near = NAMES_ELSEWHERE.get(name) or _near(name, (*FIELD_NAMES, *ROLES))
        if near in ROLES:
            near = None if rest else f"related.{near}"
        if near:
            self.fail(f"{say} Did you mean “{near}”?", *span, instead=f"{near}{rest}:")
        value = self.text[self.at :]
        if _looks_like_measured(value):
            path = f"payload.{name}{rest}:"
            self.fail(f"{say} A value of the payload is asked by {path}…", *span, instead=path)
        if _looks_like_value(value):
            label = f"label.{name}{rest}:"
            self.fail(f"{say} A label is written {label}…", *span, instead=label)
        self.fail_unquoted(f"{say} To search for the text, put it in quotes.", *span)

    def fail_role(self, start: int, end: int) -> NoReturn:
        if apart := _ABOUT_APART.search(self.text[:start]):
            which, (first, last) = apart[1], apart.span(2)
            say = f"The bracket touches what it is asked of: {which}(role:…)"
            self.fail(say, first, last, instead="")
        say = "A role is of a related resource: related.role:…"
        self.fail(say, start, end, instead="related.role:")


def _near(name: str, names: Sequence[str]) -> str | None:
    return next(iter(get_close_matches(name.lower(), names, n=1, cutoff=0.7)), None)


def _near_field(text: str) -> str | None:
    """Return what stands in `has:`, mended, when it is nearly something."""
    name, dot, key = text.partition(".")
    near = _near(name, FIELD_NAMES)
    return f"{near}{dot}{key}" if near and near != name else None


def _steps(key: str) -> list[str | None]:
    steps: list[str | None] = []
    for text, brackets in _SEGMENT.findall(key):
        steps.append(unquote(text) if text[0] == '"' else text)
        steps += [None] * (len(brackets) // 2)
    return steps


def _field_with_key(name: str, key: str) -> str:
    return f"{name}.{written_role(key) if name == 'related' else written_key(key)}"


def _looks_like_value(rest: str) -> bool:
    """Tell `team:ml` from `ValueError: boom`, `std::string` and `C:\\temp`."""
    return bool(rest) and not rest[0].isspace() and rest[0] not in ":\\"


def _looks_like_measured(rest: str) -> bool:
    """Tell what labels do not hold: comparisons, numbers and ranges."""
    value = rest.split(maxsplit=1)[0] if rest and not rest[0].isspace() else ""
    return (
        value.startswith(("<", ">"))
        or is_measure(value)
        or (number_of(value) is not None)
        or bool(re.match(r"\[[\d*]+(?:\.\.|\s+TO\b)", rest))
    )


def _one_of_says(alternatives: Sequence[Sequence[Clause]], negated: bool) -> list[Part]:
    """Say alternatives, each of several in brackets, which shows how AND and OR bind."""
    parts: list[Part] = [("not (" if negated else "", False)]
    for place, both in enumerate(alternatives):
        if place:
            parts.append((" or ", False))
        in_brackets = len(both) > 1 and len(alternatives) > 1
        if in_brackets:
            parts.append(("(", False))
        for at, one in enumerate(both):
            parts += [(", " if at else "", False), *one.says]
        if in_brackets:
            parts.append((")", False))
    return [*parts, (")" if negated else "", False)]


def _of_one_says(inner: Clause) -> Sequence[Part]:
    """Say what is asked of one resource; in brackets, where the end of that could be missed."""
    is_one = len(inner.parts) == 1 and (inner.parts[0].negated or not inner.parts[0].parts)
    return inner.says if is_one else (("(", False), *inner.says, (")", False))


def _field_says(field: Field, values: Sequence[Said], negated: bool) -> list[Part]:
    if any(value.is_anything for value in values):
        return [(field.denies_present if negated else field.says_present, False)]
    parts: list[Part] = [(field.denies if negated else field.says, False)]
    for value in values:
        if len(parts) > 1:
            parts.append((" or ", False))
        parts += _value_says(field, value)
    notes = dict.fromkeys(note for value in values if (note := field.note(value)))
    return [*parts, (f" ({'; '.join(notes)})", False)] if notes else parts


def _value_says(field: Field, value: Said) -> list[Part]:
    if isinstance(value, Span):
        if value.low and value.high:
            return [
                ("from ", False),
                (value.low.typed, True),
                (" to ", False),
                (value.high.typed, True),
            ]
        end = value.low or value.high
        assert end
        return [("from " if value.low else "up to ", False), (end.typed, True)]
    lead = field.leads(value) if field.leads else ""
    return [(lead, False), (field.written(value), True)]
