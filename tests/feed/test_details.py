"""What a system's adapter tells of an event is drawn on the event's page."""

from collections.abc import Iterator, Sequence

import pytest
from django.test import Client

from apps.events.details import (
    TELLERS,
    Block,
    Cell,
    Code,
    Facts,
    Failure,
    Table,
    register_details,
)
from tests.feed.watching import draft, store

pytestmark = pytest.mark.django_db

SYSTEM = "a-system-of-this-test"
BLOCKS: Sequence[Block] = (
    Failure("No such table: <b>orders</b>", code="E42", kind="user", stack="line 1\nline 2"),
    Facts(
        "Attempt",
        [
            ("Attempt", Cell("2")),
            ("Logs", Cell("pod", href="https://logs.example/pod")),
            ("Output", Cell("s3://bucket/key", href="s3://bucket/key")),
            ("Script", Cell("click", href="javascript:alert(1)")),
            ("Flow", Cell("etl", query='any:"flow.etl"')),
            ("Size", Cell("1.0 MiB", hint="1,048,576 bytes")),
        ],
    ),
    Table("Schema", ["Column", "Type"], [[Cell("id"), Cell("int")], [Cell("who"), Cell("text")]]),
    Code("SQL", "sql", "SELECT '<i>' FROM orders"),
    Code("Unknown", "no-such-language", "a < b"),
)


@pytest.fixture(autouse=True)
def teller() -> Iterator[None]:
    register_details(SYSTEM, lambda event: BLOCKS)
    yield
    del TELLERS[SYSTEM]


@pytest.fixture
def page(client: Client, settings) -> str:
    settings.LOCAL_MODE = True
    told = draft("acme.table.lost", system=SYSTEM, payload={"a": 1})
    store(told)
    return client.get(f"/events/{told.id}").text


def test_an_error_shows_its_code_kind_message_and_stack(page: str):
    for said in ("E42", "user", "No such table: &lt;b&gt;orders&lt;/b&gt;", "line 1\nline 2"):
        assert said in page


def test_only_web_addresses_become_links_out(page: str):
    assert 'href="https://logs.example/pod"' in page
    assert 'href="s3:' not in page
    assert "javascript:" not in page


def test_a_value_filters_the_feed_with_it_and_without_it(page: str):
    assert 'href="/?q=any:%22flow.etl%22"' in page
    assert 'href="/?q=-any:%22flow.etl%22"' in page


def test_a_short_size_tells_the_exact_one(page: str):
    assert '<bdi title="1,048,576 bytes">1.0 MiB</bdi>' in page


def test_a_table_has_a_head_and_its_rows(page: str):
    assert '<th scope="col">Column</th>' in page
    assert "<bdi>who</bdi>" in page


def test_sql_is_coloured_and_escaped(page: str):
    assert '<span class="code-k">SELECT</span>' in page
    assert "&lt;i&gt;" in page
    assert "<i>" not in page


def test_a_language_nobody_knows_stays_plain(page: str):
    assert "a &lt; b" in page
