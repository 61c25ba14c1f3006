"""Columns of the list: any label, any place in the payload, the same on the page and live."""

import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from channels.db import database_sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.events import log
from apps.events.log import head_sync
from apps.feed import rows
from apps.feed.columns import BadColumn, read_columns, written
from apps.feed.hub import Hub
from tests.feed.watching import Watcher, draft, store, store_soon

ID = "prefect.resource.id"
ROLE = "prefect.resource.role"

head = database_sync_to_async(head_sync)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("label.team", ("team",)),
        ("label.prefect.resource.name", ("prefect.resource.name",)),
        ('label."a, b"', ("a, b",)),
        ("payload.duration_ms", ("duration_ms",)),
        ("payload.steps.0.name", ("steps", "0", "name")),
        ('payload."host.name".x', ("host.name", "x")),
        ('payload."say ""', None),
        ("payload.a..b", None),
        ("payload.", None),
        ("team", None),
        (f"label.{'k' * 300}", None),
    ],
)
def test_a_column_is_a_label_or_a_place_in_the_payload(text, path):
    if path is None:
        with pytest.raises(BadColumn, match=r"write label\.KEY or payload\.PATH"):
            read_columns(text)
    else:
        [column] = read_columns(text)
        assert column.path == path
        assert column.text == text


def test_columns_are_written_as_they_are_read():
    text = 'label.team,label."a,b",payload."host.name".x'
    assert written(read_columns(text)) == text
    assert written(read_columns(" label.team , ,label.team,")) == "label.team"


def test_a_list_has_room_for_eight():
    with pytest.raises(BadColumn, match="room for 8 columns; these are 9"):
        read_columns(",".join(f"label.k{n}" for n in range(9)))


@pytest.fixture
def page(client, settings, db):
    settings.LOCAL_MODE = True

    def read(*, status: int = 200, **params: str) -> str:
        answer = client.get("/", params)
        assert answer.status_code == status
        return answer.content.decode()

    return read


