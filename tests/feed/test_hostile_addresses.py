"""Whatever stands in an address, a page or the API says what is wrong with it, and never breaks."""

from urllib.parse import quote
from uuid import UUID

import pytest
from drf_spectacular.generators import SchemaGenerator

from apps.query.calendar import FIRST_MOMENT, LAST_MOMENT
from tests.feed.watching import draft, store

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

HERE = {"host": "127.0.0.1"}
ID = "00000000-0000-4000-8000-000000000001"
PAGES = {
    "/": ("q", "since", "until", "order", "after", "from", "to", "columns", "filter=any&value"),
    "/counted": ("q", "since", "until", "exact=1&since"),
    "/histogram": ("q", "since", "until", "by", "by=label&label"),
    "/facets": ("q", "since", "until", "field"),
    "/export": ("q", "since", "until", "from", "to", "format", "columns", "format=csv&columns"),
    "/views/counts": ("looking",),
    f"/events/{ID}": ("at",),
    "/suggest": ("field", "field=event&text", "field=resource&text"),
    "/complete": ("before",),
    "/understand": ("q",),
    "/api/events/filter/next": ("page-token",),
}
HOSTILE = [
    *(
        "\0",
        "a\0b",
        "label.\0",
        "label.a\0",
        'label."\0":x',
        "payload.\0:1",
        "event:\0",
        "chain:\0",
    ),
    *("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:00", "occurred:9999", "now-999999d"),
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:01Z", "0001-01-01T00:00:00+14:00", "occurred:0001"),
    *("99999999999999999999", "-1", "²", "١", "label.", "payload.", "label..", "[", '"', "("),
]
# A byte that is no text, and half of a character of two.
UNDECODABLE = ["%ff", "%ed%a0%80", "label.%ed%a0%80"]
WRITTEN = [*map(quote, HOSTILE), *UNDECODABLE]


def addresses():
    for path, parameters in PAGES.items():
        yield from (f"{path}?{parameter}=" for parameter in parameters)
    for path, methods in SchemaGenerator().get_schema(request=None, public=True)["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query":
                yield f"{path.format(id=ID)}?{parameter['name']}="


@pytest.fixture
def _events_at_both_ends_of_time():
    store(
        draft("a.b", id=UUID(ID), occurred=FIRST_MOMENT),
        draft("a.b", occurred=LAST_MOMENT),
    )


@pytest.mark.usefixtures("_events_at_both_ends_of_time")
def test_no_address_breaks_a_page_or_the_api(client, settings):
    settings.LOCAL_MODE = True
    client.raise_request_exception = False
    asked = [address + written for address in addresses() for written in WRITTEN]
    assert len(asked) > 1_500
    broken = [url for url in asked if client.get(url, headers=HERE).status_code >= 500]
    assert not broken
