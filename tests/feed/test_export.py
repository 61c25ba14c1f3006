"""An export tells all that is searched, in memory that does not grow, and never silently less."""

import asyncio
import csv
import io
import json
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from html import unescape
from io import StringIO
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from channels.db import database_sync_to_async
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import AsyncClient

from apps.accounts.models import Scope, Token
from apps.events.models import Event, Source
from apps.feed import export_views
from apps.feed.export import Export, Wanted
from apps.feed.export_formats import FORMATS, harmless
from apps.query import Outcome, parse
from eventfeed.asgi import pages
from tests.feed.watching import draft, store
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

HOST = {"host": "127.0.0.1"}
EXPORT = {
    "type": "http",
    "method": "GET",
    "path": "/export",
    "query_string": b"",
    "headers": [(b"host", b"testserver")],
}


@pytest.fixture
def local(settings):
    settings.LOCAL_MODE = True


def whole(export):
    parts = []
    while part := export.part():
        parts.append(part)
    return b"".join(parts)


def exported(q="", form="ndjson", **wanted):
    return whole(Export(Wanted(parse(q), **wanted), FORMATS[form]))


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


async def answer_to(path, **asked):
    answer: Any = await AsyncClient().get(path, asked)
    assert answer.status_code == 200, answer.content
    body = b"".join([part async for part in answer.streaming_content])
    return answer, body


def test_everything_that_matches_is_told_newest_first():
    now = datetime.now(UTC)
    ids = store(*(draft(number=n, occurred=now - timedelta(seconds=n)) for n in range(2_500)))
    told = objects(exported())
    assert [event["id"] for event in told] == list(map(str, ids))


def test_the_query_and_the_times_narrow():
    now = datetime.now(UTC)
    store(draft("a.b", occurred=now - timedelta(hours=2)), draft("a.c"))
    [wanted] = store(draft("a.b", occurred=now - timedelta(minutes=2)))
    told = objects(exported("event:a.b", since=now - timedelta(hours=1)))
    assert [event["id"] for event in told] == [str(wanted)]


def test_a_line_is_the_event_as_the_api_tells_it(local, client):
    [id] = store(draft(payload={"n": 1, "text": "ä\n"}, message="said", follows=uuid4()))
    [told] = objects(exported())
    assert told == client.get(f"/api/events/{id}", headers=HOST).json()


@pytest.mark.parametrize("path", ["/export", "/api/events/export"])
async def test_both_doors_answer_a_file(local, path):
    [id] = await database_sync_to_async(store)(draft())
    answer, body = await answer_to(path)
    assert answer["Content-Type"] == "application/x-ndjson"
    assert answer["Content-Disposition"].endswith('.ndjson"')
    assert [event["id"] for event in objects(body)] == [str(id)]
    answer, body = await answer_to(path, format="csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert body.startswith(b"id,occurred,received,event,outcome,system,source,")


async def test_what_accepts_anything_is_answered_all_the_same(local):
    accepts = {"accept": "application/x-ndjson"}
    answer = await AsyncClient().get("/api/events/export", headers=accepts)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"q": "evnt:x"}, "q"),
        ({"format": "xml"}, "format"),
        ({"since": "yester"}, "since"),
        ({"from": "1.2"}, "from"),
    ],
)
def test_a_mistake_is_told_before_anything_else(local, client, asked, field):
    answer = client.get("/api/events/export", asked, headers=HOST)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    page = client.get("/export", asked, headers=HOST)
    assert page.status_code == 400
    assert 'role="alert"' in page.content.decode()


def test_strangers_get_nothing(client, settings):
    settings.LOCAL_MODE = False
    assert client.get("/api/events/export").status_code == 401
    assert client.get("/export").url.startswith("/sign-in")
    _, secret = Token.make("a sender", scopes=[Scope.INGEST])
    barred = client.get("/api/events/export", headers={"authorization": f"Bearer {secret}"})
    assert barred.status_code == 403


