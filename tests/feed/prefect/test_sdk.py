"""The real Prefect SDK and CLI read from us unmodified: the newest, and 3.4.25."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import websockets.exceptions
import websockets.sync.client

from tests.feed.prefect.corner import PATIENCE, Corner


def test_the_command_line_streams_what_happens(
    start: Callable[..., subprocess.Popen[str]], environment: Path, corner: Corner
) -> None:
    [before] = corner.tell()
    stream = start(environment, "prefect", "events", "stream", "--format", "json")
    giving_up = Timer(PATIENCE, stream.kill)
    giving_up.start()
    try:
        told = of_the_corner(stream, corner)
        assert next(told) == before
        after = corner.tell(3)
        assert [next(told) for _ in after] == after
    finally:
        giving_up.cancel()
        stream.kill()
        stream.communicate(timeout=PATIENCE)


def of_the_corner(stream: subprocess.Popen[str], corner: Corner) -> Iterator[str]:
    """Yield the ids of this test's events, as the command prints them."""
    assert stream.stdout
    for line in stream.stdout:
        if corner.name in line:
            yield json.loads(line)["id"]
    raise AssertionError(f"the command ended: {stream.communicate()[1]}")


SUBSCRIBE = """
import asyncio, json, sys
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter, EventRelatedFilter

async def main():
    name = EventNameFilter(prefix=[sys.argv[1] + "."])
    asked = EventFilter(event=name, related=EventRelatedFilter(role=["flow"]))
    ids = []
    async with get_events_subscriber(filter=asked) as subscriber:
        async for event in subscriber:
            ids.append(str(event.id))
            if len(ids) == 5:
                break
    print(json.dumps(ids))

asyncio.run(main())
"""


def test_a_subscriber_hears_what_it_filters_related_resources_too(
    run: Callable[..., Any], environment: Path, corner: Corner
) -> None:
    flow = [{"prefect.resource.id": "prefect.flow.1", "prefect.resource.role": "flow"}]
    corner.tell(3)
    wanted = corner.tell(5, related=flow)
    assert run(environment, SUBSCRIBE) == wanted


READ = """
import asyncio, json, sys
from prefect.client.orchestration import get_client
from prefect.events.filters import EventFilter, EventNameFilter

def pages_of(client, first):
    page = first
    while page:
        yield page
        page = page.get_next_page_sync(client)

name = EventNameFilter(name=[sys.argv[1] + ".happened"])
with get_client(sync_client=True) as client:
    everything = client.read_events()
    narrowed = client.read_events(filter=EventFilter(event=name))
    paged = list(pages_of(client, client.read_events(filter=EventFilter(event=name), limit=3)))

async def asynchronously():
    async with get_client() as client:
        page = await client.read_events(filter=EventFilter(event=name), limit=3)
        return await page.get_next_page(client)

second = asyncio.run(asynchronously())
ids = lambda page: [str(event.id) for event in page.events]
print(json.dumps({
    "everything": len(everything.events),
    "narrowed": ids(narrowed),
    "paged": [ids(page) for page in paged],
    "totals": [page.total for page in paged],
    "second": ids(second),
    "received": narrowed.events[0].received is not None,
}))
"""


def test_the_client_reads_pages(run: Callable[..., Any], latest: Path, corner: Corner) -> None:
    told = [corner.tell()[0] for _ in range(7)][::-1]
    read = run(latest, READ)
    assert read["everything"] >= 7
    assert read["narrowed"] == told
    assert read["paged"] == [told[:3], told[3:6], told[6:]]
    assert read["totals"] == [7, 7, 7]
    assert read["second"] == told[3:6]
    assert read["received"]


# It has no method for it yet, but everything that is sent and read.
READ_BY_HAND = """
import asyncio, json, sys
from prefect.client.orchestration import get_client
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.events.schemas.events import ReceivedEvent

name = EventNameFilter(name=[sys.argv[1] + ".happened"])

async def main():
    async with get_client() as client:
        asked = {"filter": EventFilter(event=name).model_dump(mode="json"), "limit": 3}
        page = (await client._client.post("/events/filter", json=asked)).json()
        ids = []
        while page:
            ids += [str(ReceivedEvent.model_validate(one).id) for one in page["events"]]
            link = page["next_page"]
            page = (await client._client.get(link)).json() if link else None
        print(json.dumps(ids))

asyncio.run(main())
"""


def test_an_old_clients_filter_is_understood(
    run: Callable[..., Any], environment: Path, corner: Corner
) -> None:
    told = [corner.tell()[0] for _ in range(4)][::-1]
    assert run(environment, READ_BY_HAND) == told


def test_a_slow_reader_loses_nothing(corner: Corner) -> None:
    filter = {"event": {"prefix": [f"{corner.name}."]}}
    with websockets.sync.client.connect(corner.stream, max_queue=1, compression=None) as reader:
        reader.send(json.dumps({"type": "filter", "filter": filter}))
        # More than every buffer on the way holds, and Prefect's backlog of 256.
        told = [id for _ in range(20) for id in corner.tell(200, payload={"text": "x" * 5_000})]
        heard = [json.loads(reader.recv(timeout=PATIENCE))["event"]["id"] for _ in told]
    assert heard == told


def test_who_sends_no_filter_is_told_why_it_is_closed(corner: Corner) -> None:
    with websockets.sync.client.connect(corner.stream) as reader:
        reader.send(json.dumps({"type": "filter", "filter": {"evnt": "é" * 500}}))
        with pytest.raises(websockets.exceptions.ConnectionClosedError) as closed:
            reader.recv(timeout=PATIENCE)
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1002
    assert closed.value.rcvd.reason == (
        "Invalid filter: filter.evnt: Extra inputs are not permitted"
    )
