"""The language: what is read, how it is written back and said, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.query import Clause, Query, QueryError, Value, clause, parse
from apps.query.parse import (
    DEEPEST,
    LONGEST_TEXT,
    MOST_CLAUSES,
    MOST_LEADING_STARS,
    MOST_VALUES,
)
from tests.query.told import CHARACTERS, PIECES, texts

IN_QUOTES = "To search for the text, put it in quotes."
OF_ONE = "Of one resource can be asked: id:, name:, role: and label.KEY:"
OUTCOMES = "failed, completed, running, waiting, information"
TIME = "2026-11-21T03:41:35Z"
CURLY_QUOTES = 'These quotes are curly. A query is quoted by straight ones: "…"'
NO_STAR = "A name is matched whole, so * does not work in it. It does in related.id:"
LEADING_STARS = f"At most {MOST_LEADING_STARS} values may begin with a *."
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
        (f"chain:{ONE}", f"chain:{ONE}", f"Events in one chain with {ONE}"),
        ("source:stripe", "source:stripe", "Events sent by stripe"),
        ("is:LATE", "is:late", "Events that are late"),
        ("name:a.b", "event:a.b", "Events named a.b"),
        ("tag:nightly", "related.tag:nightly", "Events related to tag nightly"),
        ("@order.total:5", "payload.order.total:5", "Events with payload order.total = 5"),
        ("payload.a.b:x*", "payload.a.b:x*", "Events with payload a.b = x*"),
        ('payload."a.b"[].c:x', 'payload."a.b"[].c:x', 'Events with payload "a.b"[].c = x'),
        ("payload.n:>=-1.5", "payload.n:>=-1.5", "Events with payload n at least -1.5"),
        ("payload.n:[1..5]", "payload.n:[1 TO 5]", "Events with payload n from 1 to 5"),
        ("payload.n:[1 TO *]", "payload.n:[1 TO *]", "Events with payload n from 1"),
        ("payload.n:[* TO *]", "payload.n:*", "Events with a payload n"),
        ("payload.run_ms:<2s", "payload.run_ms:<2s", "Events with payload run_ms under 2s"),
        ("-payload.n:*", "-payload.n:*", "Events without a payload n"),
        (
            "occurred:>=2026-11",
            "occurred:>=2026-11",
            "Events that occurred since 2026-11 (UTC)",
        ),
        (
            "-received:[now-2h TO now-1h]",
            "-received:[now-2h TO now-1h]",
            "Events not received from now-2h to now-1h",
        ),
        ("occurred:today", "occurred:today", "Events that occurred today (UTC)"),
        (
            "occurred:[2026-11-21T12 TO now]",
            "occurred:[2026-11-21T12 TO now]",
            "Events that occurred from 2026-11-21T12 to now (UTC)",
        ),
        (
            "occurred:>2026-11-21T12:00+05:30",
            "occurred:>2026-11-21T12:00+05:30",
            "Events that occurred after 2026-11-21T12:00+05:30",
        ),
        (
            "payload.due:<2026-11-21",
            "payload.due:<2026-11-21",
            "Events with payload due before 2026-11-21 (UTC)",
        ),
        ("payload.run_ms:2.5s", "payload.run_ms:2.5s", "Events with payload run_ms = 2.5s"),
        (
            "payload.items.0.sku:x",
            "payload.items.0.sku:x",
            "Events with payload items.0.sku = x (0 is a key; [] looks into an array)",
        ),
        ('related."label.a":x', 'related."label.a":x', "Events related to label.a x"),
        ("payload.n:>2026", "payload.n:>2026", "Events with payload n over 2026"),
        ("has:label.team", "has:label.team", "Events with label.team"),
        (
            "-has:[payload.error,follows]",
            "-has:[payload.error,follows]",
            "Events without payload.error or follows",
        ),
        ("a OR b", "(a OR b)", "Events with the word a or with the word b"),
        (
            "a b OR -c",
            "(a b OR -c)",
            "Events (with the word a, with the word b) or without the word c",
        ),
        (
            "(a OR b) (c d)",
            "(a OR b) c d",
            "Events with the word a or with the word b, with the word c, with the word d",
        ),
        ("-(a b)", "-(a b)", "Events not (with the word a, with the word b)"),
        ("NOT (a)", "-(a)", "Events not (with the word a)"),
        ("event:(a OR b)", "event:[a,b]", "Events named a or b"),
        (
            "related(role:flow label.team:ml)",
            "related(role:flow label.team:ml)",
            "Events related to one resource (in role flow, with label team = ml)",
        ),
        (
            "-any(id:a* OR -name:b)",
            "-any(id:a* OR -name:b)",
            "Events not about any resource (with id a* or not named b)",
        ),
        ("resource(id:a*)", "resource(id:a*)", "Events whose resource is one with id a*"),
        ("-resource(id:a)", "-resource(id:a)", "Events whose resource is not one with id a"),
        (
            "related(role:flow) label.team:ml",
            "related(role:flow) label.team:ml",
            "Events related to one resource in role flow, with label team = ml",
        ),
        (
            "any((role:flow OR role:tag)) OR c",
            "(any((role:flow OR role:tag)) OR c)",
            "Events about one resource (in role flow or in role tag) or with the word c",
        ),
        ("payload.n:5", "payload.n:5", "Events with payload n = 5"),
        ('payload.n:[5,"5"]', 'payload.n:[5,"5"]', 'Events with payload n = 5 or = "5"'),
        ('-payload.n:"null"', '-payload.n:"null"', 'Events without payload n = "null"'),
        ("occurred:2026-11", "occurred:2026-11", "Events that occurred in 2026-11 (UTC)"),
        ("-occurred:yesterday", "-occurred:yesterday", "Events that did not occur yesterday (UTC)"),
        (
            "received:2026-11-21T12",
            "received:2026-11-21T12",
            "Events received at 2026-11-21T12 (UTC)",
        ),
        (
            "resource(label.a:* -role:b)",
            "resource(label.a:* -role:b)",
            "Events whose resource is one (with a label a, not in role b)",
        ),
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
        (
            "team:ml",
            "There is no field “team”. A label is written label.team:…",
            "team:",
            "label.team:ml",
        ),
        (
            "flow:nightly",
            "There is no field “flow”. Did you mean “related.flow”?",
            "flow:",
            "related.flow:nightly",
        ),
        (
            "task_run:x",
            "There is no field “task_run”. Did you mean “related.task-run”?",
            "task_run:",
            "related.task-run:x",
        ),
        (
            "related (role:flow label.team:ml)",
            "The bracket touches what it is asked of: related(role:…)",
            " ",
            "related(role:flow label.team:ml)",
        ),
        (
            "role:flow",
            "A role is of a related resource: related.role:…",
            "role:",
            "related.role:flow",
        ),
        (
            "event:(a b) c",
            "The values of one field are written event:[a,b] or event:(a OR b).",
            "(a b)",
            "event:[a,b] c",
        ),
        (
            "has:folows",
            "“folows” cannot be asked for. Write has:follows, has:label.team or has:payload.error.",
            "folows",
            "has:follows",
        ),
        (
            "has:lable.team",
            "“lable.team” cannot be asked for."
            " Write has:follows, has:label.team or has:payload.error.",
            "lable.team",
            "has:label.team",
        ),
        (
            "outcome:error",
            f"There is no outcome “error”: it is one of {OUTCOMES}.",
            "error",
            "outcome:failed",
        ),
        (
            "outcome:Success",
            f"There is no outcome “Success”: it is one of {OUTCOMES}.",
            "Success",
            "outcome:completed",
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
        (
            "payload:5",
            "What stands in a payload is asked by its path: payload.order.total:>100",
            "payload:",
            None,
        ),
        (
            "amount:>100",
            "There is no field “amount”. A value of the payload is asked by payload.amount:…",
            "amount:",
            "payload.amount:>100",
        ),
        ("severity:x", "There is no field “severity”. Did you mean “outcome”?", "severity:", None),
        ("payload.n:>x", "“x” is neither a number nor a time, so it has no order.", ">x", None),
        (
            "payload.n:>2s",
            "The name “n” does not say in which unit it is: write the number alone.",
            ">2s",
            None,
        ),
        (
            "payload.n:[1 TO 2026-11-01]",
            "A range goes from a number to a number, or from a time to a time.",
            "[1 TO 2026-11-01]",
            None,
        ),
        (
            "payload.n:[1 TO ]",
            "A range is written [10 TO 500], with * for an open end.",
            "[1 TO ]",
            "payload.n:[1 TO *]",
        ),
        (
            "payload.n:[1 TO",
            "A range is written [10 TO 500], with * for an open end.",
            "[1 TO",
            "payload.n:[1 TO *]",
        ),
        (
            "related.label.team:[ml,data] x",
            "What one resource has is asked in brackets: related(label.team:…)",
            "related.label.team:",
            "related(label.team:[ml,data]) x",
        ),
        (
            'resource.label."a b":c',
            'What one resource has is asked in brackets: resource(label."a b":…)',
            'resource.label."a b":',
            'resource(label."a b":c)',
        ),
        (
            "any.id:x*",
            "What one resource has is asked in brackets: any(id:…)",
            "any.id:",
            "any(id:x*)",
        ),
        ("label.:x", "A key is missing here.", "label.:", None),
        ("payload.:x", "A key is missing here.", "payload.:", None),
        ("payload..a:x", "A key is missing here.", "payload..a:", "payload.a:x"),
        ("-@a..b:x", "A key is missing here.", "@a..b:", "-@a.b:x"),
        (
            "payload.items[0].sku:x",
            "A query names no place in an array: [] looks into each.",
            "payload.items[0].sku:",
            "payload.items[].sku:x",
        ),
        (
            "label.a,b:x",
            'A key with other than letters, digits and dashes is quoted: label."a,b":x',
            "label.a,b:",
            'label."a,b":x',
        ),
        ("event:“rv.n”", CURLY_QUOTES, "“", 'event:"rv.n"'),
        ("„card declined” x", CURLY_QUOTES, "„", '"card declined" x'),
        ("event:[a,“b c”]", CURLY_QUOTES, "“", 'event:[a,"b c"]'),
        ("- event:rv.n", "- touches what it negates.", "- ", "-event:rv.n"),
        ("a ! (b)", "! touches what it negates.", "! ", "a !(b)"),
        ("payload.n:>", "Nothing follows >.", ">", "payload.n:*"),
        (
            "occurred:noon",
            "“noon” is no time. Write 2026-11-21, 2026-11, 2026-11-21T14:30, today, yesterday or"
            " now-15m.",
            "noon",
            None,
        ),
        (
            "has:x",
            "“x” cannot be asked for. Write has:follows, has:label.team or has:payload.error.",
            "x",
            None,
        ),
        ("is:lte", "There is no state “lte”: it is one of late, warned.", "lte", "is:late"),
        ("label.a[]:x", "[] stands in the path of a payload only.", "label.a[]:", None),
        ("OR a", "OR stands between two clauses.", "OR", '"OR" a'),
        ("a OR", "Nothing follows OR.", "OR", "a"),
        ("(a OR )", "Nothing follows OR.", "OR ", "(a )"),
        ("AND a", "AND stands between two clauses.", "AND", '"AND" a'),
        ("a AND", "Nothing follows AND.", "AND", "a"),
        ("a NOT", "Nothing follows NOT.", "NOT", "a"),
        ("(a", "The ( is not closed.", "(a", "(a)"),
        ("(a b) c)", "Nothing is opened that this ) could close.", ")", "(a b) c"),
        ("()", "Nothing stands in the ( ).", "()", None),
        ("(a)b", "A space is missing here.", "", "(a) b"),
        ("related(event:x)", OF_ONE, "event:", None),
        ("related(x)", OF_ONE, "x", None),
        (
            "related(any(id:x))",
            "Within one resource no other can be asked for.",
            "any(",
            None,
        ),
        (
            "main()",
            "“(” cannot stand here. To search for it, put the whole in quotes.",
            "(",
            '"main()"',
        ),
        (
            "label.n:>5",
            "“label” has no order. In quotes the value is taken as it is.",
            ">",
            'label.n:">5"',
        ),
        (
            "label.n:[1 TO 5]",
            "“label” has no order, so no range of it can be asked for.",
            "[1 TO 5]",
            None,
        ),
        (
            "label.n:[1..5]",
            "“label” has no order, so no range of it can be asked for.",
            "[1..5]",
            None,
        ),
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
        (f"resource:[{','.join(f'*{one}' for one in range(9))}]", LEADING_STARS),
        ("(" * 17 + "a" + ")" * 17, f"Brackets stand at most {DEEPEST} deep."),
        (f"({'a ' * 40}) OR ({'b ' * 25})", f"A query has at most {MOST_CLAUSES} clauses."),
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
    return [value.text for value in clause.values if isinstance(value, Value)]


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
    assert parse("a b OR c").with_clause("d") == "(a b OR c) d"
    assert parse("(a b) c").without(parse("(a b) c").clauses[0]) == "b c"


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
     "OR ", " OR ", "NOT ", "related(", "any(", "role:x", "payload.a[].b:", "@a.b:", "has:",
     "is:late", "occurred:", "now-1h", "2026-11", "<=", "5", "event:", "label.k:", "related.flow:",
     "related.name:", "outcome:", "id:", ONE,
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
    assert [one.node for one in again.clauses] == [one.node for one in query.clauses]


def refused_or_read(text: str) -> Query | QueryError:
    try:
        return parse(text)
    except QueryError as error:
        return error


NOON, DAY = datetime(2026, 11, 21, 12, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("occurred:2026-11-20 event:a", DAY, DAY + timedelta(days=1)),
        ("occurred:>=2026-11-20 occurred:<now-1h", DAY, NOON - timedelta(hours=1)),
        ("occurred:[2026-11-20 TO *]", DAY, None),
        ("-occurred:2026-11-20", None, None),
        ("occurred:2026-11-20 OR a", None, None),
        ("received:2026-11-20", None, None),
    ],
)
def test_a_query_knows_within_which_time_all_that_matches_occurred(
    text: str, since: datetime | None, until: datetime | None
) -> None:
    query = parse(text)
    assert query.occurred_within(NOON) == (since, until)
    assert query.names_times
