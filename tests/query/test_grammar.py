"""The grammar once more, for a parser that is not ours: both take and refuse the same texts."""

from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import LarkError

from apps.query import QueryError, parse

# The texts are made of few fields and values, so that what is refused is refused for its syntax.
GRAMMAR = r"""
    query: _WS? [either _WS?]
    either: both (_WS OR _WS? both)*
    both: one (_WS [AND _WS?] one)*
    one: (SIGN | NOT _WS?)* (brackets | related | field | WORD | STRING)
    brackets: "(" _WS? either _WS? ")"

    related: "related(" _WS? r_either _WS? ")"
    r_either: r_both (_WS OR _WS? r_both)*
    r_both: r_one (_WS [AND _WS?] r_one)*
    r_one: (SIGN | NOT _WS?)* ("(" _WS? r_either _WS? ")" | R_NAME plain)

    field: E_NAME plain | P_NAME (plain | number | moment | n_span | m_span)
         | O_NAME (m_plain | moment | m_span)

    plain: BARE | STRING | "[" _WS? item (_COMMA item)* _COMMA? _WS? "]" | _choice{CHOICE}
    m_plain: MOMENT | STAR | "[" _WS? m_item (_COMMA m_item)* _COMMA? _WS? "]" | _choice{m_item}
    item: ITEM | STRING
    m_item: MOMENT | STAR
    _choice{of}: "(" _WS? of (_WS "OR" _WS of)* _WS? ")"
    number: THAN NUMBER
    moment: THAN MOMENT
    n_span: "[" _WS? (NUMBER _TO (NUMBER | STAR) | STAR _TO (NUMBER | STAR)) _WS? "]"
    m_span: "[" _WS? (MOMENT _TO (MOMENT | STAR) | STAR _TO (MOMENT | STAR)) _WS? "]"

    E_NAME: /(event|label\.k|name):/
    P_NAME: /payload\.n(\[\])*:/
    O_NAME: "occurred:"
    R_NAME: /(role|label\.k):/
    OR: /OR(?![^\s()])/
    AND: /AND(?![^\s()])/
    NOT: /NOT(?![^\s()])/
    SIGN: /[-!](?=\S)/
    THAN: /[<>]=?/
    _TO: /\s+TO\s+|\s*\.\.\s*/
    _COMMA: /\s*,\s*/
    _WS: /\s+/
    STAR: /\*+/
    STRING: /"[^"\\]*"/
    NUMBER: /[+-]?\d+(\.\d+)?/
    MOMENT: /[1-9]\d{3}(-(0[1-9]|1[0-2]))?(?!\d)/
    CHOICE: /(?!“)[^\s()"]+|"[^"\\]*"/
    ITEM: /(?!“)[^\s()"\[\],]+/
    BARE: /(?![<>\[“])[^\s()"]+/
    WORD: _LITERAL _PLAIN /(\*+|(?=[^\s()"]*[A-Za-z0-9])[^\s()"*]+\**)(?![^\s()])/
    _PLAIN: /(?![-!“])(?!(label|payload)[.\[][^\s()":]*:)/
    _LITERAL: /(?!(AND|OR|NOT)(?![^\s()]))(?!@?[^\W\d][\w-]*(\.[^\s()":\[\],.*]+(\[\])*)*:)/
"""
TOKENS = st.sampled_from(
    [
        *("a", "b*", '"p q"', "1", "5", "2026-11", "*", "x", "TO", ".."),
        *("event:", "label.k:", "payload.n:", "payload.n[]:", "occurred:", "name:", "role:"),
        *("label.:", "payload..n:", "payload.n[0]:", "related.label.k:", "“"),
        *("(", ")", "(", ")", "related(", "[", "]", ",", ">", "<=", "-", "!", "OR", "AND", "NOT"),
    ]
)
# Whole pieces too: by chance alone few texts would be right.
PIECES = st.sampled_from(
    [
        *("a ", "event:a ", "-label.k:[a,b] ", "payload.n:>5 ", "occurred:2026-11 ", "(a OR b) "),
        *("related(role:x label.k:a) ", "OR ", "NOT ", "payload.n:[1 TO 5] ", "event:(a OR b) "),
    ]
)
spaced = st.tuples(TOKENS, st.sampled_from(["", "", " ", "  "])).map("".join)
texts = st.lists(st.one_of(spaced, spaced, PIECES), max_size=9).map("".join)
oracle = Lark(GRAMMAR, start="query", parser="earley", lexer="dynamic")


@settings(max_examples=1_500, deadline=None)
@given(texts)
def test_what_we_read_is_what_the_grammar_allows(text: str):
    assert is_read(text) == is_allowed(text), text


def is_read(text: str) -> bool:
    try:
        parse(text)
    except QueryError:
        return False
    return True


def is_allowed(text: str) -> bool:
    try:
        oracle.parse(text)
    except LarkError:
        return False
    return True
