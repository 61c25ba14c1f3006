"""The stream: who may open it, in which words, and what it tells."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from apps.accounts.models import Scope, Token
from apps.events.models import Event
from apps.feed.prefect import out
from apps.feed.prefect.bell import bell
from eventfeed.asgi import live
from tests.feed.prefect.recorded import FLOW_RUN, long_filter, recorded
from tests.feed.watching import draft, store_soon

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

PATIENCE_SECONDS = 20


class Reader(WebsocketCommunicator):
    """A client's end of the stream."""

    def __init__(self, *, local=True, subprotocol="prefect", headers=()):
        offered = [subprotocol] if subprotocol else []
        super().__init__(live, "/api/events/out", headers=list(headers), subprotocols=offered)
        self.scope["eventfeed.local"] = local

    async def __aenter__(self):
        self.connected, self.chosen = await self.connect(timeout=PATIENCE_SECONDS)
        return self

    async def __aexit__(self, *_):
        await self.disconnect()

    async def say(self, **frame):
        await self.send_to(text_data=json.dumps(frame))

    async def hear(self):
        return json.loads(await self.receive_from(timeout=PATIENCE_SECONDS))

    async def greet(self, token=None):
        await self.say(type="auth", token=token)
        assert await self.hear() == {"type": "auth_success"}

    async def ask(self, **asked):
        await self.say(type="filter", filter=asked)

    async def event(self):
        frame = await self.hear()
        assert (frame["type"], list(frame)) == ("event", ["type", "event"])
        return frame["event"]

    async def ids(self, count):
        return [UUID((await self.event())["id"]) for _ in range(count)]

    async def closed(self):
        message = await self.receive_output(timeout=PATIENCE_SECONDS)
        assert message["type"] == "websocket.close"
        assert len(message["reason"].encode()) <= out.LONGEST_REASON
        return message["code"], message["reason"]


async def test_a_client_with_the_subprotocol_says_who_it_is():
    async with Reader() as reader:
        assert reader.chosen == "prefect"
        await reader.greet()
        await reader.ask()
        [id] = await store_soon(draft())
        assert await reader.ids(1) == [id]


async def test_a_client_without_it_begins_with_its_filter():
    async with Reader(subprotocol=None) as reader:
        assert reader.chosen is None
        await reader.ask()
        [id] = await store_soon(draft())
        assert await reader.ids(1) == [id]


async def test_an_event_is_told_as_prefect_tells_it():
    [told, *_] = recorded()
    async with Reader() as reader:
        await reader.greet()
        await reader.ask()
        await store_soon(told)
        event = await reader.event()
    assert event.pop("received").endswith("Z")
    assert event == {
        "occurred": "2026-11-21T03:41:35.496905Z",
        "event": "acme.invoice.paid",
        "resource": told.resource,
        "related": told.related,
        "payload": told.payload,
        "id": str(told.id),
        "follows": None,
    }


@pytest.mark.parametrize(
    ("said", "code", "reason"),
    [
        ({"type": "filter", "filter": {}}, 1008, "Expected 'auth' message"),
        ({}, 1008, "Expected 'auth' message"),
    ],
)
async def test_who_offers_the_subprotocol_must_say_who_it_is(said, code, reason):
    async with Reader() as reader:
        await reader.say(**said)
        assert await reader.closed() == (code, reason)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("no json", "Invalid filter"),
        ('{"type": "auth"}', "Expected 'filter' message"),
        ('{"type": "filter"}', "Invalid filter: filter: Field required"),
        ('{"type": "filter", "filter": {"evnt": {}}}', "Invalid filter: filter.evnt: Extra"),
        ('{"type": "filter", "filter": {"order": "%s"}}' % ("x" * 999), "Invalid filter"),
        ("[" * 100_000, "Invalid filter"),
    ],
)
async def test_what_is_no_filter_is_told_in_the_close(said, reason):
    async with Reader() as reader:
        await reader.greet()
        await reader.send_to(text_data=said)
        code, told = await reader.closed()
        assert (code, told.startswith(reason)) == (1002, True), told


async def test_where_people_sign_in_a_stranger_reads_nothing():
    async with Reader(local=False) as reader:
        await reader.say(type="auth", token=None)
        assert await reader.closed() == (1008, "Auth required but no token provided")
    async with Reader(local=False) as reader:
        await reader.say(type="auth", token="ef_" + "x" * 40)
        assert await reader.closed() == (1008, "Invalid token")
    async with Reader(local=False, subprotocol=None) as reader:
        assert not reader.connected


async def secret_with(scope):
    _, secret = await database_sync_to_async(Token.make)(f"one of {scope}", scopes=[scope])
    return secret


async def test_a_token_that_may_read_reads():
    secret = await secret_with(Scope.READ)
    async with Reader(local=False) as reader:
        await reader.greet(f"acme:{secret}")
    bearer = [(b"authorization", f"Bearer {secret}".encode())]
    async with Reader(local=False, subprotocol=None, headers=bearer) as reader:
        assert reader.connected


async def test_a_token_that_may_only_send_does_not():
    async with Reader(local=False) as reader:
        await reader.say(type="auth", token=await secret_with(Scope.INGEST))
        assert await reader.closed() == (1008, "Invalid token")