def test_csv_has_a_column_for_each_thing():
    [id] = store(
        draft(
            "a.b",
            occurred=datetime(2026, 11, 21, 14, tzinfo=UTC),
            resource={"prefect.resource.id": "acme.1", "prefect.resource.name": 'The "first", one'},
            related=[{"prefect.resource.id": "acme.2", "prefect.resource.role": "payer"}],
            payload={"n": [1, None]},
            message="two\nlines",
            outcome=Outcome.FAILED,
        )
    )
    [row] = csv.DictReader(io.StringIO(exported(form="csv").decode(), newline=""))
    assert row.pop("received").endswith("Z")
    assert json.loads(row.pop("payload")) == {"n": [1, None]}
    assert row == {
        "id": str(id),
        "occurred": "2026-11-21T14:00:00.000000Z",
        "event": "a.b",
        "outcome": "failed",
        "system": "custom",
        "source": "tests",
        "resource_id": "acme.1",
        "resource_name": 'The "first", one',
        "related": "payer=acme.2",
        "message": "two\nlines",
    }


CHOSEN = "label.team,payload.order.total,payload.items.1,payload.note,label.nobody"


async def test_csv_has_the_columns_that_the_page_shows(local):
    payer = {"prefect.resource.id": "acme.2", "prefect.resource.role": "payer", "team": "=SUM(A1)"}
    payload = {"order": {"total": -12.5}, "items": ["a", {"b": None}], "note": "x" * 500}
    await database_sync_to_async(store)(draft(related=[payer], payload=payload), draft("bare"))
    page: Any = await AsyncClient().get("/", {"columns": CHOSEN})
    hrefs = re.findall(r'href="(/export[^"]*)"', page.content.decode())
    [path] = [unescape(href) for href in hrefs if "format=csv" in href]
    for door in (path, path.replace("/export", "/api/events/export")):
        _, body = await answer_to(door)
        bare, full = csv.DictReader(io.StringIO(body.decode(), newline=""))
        chosen = CHOSEN.split(",")
        assert [*full][-5:] == chosen
        said = ["'=SUM(A1)", "-12.5", '{"b": null}', "x" * 500, ""]
        assert [full[name] for name in chosen] == said
        assert [bare[name] for name in chosen] == [""] * 5


def test_a_column_that_is_none_is_refused_before_the_file(local, client):
    refused = client.get("/api/events/export?format=csv&columns=team", headers=HOST)
    assert refused.json()["error"]["field"] == "columns"
    assert client.get("/export?format=csv&columns=team", headers=HOST).status_code == 400