def cells(html: str) -> list[list[str]]:
    """Return what stands in the cells of each row."""
    found = re.findall(r'<dl class="cells">(.*?)</dl>', html, re.S)
    return [
        [unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<dd>(.*?)</dd>", row)]
        for row in found
    ]


TEAM = {ID: "acme.invoice.1", "team": "billing"}
OF_TEAM = [{ID: "acme.job.1", ROLE: "job", "team": "ml"}, {ID: "x", ROLE: "y", "team": "web"}]


@pytest.mark.parametrize(
    ("columns", "told", "shown"),
    [
        ("label.team", {"resource": TEAM, "related": OF_TEAM}, "billing"),
        ("label.team", {"related": OF_TEAM}, "ml"),
        ("label.team", {}, "–"),
        ("payload.ms", {"payload": {"ms": 12.5}}, "12.5"),
        ("payload.a.b", {"payload": {"a": {"b": "deep"}}}, "deep"),
        ("payload.a.1", {"payload": {"a": ["x", "y"]}}, "y"),
        ("payload.a.7", {"payload": {"a": ["x", "y"]}}, "–"),
        ("payload.a", {"payload": {"a": {"b": [1]}}}, '{"b": [1]}'),
        ("payload.a", {"payload": {"a": None}}, "null"),
        ("payload.a", {"payload": {"a": False}}, "false"),
        ("payload.a", {"payload": {"a": "long" * 100}}, "long" * 29 + "lon…"),
        ("payload.a", {"payload": {"a": '<b>"&'}}, '<b>"&'),
    ],
)
def test_a_row_shows_what_the_event_has_there(page, columns, told, shown):
    store(draft(**told))
    assert cells(page(columns=columns)) == [[shown]]


def test_a_column_is_called_by_its_ending_where_that_is_no_others(page):
    store(draft())
    html = page(columns="label.prefect.state-type,payload.a.type,payload.b.type")
    called = ["state-type", "payload.a.type", "payload.b.type"]
    assert re.findall(r"<dt>(.*?)</dt>", html) == called
    assert re.findall(r'<li><bdi title="[^"]*">(.*?)</bdi>', html) == called


def test_a_payload_too_large_for_a_list_is_not_read(page):
    noise = [f"{n * 7919 % 104729:x}" for n in range(60_000)]
    store(draft(payload={"a": 1, "noise": noise}))
    assert cells(page(columns="payload.a")) == [["…"]]


def test_columns_stand_in_the_place_of_related_resources(page):
    store(draft(related=OF_TEAM))
    assert 'class="pills"' in page()
    html = page(columns="label.team,payload.ms")
    assert 'class="pills"' not in html
    assert cells(html) == [["ml", "–"]]


@pytest.mark.parametrize(
    ("columns", "value"),
    [
        ("label.team", {"resource": TEAM}),
        ("payload.ms", {"payload": {"ms": 12.5}}),
        ("payload.a.b", {"payload": {"a": {"b": 'deep, and "quoted"'}}}),
        ("payload.a.1", {"payload": {"a": ["x", "y"]}}),
        ("payload.a", {"payload": {"a": False}}),
        ('payload."host.name"', {"payload": {"host.name": "web-1"}}),
    ],
)
def test_a_cell_leads_to_events_with_the_same(page, columns, value):
    store(draft(**value), draft())
    [href] = re.findall(r'<dd><a href="([^"]*)"', page(columns=columns))
    assert len(cells(page(**dict(parse_qsl(urlsplit(unescape(href)).query))))) == 1


def test_what_a_row_links_to_refines_what_is_asked(page):
    store(draft(resource=TEAM, related=OF_TEAM, payload={"sku": "AB & 1"}))
    asked = {"q": "event:a OR event:invoice.*", "since": "now-7d"}
    added = []
    for columns in ({}, {"columns": "payload.sku,label.team"}):
        row = page(**asked, **columns).partition('<li class="row"')[2].partition("</li>\n</ol>")[0]
        hrefs = re.findall(r'<a\b[^>]*href="(/\?[^"]*)" data-clause', row)
        for told in (dict(parse_qsl(urlsplit(unescape(href)).query)) for href in hrefs):
            added.append(told.pop("q").removeprefix("(event:a OR event:invoice.*) "))
            assert told == {name: value for name, value in asked.items() if name != "q"} | columns
    of_pills = ["any:acme.invoice.1", "any:acme.job.1", "any:x"]
    assert added == [*of_pills, "any:acme.invoice.1", 'payload.sku:"AB & 1"', "label.team:billing"]


def test_what_is_asked_already_is_not_asked_twice(page):
    store(draft(resource=TEAM))
    [href] = re.findall(r'class="name" href="([^"]*)"', page(q="any:acme.invoice.1"))
    assert href == "/?q=any:acme.invoice.1"


def test_rows_are_drawn_once_for_each_set_of_columns(page):
    store(draft())
    rows._drawn.clear()
    for columns in ("", "label.team", "", "label.team"):
        page(columns=columns)
    assert [columns for _, columns in rows._drawn] == [(), read_columns("label.team")]


def test_payloads_are_read_only_for_columns_that_look_into_them(page):
    store(draft(payload={"ms": 1}))
    for columns, reads in (("", 0), ("label.team", 0), ("payload.ms", 1)):
        with CaptureQueriesContext(connection) as asked:
            page(columns=columns)
        assert sum("payload" in query["sql"] for query in asked) == reads


def test_every_link_keeps_the_columns(page):
    store(draft(resource=TEAM))
    html = page(columns="label.team", q="invoice.paid")
    for link in re.findall(r'href="(/\?[^"]*(?:since|order|outcome)[^"]*)"', html):
        assert "columns=label.team" in link
    assert '<input type="hidden" name="columns" value="label.team">' in html


def test_the_chooser_offers_the_labels_of_these_events(page):
    store(draft(resource=TEAM))
    html = page(columns="payload.ms")
    assert 'value="payload.ms" checked' in html
    assert 'value="label.team">' in html
    assert 'value="label.prefect.resource.id"' not in html


def test_a_form_says_each_column_in_a_field_of_its_own(client, settings, db):
    settings.LOCAL_MODE = True
    answer = client.get("/?q=paid&columns=label.team&columns=payload.ms&columns=")
    assert answer.url == "/?q=paid&columns=label.team,payload.ms"


def test_a_text_that_is_no_column_is_explained(page):
    assert "“team” is no column: write label.KEY" in page(columns="team", status=400)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_log")
async def test_live_rows_have_the_columns_of_their_viewer():
    hub = Hub()
    html = {"format": "html"}
    team, ms = {**html, "columns": "label.team"}, {**html, "columns": "payload.ms,label.team"}
    async with Watcher(hub, asks=html) as plain, Watcher(hub, asks=team) as labels:
        await plain.until_told("ok")
        await labels.until_told("ok")
        await store_soon(draft(resource=TEAM, payload={"ms": 1}))
        await labels.until_rows(1)
        assert not hub.reads_payload
        async with Watcher(hub, asks=ms) as payloads:
            await payloads.until_told("ok")
            await store_soon(draft(resource=TEAM, payload={"ms": 2}))
            await payloads.until_rows(1)
            await plain.until_rows(2)
    assert cells(plain.rows[0]["html"]) == []
    assert cells(labels.rows[0]["html"]) == [["billing"]]
    assert [cells(row["html"]) for row in payloads.rows] == [[["2", "billing"]]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_log")
async def test_rows_missed_meanwhile_have_the_columns_too():
    place = await head()
    await store_soon(draft(payload={"ms": 3}))
    asks = {"format": "html", "columns": "payload.ms", "from": str(place)}
    async with Watcher(Hub(), asks=asks) as back:
        await back.until_rows(1)
    assert cells(back.rows[0]["html"]) == [["3"]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_log")
async def test_what_was_read_without_payloads_is_read_again_for_who_looks_into_them(monkeypatch):
    hub, handed = Hub(), []
    hub.position = await head()
    await store_soon(draft(payload={"ms": 4}))

    async def somebody_comes(*_):
        hub.viewers.add(Watcher(hub, asks={"format": "html", "columns": "payload.ms"}).viewer)

    def hand_out(events):
        handed.extend(event.__dict__.get("payload") for event in events)
        hub.position = events[-1].position

    monkeypatch.setattr(hub.sources, "learn", somebody_comes)
    monkeypatch.setattr(hub, "hand_out", hand_out)
    async with await log.connect() as connection:
        await hub.read_up(connection)
    assert handed == [{"ms": 4}]