async def test_a_signed_in_person_reads_until_signed_out(monkeypatch):
    monkeypatch.setattr(out, "PERMIT_SECONDS", 0.05)

    def sign_in():
        browser = Client()
        browser.force_login(User.objects.create_superuser("anna"))
        return browser

    browser = await database_sync_to_async(sign_in)()
    cookie = [(b"cookie", f"sessionid={browser.cookies['sessionid'].value}".encode())]
    async with Reader(local=False, headers=cookie) as reader:
        await reader.greet()
        await reader.ask(event={"exclude_prefix": ["eventfeed."]})  # signing in is an event, too
        [id] = await store_soon(draft())
        assert await reader.ids(1) == [id]
        await database_sync_to_async(browser.logout)()
        assert (await reader.closed())[0] == 1008


async def test_what_lies_back_is_told_first_and_the_oldest_of_it_before_all():
    now = datetime.now(UTC)
    old, older, oldest = await store_soon(
        *(draft(occurred=now - timedelta(minutes=minutes)) for minutes in (2, 10, 600))
    )
    async with Reader() as reader:
        await reader.greet()
        await reader.ask()
        assert await reader.ids(2) == [older, old]  # a quarter of an hour, like Prefect's
        [new] = await store_soon(draft())
        assert await reader.ids(1) == [new]
    async with Reader() as reader:
        await reader.greet()
        # Said, it may be as long ago as a reader likes.
        await reader.ask(occurred={"since": (now - timedelta(days=1)).isoformat()})
        assert await reader.ids(4) == [oldest, older, old, new]


async def test_what_lies_back_is_left_out_on_request():
    await store_soon(draft())
    async with Reader() as reader:
        await reader.greet()
        await reader.say(type="filter", filter={}, backfill=False)
        await asyncio.sleep(0)
        assert await reader.receive_nothing(timeout=0.5)
        [new] = await store_soon(draft())
        assert await reader.ids(1) == [new]


async def test_no_event_is_missed_or_told_twice_where_past_and_present_meet(monkeypatch):
    monkeypatch.setattr(out, "PAGE", 3)
    ids = []

    async def go_on_storing():
        for _ in range(40):
            ids.extend(await store_soon(draft(), draft()))

    storing = asyncio.create_task(go_on_storing())
    async with Reader() as reader:
        await reader.greet()
        await reader.ask()
        heard = await reader.ids(80)
        await storing
        assert await reader.receive_nothing(timeout=0.3)
    assert sorted(heard) == sorted(ids)


async def test_related_resources_are_asked_for_live_too():
    async with Reader() as reader:
        await reader.greet()
        await reader.ask(related={"id": [FLOW_RUN], "role": ["flow-run"]})
        told = recorded()
        await store_soon(*told)
        assert await reader.ids(2) == [told[0].id, told[3].id]


async def test_times_hold_live_and_no_end_is_no_end():
    now = datetime.now(UTC)
    async with Reader() as open_ended, Reader() as ended:
        for reader in (open_ended, ended):
            await reader.greet()
        since = (now - timedelta(minutes=1)).isoformat()
        await open_ended.ask(occurred={"since": since})
        await ended.ask(occurred={"since": since, "until": now.isoformat()})
        _, soon, within = await store_soon(
            draft(occurred=now - timedelta(hours=1)),
            draft(occurred=now + timedelta(hours=1)),
            draft(occurred=now - timedelta(seconds=1)),
        )
        assert await ended.ids(1) == [within]
        assert await open_ended.ids(2) in ([soon, within], [within, soon])


async def test_what_is_said_after_the_filter_changes_nothing():
    async with Reader() as reader:
        await reader.greet()
        await reader.ask()
        await reader.say(type="filter", filter={"event": {"name": ["x"]}})
        [id] = await store_soon(draft())
        assert await reader.ids(1) == [id]


async def test_no_more_streams_than_a_process_may_serve(monkeypatch):
    monkeypatch.setattr(out, "MOST_READERS", 1)
    async with Reader() as first:
        await first.greet()
        await first.ask()
        await store_soon(draft())
        await first.ids(1)
        async with Reader() as second:
            await second.greet()
            await second.ask()
            assert (await second.closed())[0] == 1013


async def test_a_filter_beyond_what_the_database_takes_is_refused():
    async with Reader() as reader:
        await reader.greet()
        await reader.ask(**long_filter())
        code, reason = await reader.closed()
    assert (code, reason) == (1002, "Invalid filter: The filter is longer than the database takes.")


async def test_who_says_nothing_is_closed(monkeypatch):
    monkeypatch.setattr(out, "SILENCE_SECONDS", 0.05)
    async with Reader() as reader:
        assert (await reader.closed())[0] == 1008


async def test_when_the_log_begins_anew_the_client_is_to_connect_anew():
    async with Reader() as reader:
        await reader.greet()
        await reader.ask()
        await store_soon(draft())
        await reader.ids(1)
        await database_sync_to_async(rename_the_log)()
        await store_soon(draft())
        assert (await reader.closed())[0] == 1012


def rename_the_log():
    with connection.cursor() as cursor:
        cursor.execute("UPDATE log SET id = left(md5(id), 12)")


async def test_the_bell_rests_when_nobody_hears():
    async with Reader() as reader:
        await reader.greet()
        await reader.ask()
        await store_soon(draft())
        await reader.ids(1)
        assert len(bell) == 1
    assert len(bell) == 0
    assert await database_sync_to_async(Event.objects.count)() == 1
