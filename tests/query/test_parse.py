"""The language: what is read, how it is written back and said, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.query import Clause, Query, QueryError, clause, parse
from apps.query.parse import LONGEST_TEXT, MOST_CLAUSES, MOST_LEADING_STARS, MOST_VALUES
from tests.query.told import CHARACTERS, PIECES, texts

IN_QUOTES = "To search for the text, put it in quotes."
GROUPS = "Groups in ( ) cannot be used yet. " + IN_QUOTES
LIST = "A list means any of: event:[a,b]"
OUTCOMES = "failed, completed, running, waiting, information"
TIME = "2026-11-21T03:41:35Z"
NO_STAR = "A name is matched whole, so * does not work in it. It does in related.id:"
LEADING_STARS = f"At most {MOST_LEADING_STARS} clauses may have a value that begins with a *."
ONE = "01a1fc31-f720-7bfc-b6c7-a6af914a5100"


@pytest.mark.parametrize(
    ("text", "canonical", "sentence"),
    [
        ("", "", "All events"),
        ("  ", "", "All events"),
        ("*", "*", "Events with anything"),
        ("failed", "failed", "Events with the word failed"),
        ("-failed", "-failed", "Events without the word failed"),
        ("NOT failed", "-failed", "Events without the word failed"),
        ("!failed", "-failed", "Events without the word failed"),
        ("NOT -!failed", "-failed", "Events without the word failed"),
        ('"card  declined"', '"card  declined"', "Events with the words card  declined"),
        ("time*", "time*", "Events with a word beginning with time"),
        ("a AND b", "a b", "Events with the word a, with the word b"),
        ("http://x.y/z?a=b", "http://x.y/z?a=b", "Events with the words http://x.y/z?a=b"),
        ("12:30", "12:30", "Events with the words 12:30"),
        ("event:a.b", "event:a.b", "Events named a.b"),
        ("event:[a.b, c.*,]", "event:[a.b,c.*]", "Events named a.b or c.*"),
        ("event:[a,a]", "event:a", "Events named a"),
        ('event:["a"]', "event:a", "Events named a"),
        ('event:"a*"', 'event:"a*"', 'Events named "a*"'),
        ("event:*", "event:*", "Events with anything"),
        ("-resource:a", "-resource:a", "Events whose resource is not a"),
        ("related:a", "related:a", "Events related to a"),
        ("related.flow:a", "related.flow:a", "Events related to flow a"),
        ('related."name":a', 'related."name":a', "Events related to name a"),
        ("related.name:a", "related.name:a", "Events related to one named a"),
        ("related.role:flow", "related.role:flow", "Events with a related flow"),
        ("-related:*", "-related:*", "Events without related resources"),
        ("any:[a,b]", "any:[a,b]", "Events about a or b"),
        ("label.team:ml", "label.team:ml", "Events with label team = ml"),
        ("-label.env:*", "-label.env:*", "Events without a label env"),
        ('label."a b":c', 'label."a b":c', "Events with label a b = c"),
        ('label.a."b c":"d e"', 'label."a.b c":"d e"', "Events with label a.b c = d e"),
        ("label.app.io/name:x", "label.app.io/name:x", "Events with label app.io/name = x"),
        (
            "label.url:http://x:1/?a",
            "label.url:http://x:1/?a",
            "Events with label url = http://x:1/?a",
        ),
        (
            "outcome:[FAILED,waiting]",
            "outcome:[failed,waiting]",
            "Events with outcome failed or waiting",
        ),
        ("system:prefect", "system:prefect", "Events from prefect"),
        (f"id:{ONE.upper()}", f"id:{ONE}", f"Events with id {ONE}"),
        (f"id:{ONE.replace('-', '')}", f"id:{ONE}", f"Events with id {ONE}"),
        (f"follows:{ONE}", f"follows:{ONE}", f"Events that follow {ONE}"),
        ("-follows:*", "-follows:*", "Events that follow no other"),
    ],
)
def test_is_read(text: str, canonical: str, sentence: str) -> None:
    query = parse(text)
    assert query.canonical == canonical
    assert "".join(part for part, _ in query.sentence()) == sentence


def test_the_sentence_stresses_what_was_asked() -> None:
    assert parse("outcome:failed -any:[a,b]").sentence() == [
        ("Events with outcome ", False),
        ("failed", True),
        (", not about ", False),
        ("a", True),
        (" or ", False),
        ("b", True),
    ]


@pytest.mark.parametrize(
    ("text", "say", "at", "suggestion"),
    [
        (
            "lable.team:ml",
            "There is no field “lable”. Did you mean “label”?",
            "lable.team:",
            "label.team:ml",
        ),
        ("x name:a", "There is no field “name”. Did you mean “event”?", "name:", "x event:a"),
        (
            "team:ml",
            "There is no field “team”. A label is written label.team:…",
            "team:",
            "label.team:ml",
        ),
        (
            "ValueError: no",
            "There is no field “ValueError”. " + IN_QUOTES,
            "ValueError:",
            '"ValueError:" no',
        ),
        ("std::string", "There is no field “std”. " + IN_QUOTES, "std:", '"std::string"'),
        ("label:x", "A label is written with its key: label.team:payments", "label:", None),
        ("event.a:x", "“event” has no parts.", "event.a:", "event:x"),
        ("payload.x:5", "The field “payload” cannot be used yet.", "payload.x:", None),
        ("source:x", "The field “source” cannot be used yet.", "source:", None),
        ("a OR b", "OR between clauses cannot be used yet. " + LIST, "OR", 'a "OR" b'),
        ("AND a", "AND stands between two clauses.", "AND", '"AND" a'),
        ("a AND", "Nothing follows AND.", "AND", "a"),
        ("a NOT", "Nothing follows NOT.", "NOT", "a"),
        ("(a)", GROUPS, "(", '"(a)"'),
        ("related(role:x)", GROUPS, "related(", '"related(role:x)"'),
        (
            "main()",
            "“(” cannot stand here. To search for it, put the whole in quotes.",
            "(",
            '"main()"',
        ),
        (
            "label.n:>5",
            "Comparisons cannot be used yet. In quotes the value is taken as it is.",
            ">",
            'label.n:">5"',
        ),
        ("label.n:[1 TO 5]", "Ranges cannot be used yet.", "[1 TO 5]", None),
        ("label.n:[1..5]", "Ranges cannot be used yet.", "[1..5]", None),
        ("event: a", "A value is missing here. A * stands for any value.", "", "event:* a"),
        ("event:[a b]", "A comma is missing in the list.", "", "event:[a, b]"),
        ("event:[a", "The list is not closed.", "[a", "event:[a]"),
        ("event:[", "The list is not closed.", "[", "event:*"),
        (
            "lable.a:(x outcome:faild",
            "There is no field “lable”. Did you mean “label”?",
            "lable.a:",
            'label.a:"(x" outcome:failed',
        ),
        ("event:[]", "The list is empty.", "[]", "event:*"),
        (
            "event:[(]",
            "“(” cannot stand here. To search for it, put it in quotes.",
            "(",
            'event:["("]',
        ),
        ('"abc', "The quotes are not closed.", '"abc', '"abc"'),
        ('"a"b', "A space is missing here.", "", '"a" b'),
        (
            "outcome:faild",
            f"There is no outcome “faild”: it is one of {OUTCOMES}.",
            "faild",
            "outcome:failed",
        ),
        ("id:123", "“123” is not a whole UUID.", "123", None),
        ("follows:x*", "“x*” is not a whole UUID.", "x*", None),
        ("related.name:x*", NO_STAR, "x*", None),
        ("*time", "In text a * can only end a word.", "*time", "time"),
        ("a - b", "“-” has no letter or digit to search for.", "-", "a  b"),
        (TIME, "Times are not searched as words: use the time range.", TIME, ""),
        ("a\0b", "No event can hold this character, so it cannot be searched for.", "\0", "ab"),
        (
            "a\ud800",
            "No event can hold this character, so it cannot be searched for.",
            "\ud800",
            "a",
        ),
    ],
)
def test_is_refused(text: str, say: str, at: str, suggestion: str | None) -> None:
    with pytest.raises(QueryError) as refused:
        parse(text)
    error = refused.value
    assert (error.say, text[error.start : error.end], error.suggestion) == (say, at, suggestion)


@pytest.mark.parametrize(
    ("text", "say"),
    [
        ("a" * 2_001, f"A query has at most {LONGEST_TEXT:,} characters; this one has 2,001."),
        ("a " * 65, f"A query has at most {MOST_CLAUSES} clauses."),
        (
            f"event:[{'a,' * 150}] event:[{'b,' * 51}]",
            f"A query has at most {MOST_VALUES} values in all its fields together.",
        ),
        ("event:*a " * 9, LEADING_STARS),
    ],
)
def test_has_limits(text: str, say: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse(text)
    assert refused.value.say == say


def test_allows_what_the_limits_allow() -> None:
    parse("a" * 2_000)
    parse("a " * 64)
    parse("event:*a " * 8 + "event:* " * 8)


def values_of(clause: Clause) -> list[str]:
    return [value.text for value in clause.values]


def test_clauses_know_their_place() -> None:
    query = parse('  event:a   NOT "b c" ')
    assert [query.text[clause.start : clause.end] for clause in query.clauses] == [
        "event:a",
        'NOT "b c"',
    ]
    event, phrase = query.clauses
    assert (event.field, values_of(event), event.negated) == ("event", ["a"], False)
    assert (phrase.field, values_of(phrase), phrase.negated) == (None, ["b c"], True)
    assert event.alone().canonical == event.alone().text == "event:a"


def test_text_is_edited_by_clause() -> None:
    query = parse("a AND event:[b, c] AND NOT d")
    assert query.without(query.clauses[1]) == "a NOT d"
    assert query.without(query.clauses[2]) == "a event:[b, c]"
    assert query.with_clause("outcome:failed") == "a AND event:[b, c] AND NOT d outcome:failed"
    assert query.with_clause("event:[b,c]") == query.text
    assert parse("").with_clause("a") == "a"


@pytest.mark.parametrize(
    ("field", "values", "text"),
    [
        ("any", ("a", "b"), "any:[a,b]"),
        ("any", ("a*",), 'any:"a*"'),
        ("label.a b", ("x",), 'label."a b":x'),
        ("label.a.b", ("",), 'label.a.b:""'),
        ("related.flow", ("//x",), 'related.flow:"//x"'),
        ('related."name"', ("x",), 'related."name":x'),
        ("related.name", ("x",), "related.name:x"),
    ],
)
def test_a_clause_is_written(field: str, values: tuple[str, ...], text: str) -> None:
    assert clause(field, *values) == text
    assert parse(text).canonical == text


@given(key=texts.filter(lambda key: not key.startswith('"')), values=st.lists(texts, min_size=1))
def test_a_written_clause_is_read_as_it_was_meant(key: str, values: list[str]) -> None:
    written = clause(f"label.{key}", *values, negated=True)
    if len(written) <= LONGEST_TEXT:
        (read,) = parse(written).clauses
        assert read.text == written
        assert read.negated
        assert values_of(read) == list(dict.fromkeys(values))


SYNTAX = st.sampled_from(
    [" ", "-", "!", ":", "*", "[", "]", ",", '"', "\\", "(", ")", ">", "..", "//", " TO ", "AND ",
     "OR ", "NOT ", "event:", "label.k:", "related.flow:", "related.name:", "outcome:", "id:", ONE,
     "failed", "\0", "\ud800"]
)  # fmt: skip
SCRIBBLES = st.lists(st.one_of(SYNTAX, st.sampled_from(PIECES), st.text(CHARACTERS)), max_size=12)


@given(SCRIBBLES.map("".join))
def test_anything_is_read_or_refused_with_its_place(text: str) -> None:
    query = refused_or_read(text)
    if isinstance(query, QueryError):
        assert 0 <= query.start <= query.end <= len(text)
        assert query.suggestion != text
        if query.suggestion is not None:
            parse(query.suggestion)
        return
    again = parse(query.canonical)
    assert again.canonical == query.canonical
    assert again.sql() == query.sql()


def refused_or_read(text: str) -> Query | QueryError:
    try:
        return parse(text)
    except QueryError as error:
        return error
