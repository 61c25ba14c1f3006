"""The live socket: who may open it, what it understands, and the way from page to socket."""

import asyncio
import json

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Permission, User
from django.test import Client

from apps.accounts.models import Scope, Token
from apps.events.models import Event
from apps.events.search import search
from apps.feed import consumer, hub
from apps.query import parse
from eventfeed.asgi import live
from tests.feed.watching import draft, store_soon

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]


class Browser(WebsocketCommunicator):
    """A page's end of the live socket."""

    def __init__(self, *, local=True, headers=()):
        super().__init__(live, "/ws/feed", headers=list(headers))
        self.scope["eventfeed.local"] = local

    async def __aenter__(self):
        await self.connect()
        return self

    async def __aexit__(self, *_):
        await self.disconnect()

    async def say(self, **frame):
        await self.send_to(text_data=json.dumps(frame))

    async def hear(self, kind):
        """Return the next frame of a kind."""
        async with asyncio.timeout(20):
            while True:
                frame = json.loads(await self.receive_from(timeout=20))
                if frame["t"] == kind:
                    return frame

    async def closed(self):
        message = await self.receive_output(timeout=20)
        assert message["type"] == "websocket.close"
        return message


@pytest.fixture(autouse=True)
async def fresh_hub(transactional_db):
    hub.hub.cache_clear()


async def test_a_page_hands_over_to_the_socket_without_loss():
    seen = await store_soon(draft(number=1))
    page = await database_sync_to_async(search)(parse("event:invoice.paid"), limit=1)
    between = await store_soon(draft(number=2))
    async with Browser() as browser:
        await browser.say(t="sub", q="event:invoice.paid", **{"from": str(page.position)})
        assert (await browser.hear("ok"))["q"] == "event:invoice.paid"
        rows = (await browser.hear("rows"))["rows"]
        after = await store_soon(draft(number=3))
        rows += (await browser.hear("rows"))["rows"]
    drawn = "".join(row["html"] for row in rows)
    # What the page showed may come once more: it is known by its place.
    new = [row for row in rows if row["at"] not in {event.at for event in page.events}]
    assert [row["at"] for row in new] == await places_of(between + after)
    assert "<li" in drawn
    assert seen == [event.id for event in page.events]


@database_sync_to_async
def places_of(ids):
    return [Event.objects.get(id=id).at for id in ids]


async def test_a_query_changed_on_the_way_goes_on_from_its_place():
    async with Browser() as browser:
        await browser.say(t="sub", q="event:invoice.paid", format="json")
        place = (await browser.hear("ok"))["from"]
        await browser.say(t="sub", q="event:invoice.late", format="json", **{"from": place})
        assert (await browser.hear("ok"))["q"] == "event:invoice.late"
        await store_soon(draft("invoice.paid"), draft("invoice.late"))
        rows = (await browser.hear("rows"))["rows"]
    assert [row["event"]["event"] for row in rows] == ["invoice.late"]


async def test_a_hidden_tab_says_so_and_hears_numbers():
    async with Browser() as browser:
        await browser.say(t="sub")
        await browser.hear("ok")
        await browser.say(t="mode", mode="counts")
        await store_soon(draft())
        assert (await browser.hear("counts"))["count"] == 1


async def test_a_mistake_in_the_query_says_where():
    async with Browser() as browser:
        await browser.say(t="sub", q="outcome:failed evnt:x")
        error = await browser.hear("error")
        assert (error["code"], error["start"]) == ("query", 15)
        await browser.say(t="sub", q="event:x")
        await browser.hear("ok")


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "[]",
        '{"t":"dance"}',
        '{"t":"sub","q":5}',
        '{"t":"sub","mode":"all"}',
        '{"t":"sub","since":"yesterday"}',
        '{"t":"sub","from":"nowhere"}',
        '{"t":"sub","q":"' + "x" * consumer.LONGEST_FRAME + '"}',
    ],
)
async def test_a_frame_nobody_understands_is_answered_and_the_socket_stays(frame):
    async with Browser() as browser:
        await browser.send_to(text_data=frame)
        assert (await browser.hear("error"))["say"]
        await browser.say(t="sub")
        await browser.hear("ok")


async def test_strangers_are_told_that_they_may_not_look():
    async with Browser(local=False) as browser:
        assert (await browser.hear("error"))["code"] == "permission"
        assert (await browser.closed())["code"] == consumer.NOT_ALLOWED


async def test_people_who_may_read_can_look():
    client, _ = await database_sync_to_async(reader)()
    async with Browser(local=False, headers=cookies(client)) as browser:
        await browser.say(t="sub")
        await browser.hear("ok")


@pytest.mark.parametrize("end", ["permission", "session"])
async def test_who_may_read_no_longer_is_shown_out(monkeypatch, end):
    monkeypatch.setattr(consumer, "PERMIT_SECONDS", 0.05)
    client, user = await database_sync_to_async(reader)()
    async with Browser(local=False, headers=cookies(client)) as browser:
        await browser.say(t="sub")
        await browser.hear("ok")
        ends = {"permission": user.user_permissions.clear, "session": client.logout}
        await database_sync_to_async(ends[end])()
        assert (await browser.hear("error"))["code"] == "permission"
        assert (await browser.closed())["code"] == consumer.NOT_ALLOWED


def reader():
    user = User.objects.create_user("ada")
    user.user_permissions.add(Permission.objects.get(codename="view_event"))
    client = Client()
    client.force_login(user)
    return client, user


def cookies(client):
    return [(b"cookie", client.cookies.output(header="", attrs=()).strip().encode())]


@pytest.mark.parametrize(("scope", "kind"), [(Scope.READ, "ok"), (Scope.INGEST, "error")])
async def test_a_token_may_look_when_its_scope_says_so(scope, kind):
    _, secret = await database_sync_to_async(Token.make)("a reader", scopes=[scope])
    headers = [(b"authorization", f"Bearer {secret}".encode())]
    async with Browser(local=False, headers=headers) as browser:
        await browser.say(t="sub")
        await browser.hear(kind)


async def test_one_viewer_too_many_is_told_why(monkeypatch):
    monkeypatch.setattr(hub, "MOST_VIEWERS", 1)
    async with Browser() as first, Browser() as second:
        await first.say(t="sub")
        await first.hear("ok")
        await second.say(t="sub")
        assert (await second.hear("error"))["code"] == "full"
        assert (await second.closed())["code"] == consumer.TRY_LATER


async def test_the_socket_is_where_the_page_looks_for_it():
    for path in ("/ws/feed", "/ws/feed/"):
        browser = WebsocketCommunicator(live, path)
        assert await browser.connect() == (True, None)
        await browser.disconnect()
