"""What is asked of one and the same resource: all that stands within `related( )`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from apps.query import lexemes
from apps.query.glob import Glob
from apps.query.lexemes import quoted
from apps.query.terms import ID, NAME, ROLE, Terms, display_name
from apps.query.tree import Happened, Node, Predicate, Sql
from apps.query.values import Value

Labels = Mapping[str, str]
Holds = Callable[[Labels], bool]

PRIMARY = "resource"
RELATED = "related"
EITHER = "any"


class Test(ABC):
    """One thing asked of a resource."""

    @abstractmethod
    def sql(self, one: str) -> Sql:
        """Say it of a jsonb of labels."""

    @abstractmethod
    def holds(self) -> Holds: ...

    def narrowed(self, which: str) -> str | None:
        """Say to the index what every event fulfils that has such a resource."""
        return None


@dataclass(frozen=True)
class Labelled(Test):
    """With this label, of this value when one is given."""

    key: str
    value: Value

    def sql(self, one: str) -> Sql:
        if self.value.is_anything:
            return Sql(f"{one} ->> %s::text IS NOT NULL", [self.key])
        return Sql(f"{one} ->> %s::text LIKE %s", [self.key, self._glob.like()])

    def holds(self) -> Holds:
        key, matches = self.key, self._glob.matches
        return lambda labels: key in labels and matches(labels[key])

    def narrowed(self, which: str) -> str | None:
        if self.key == NAME:
            return None  # not written down: the name that is shown may come from elsewhere
        mark, parts = _mark(which, self.key)
        if self.value.is_anything:
            return f"{quoted(lexemes.beginning(mark, *parts))}:*" if parts else None
        if not self.value.is_glob:
            lexeme = lexemes.lexeme(mark, *parts, self.value.text)
            # The role stands behind an id.
            return f"{quoted(lexeme + lexemes.SEPARATOR)}:*" if _has_more(mark) else quoted(lexeme)
        head, _ = lexemes.part_beginning(self._glob.head)
        return f"{quoted(lexemes.beginning(mark, *parts) + head)}:*" if head or parts else None

    @property
    def _glob(self) -> Glob:
        return Glob.parse(self.value.text) if self.value.is_glob else Glob((self.value.text,))


def _mark(which: str, key: str) -> tuple[str, tuple[str, ...]]:
    """Return the mark of the lexeme that tells of a label, and the parts before its value."""
    if key == ID:
        return (lexemes.PRIMARY_ID if which == PRIMARY else lexemes.RELATED_ID), ()
    if key == ROLE and which == RELATED:
        return lexemes.ROLE, ()
    return (lexemes.PRIMARY_LABEL if which == PRIMARY else lexemes.RELATED_LABEL), (key,)


def _has_more(mark: str) -> bool:
    return mark in (lexemes.RELATED_ID, lexemes.RELATED_NAME)


@dataclass(frozen=True)
class Named(Test):
    """Shown by this name."""

    value: Value

    def sql(self, one: str) -> Sql:
        if self.value.is_anything:
            return Sql("TRUE", [])
        return Sql(f"{_DISPLAY_NAME.format(one=one)} = %s", [self.value.text])

    def holds(self) -> Holds:
        if self.value.is_anything:
            return lambda _: True
        name = self.value.text
        return lambda labels: display_name(labels) == name

    def narrowed(self, which: str) -> str | None:
        if self.value.is_anything:
            return None
        if which == PRIMARY:
            return quoted(lexemes.lexeme(lexemes.PRIMARY_NAME, self.value.text))
        return f"{quoted(lexemes.beginning(lexemes.RELATED_NAME, self.value.text))}:*"


# What `display_name` says.
_DISPLAY_NAME = (
    "coalesce(nullif({one} ->> 'prefect.resource.name', ''), nullif({one} ->> 'prefect.name', ''),"
    " nullif({one} ->> 'prefect-cloud.name', ''),"
    " nullif(substring({one} ->> 'prefect.resource.id' FROM CASE"
    " WHEN position('/' IN {one} ->> 'prefect.resource.id') > 0 THEN '[^/]*$'"
    " ELSE '[^.]*$' END), ''),"
    " {one} ->> 'prefect.resource.id')"
)


@dataclass(frozen=True)
class AllTests(Test):
    tests: tuple[Test, ...]

    def sql(self, one: str) -> Sql:
        return _joined(" AND ", [test.sql(one) for test in self.tests])

    def holds(self) -> Holds:
        tests = [test.holds() for test in self.tests]
        return lambda labels: all(test(labels) for test in tests)

    def narrowed(self, which: str) -> str | None:
        said = [told for test in self.tests if (told := test.narrowed(which))]
        return f"({' & '.join(said)})" if said else None


@dataclass(frozen=True)
class AnyTest(Test):
    tests: tuple[Test, ...]

    def sql(self, one: str) -> Sql:
        return _joined(" OR ", [test.sql(one) for test in self.tests])

    def holds(self) -> Holds:
        tests = [test.holds() for test in self.tests]
        return lambda labels: any(test(labels) for test in tests)

    def narrowed(self, which: str) -> str | None:
        told = [test.narrowed(which) for test in self.tests]
        said = [one for one in told if one]
        return f"({' | '.join(said)})" if said and len(said) == len(told) else None


@dataclass(frozen=True)
class NoTest(Test):
    test: Test

    def sql(self, one: str) -> Sql:
        text, params = self.test.sql(one)
        return Sql(f"({text}) IS NOT TRUE", params)

    def holds(self) -> Holds:
        test = self.test.holds()
        return lambda labels: not test(labels)


@dataclass(frozen=True)
class OneResource(Node):
    """There is one resource of this kind of which all is true."""

    which: str
    test: Test

    def narrowed(self) -> str | None:
        if self.which != EITHER:
            return self.test.narrowed(self.which)
        told = [self.test.narrowed(which) for which in (PRIMARY, RELATED)]
        said = [one for one in told if one]
        return f"({' | '.join(said)})" if len(said) == len(told) else None

    def where(self) -> Sql:
        conditions = []
        if self.which != RELATED:
            conditions.append(self.test.sql("resource"))
        if self.which != PRIMARY:
            text, params = self.test.sql("one")
            related = f"EXISTS (SELECT FROM jsonb_array_elements(related) one WHERE {text})"
            conditions.append(Sql(related, params))
        return _joined(" OR ", conditions)

    def predicate(self) -> Predicate:
        holds, which = self.test.holds(), self.which

        def has_one(event: Happened, _: Terms) -> bool:
            if which != RELATED and holds(event.resource):
                return True
            return which != PRIMARY and any(map(holds, event.related))

        return has_one


def _joined(operator: str, conditions: Sequence[Sql]) -> Sql:
    text = operator.join([f"({sql.text})" for sql in conditions])
    return Sql(f"({text})", [param for sql in conditions for param in sql.params])
