"""docs/query-language.md names everything that the code can read."""

import re
from pathlib import Path

import pytest

from apps.query import parse
from apps.query.fields import FIELDS, STATES, TESTS
from apps.query.parse import ALIASES, DEEPEST, MOST_CLAUSES, OF_ONE_RESOURCE
from apps.query.reading import LONGEST_TEXT, MOST_LEADING_STARS, MOST_VALUES
from apps.query.values import COMPARISONS

DOCS = (Path(__file__).parents[2] / "docs" / "query-language.md").read_text()
EXAMPLES = next(re.finditer(r"```\n(.*?)```", DOCS, re.DOTALL))[1].splitlines()
OPERATORS = ["OR", "AND", "NOT", "TO", "-", "!", "(", ")", "[", "]", "[]", "*", '"', "..", ","]


@pytest.mark.parametrize("name", [*FIELDS, *TESTS, *ALIASES, "has", "payload.PATH", "label.KEY"])
def test_every_field_stands_in_the_docs(name: str):
    assert re.search(rf"`[^`]*\b{re.escape(name)}:", DOCS)


@pytest.mark.parametrize("operator", [*OPERATORS, *COMPARISONS])
def test_every_operator_stands_in_the_docs(operator: str):
    assert re.search(rf"`[^`\n]*{re.escape(operator)}[^`\n]*`", DOCS)


@pytest.mark.parametrize(
    "name", [*(f"is:{state}" for state in STATES), *map("{}(…)".format, OF_ONE_RESOURCE)]
)
def test_every_state_and_every_group_stands_in_the_docs(name: str):
    assert f"`{name}" in DOCS


@pytest.mark.parametrize(
    "limit", [LONGEST_TEXT, MOST_CLAUSES, MOST_VALUES, MOST_LEADING_STARS, DEEPEST]
)
def test_every_limit_stands_in_the_docs(limit: int):
    assert f"{limit:,}" in DOCS


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_is_read(line: str):
    text, *_ = re.split(r"\s{3,}", line)
    assert parse(text).clauses


@pytest.mark.parametrize(
    "text",
    [
        text
        for text in re.findall(r"`([^`\n]+)`", DOCS.partition("## Grammar")[0])
        if re.match(r"-?[\w@.\"\[\]]+:[^\s…]", text) and "field:" not in text and "KEY" not in text
    ],
)
def test_whatever_the_docs_write_as_a_query_is_read(text: str):
    assert parse(text).clauses
