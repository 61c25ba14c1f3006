"""What choosing in a filter, or pressing an outcome, writes into the query."""

import pytest

from apps.feed.asked import choose, chosen, toggle
from apps.query import parse


@pytest.mark.parametrize(
    ("text", "values", "written"),
    [
        pytest.param("", ["prefect.flow-run.*"], "event:prefect.flow-run.*", id="a prefix"),
        pytest.param("", ["a.b", "a.*"], "event:[a.b,a.*]", id="a name and a prefix"),
        pytest.param("", ["card declined"], 'event:"card declined"', id="a name with a space"),
        pytest.param("", ['"a*b"'], 'event:"a*b"', id="a star held by quotes"),
        pytest.param("x event:a y", ["b"], "x event:b y", id="in its old place"),
        pytest.param("x event:a", [], "x", id="nothing any more"),
    ],
)
def test_choosing_writes_the_clause(text: str, values: list[str], written: str) -> None:
    assert choose(parse(text), "event", values) == written


@pytest.mark.parametrize("text", ["event:[a.*,b]", 'event:"a*b"', "any:*", 'any:"two words"'])
def test_what_is_chosen_is_written_again_as_it_was(text: str) -> None:
    query = parse(text)
    field = str(query.clauses[0].field)
    assert choose(query, field, chosen(query, field)) == text


def test_pressing_twice_changes_nothing() -> None:
    once = toggle(parse("event:a.*"), "outcome", "failed")
    assert once == "event:a.* outcome:failed"
    assert toggle(parse(once), "outcome", "failed") == "event:a.*"


def test_the_sentence_tells_a_star_from_a_glob() -> None:
    assert parse('event:"a.*"').sentence() != parse("event:a.*").sentence()
