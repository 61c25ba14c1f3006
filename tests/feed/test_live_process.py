"""A viewer that takes nothing, before a real server: memory stays, and no event goes unnamed."""

import http.client
import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.db import connection
from websockets.sync.client import connect

from tests.feed.watching import assert_chained, draft, store

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

CHECKOUT = Path(__file__).resolve().parents[2]
EVENTS = 300
# Together far more than the buffers of two sockets and the queue of a viewer hold.
LABELS = {f"acme.label.{number}": "x" * 1_000 for number in range(100)}


@pytest.fixture
def port():
    """The port of a web process on the database of the tests."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = connection.settings_dict
    web = subprocess.Popen(
        [sys.executable, "manage.py", "web", "--port", str(port)],
        cwd=CHECKOUT,
        env=os.environ
        | {
            "DATABASE_URL": f"postgres://{database['USER']}@/{database['NAME']}",
            # Not in the address, where a folder of sockets cannot be written.
            "PGHOST": database["HOST"],
            "PGPORT": str(database["PORT"]),
            "PGPASSWORD": database["PASSWORD"],
            "DJANGO_SETTINGS_MODULE": "eventfeed.settings",
            "EVENTFEED_AUTH": "off",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert web.stdout is not None
        assert web.stdout.readline().startswith("Eventfeed is at")
        yield port
    finally:
        web.terminate()
        web.wait(30)


@contextmanager
def small_socket(port):
    """A socket whose kernel keeps little for a reader that does not read."""
    with socket.socket() as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        end.connect(("127.0.0.1", port))
        yield end


def test_what_a_slow_viewer_missed_is_exactly_what_the_gap_says(port):
    with (
        small_socket(port) as end,
        connect(f"ws://127.0.0.1:{port}/ws/feed", sock=end, max_queue=1) as viewer,
    ):
        viewer.send(json.dumps({"t": "sub", "q": "event:big.news", "format": "json"}))
        frames = [json.loads(viewer.recv(30))]
        stored = [store(draft("big.news", resource=big(number)))[0] for number in range(EVENTS)]
        while told_in_all(frames) < EVENTS:
            frames.append(json.loads(viewer.recv(30)))
    gaps = [frame for frame in frames if frame["t"] == "gap"]
    assert {gap["why"] for gap in gaps} == {"slow"}
    missed = [event for gap in gaps for event in events_in(gap, port)]
    assert len(missed) == sum(gap["count"] for gap in gaps)
    told = [row["event"]["id"] for frame in frames for row in frame.get("rows", ())]
    assert sorted(told + missed) == sorted(map(str, stored))
    assert_chained(frames)


def big(number):
    return {"prefect.resource.id": f"acme.news.{number}"} | LABELS


def told_in_all(frames):
    return sum(len(frame.get("rows", ())) + frame.get("count", 0) for frame in frames)


def events_in(gap, port):
    """Return the ids of a gap, asked of the API page by page."""
    after, ids = "", []
    while after is not None:
        asked = {"q": "event:big.news", "from": gap["from"], "to": gap["to"], "after": after}
        server = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        server.request("GET", "/api/events?" + urlencode(asked | {"limit": 200}))
        page = json.load(server.getresponse())
        ids += [event["id"] for event in page["events"]]
        after = page["next"]
    return ids