def test_a_csv_of_nothing_has_its_head():
    assert exported(form="csv").startswith(b"id,occurred,")
    assert exported() == b""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_spreadsheet_runs_what_a_sender_wrote(start):
    assert harmless(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"
    store(draft(f"{start}SUM(A1)"))
    assert f"'{start}SUM(A1)".encode() in exported(form="csv")


@pytest.mark.parametrize("number", ["-5", "-5.25", "-1e-07"])
def test_a_negative_number_stays_one(number):
    assert harmless(number) == number
    assert harmless(f"{number}+A1") == f"'{number}+A1"


def test_memory_does_not_grow_with_what_is_told():
    page = [draft(number=n, payload={"text": "x" * 2_000}) for n in range(500)]
    peaks = []
    for rounds in (2, 12):
        for _ in range(rounds):
            store(*(fresh(one) for one in page))
        export = Export(Wanted(parse("")), FORMATS["ndjson"])
        export.part()
        tracemalloc.start()
        while export.part():
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5
    assert peaks[1] < 20_000_000


def fresh(one):
    return msgspec.structs.replace(one, id=uuid4(), occurred=datetime.now(UTC))


def test_large_payloads_are_told_a_few_at_a_time():
    noise = [uuid4().hex * 30_000 for _ in range(4)]
    store(*(draft(payload={"text": text}) for text in noise))
    export = Export(Wanted(parse("")), FORMATS["ndjson"])
    parts = []
    while part := export.part():
        parts.append(part)
    assert len(objects(b"".join(parts))) == 4
    assert max(map(len, parts)) < 4_000_000


def test_no_transaction_is_open_while_someone_takes_a_part():
    store(*(draft(number=n) for n in range(200)))
    export = Export(Wanted(parse("event:invoice.*")), FORMATS["ndjson"])
    export.part()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        status = connection.connection.info.transaction_status
    assert status is psycopg.pq.TransactionStatus.IDLE


def test_what_is_exported_and_imported_again_is_the_same(tmp_path):
    follows = uuid4()
    moment = datetime(2026, 11, 20, 3, 4, 5, 678901, tzinfo=UTC)
    store(
        draft(
            "prefect.flow-run.Failed",
            occurred=moment,
            follows=follows,
            system="prefect",
            outcome=Outcome.FAILED,
            message="It broke",
            warnings=("odd",),
            related=[{"prefect.resource.id": "f.1", "prefect.resource.role": "flow", "k": "ü"}],
            payload={"big": 10**20, "float": 0.1, "nested": [{"a": None}], "": "\t"},
        ),
        draft(number=2, id=follows),
        # The same id twice, told apart by its time.
        draft(number=3, id=follows, occurred=datetime.min.replace(tzinfo=UTC)),
    )
    kept = exported()
    file = tmp_path / "events.ndjson"
    file.write_bytes(kept)
    Source.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE event")
    said = StringIO()
    call_command("import", "--as", "eventfeed", str(file), stdout=said)
    assert said.getvalue() == "3 events stored.\n"
    again = objects(exported())
    for before, after in zip(objects(kept), again, strict=True):
        # When it arrived, and where it stands in the log, is new.
        for name in ("received", "position"):
            assert before.pop(name) != after.pop(name)
        assert before == after
    assert {event.source.name for event in Event.objects.all()} == {"tests"}
    # The source is new here, and of the system of its newest event.
    assert Source.objects.get().system == again[0]["system"]
    call_command("import", "--as", "eventfeed", str(file), stdout=said)
    assert said.getvalue().endswith("0 events stored, 3 known already.\n")


class Breaking(Export):
    """An export whose database goes away after the first part, for a while or for good."""

    away = 0

    def part(self):
        if self.told and self.away:
            self.away -= 1
            raise OperationalError("gone")
        return super().part()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(export_views, "PAUSE", 0.01)
    monkeypatch.setattr(export_views, "PATIENCE", 0.1)


def breaking(times):
    export = Breaking(Wanted(parse("")), FORMATS["ndjson"])
    export.away = times
    return export


async def told_by(export):
    first = await database_sync_to_async(export.part)()
    return [part async for part in export_views.parts(export, first)]


async def test_the_next_part_is_read_while_one_is_taken():
    await database_sync_to_async(store)(*(draft(number=n) for n in range(200)))
    export = Export(Wanted(parse("")), FORMATS["ndjson"])
    first = await database_sync_to_async(export.part)()
    parts, told = export_views.parts(export, first), export.told
    assert await anext(parts) == first
    await asyncio.to_thread(lambda: wait_until(lambda: export.told > told, within=60))
    rest = [part async for part in parts]
    assert len(objects(first + b"".join(rest))) == 200


async def test_an_export_goes_on_when_the_database_is_back(impatient):
    await database_sync_to_async(store)(*(draft(number=n) for n in range(120)))
    parts = await told_by(breaking(times=3))
    ids = {event["id"] for event in objects(b"".join(parts))}
    assert len(ids) == 120


async def test_an_export_that_cannot_go_on_has_no_end(impatient, caplog):
    await database_sync_to_async(store)(*(draft(number=n) for n in range(120)))
    with pytest.raises(asyncio.CancelledError):
        await told_by(breaking(times=1_000_000))
    assert "broke off after 50 events: gone" in caplog.text


async def test_a_client_that_leaves_ends_its_export(local, monkeypatch):
    await database_sync_to_async(store)(*(draft(number=n) for n in range(2_000)))
    read = []
    part = Export.part

    def counted(self):
        read.append(1)
        return part(self)

    monkeypatch.setattr(Export, "part", counted)
    never, asked = asyncio.Event(), asyncio.Queue()
    asked.put_nowait({"type": "http.request", "body": b""})

    async def send(message):
        if message.get("body"):
            asked.put_nowait({"type": "http.disconnect"})
            # As our server has it for who does not take what we send.
            await never.wait()

    await asyncio.wait_for(pages(EXPORT, asked.get, send), 60)
    assert len(read) <= 2  # the next is read while one is taken


async def test_what_broke_off_is_left_without_an_end(local, impatient, monkeypatch):
    await database_sync_to_async(store)(*(draft(number=n) for n in range(120)))
    sent, part = [], Export.part

    def failing(self):
        if self.told:
            raise OperationalError("gone")
        return part(self)

    asked = asyncio.Queue()
    asked.put_nowait({"type": "http.request", "body": b""})

    async def send(message):
        sent.append(message)

    monkeypatch.setattr(Export, "part", failing)
    await asyncio.wait_for(pages(EXPORT, asked.get, send), 60)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[-1]["more_body"]
