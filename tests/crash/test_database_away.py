"""PostgreSQL is away for ten seconds: posts are held, then refused; then all goes on by itself."""

import http.client
import json
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from eventfeed.embedded import Cluster
from tests.crash.acknowledged import assert_all_stored_once, wait_for_more
from tests.crash.senders import Poster, SocketSender, an_event
from tests.crash.up import Up, postmaster
from tests.crash.viewer import Viewer
from tests.waiting import wait_until

AWAY = 10.0
HELD_FOR = (1.0, 9.0)  # 3 s, on a machine that stalls
LONGEST_HOLD = 14.0  # OTLP's 8 s
FEW = 100
LINEAGE = {
    "eventTime": "2026-01-02T03:04:05Z",
    "eventType": "START",
    "producer": "https://example.org",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    "run": {"runId": "0193c3a0-7b6a-7a33-8f62-0f0d4a3c1b11"},
    "job": {"namespace": "n", "name": "j"},
}
LOGS = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": "e"}]}]}]}
STRANGERS = [
    ("/api/v1/lineage", LINEAGE),
    ("/v1/logs", LOGS),
    ("/hooks/nobody-AAAAAAAAAAAAAAAAAAAAAA", {}),
]
"""Of which nothing has been heard before, so that the database must be asked who it is."""
PAUSE = 0.1


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[Cluster]:
    """A PostgreSQL that nobody watches but the test."""
    cluster = Cluster(tmp_path / "postgresql")
    cluster.use()
    yield cluster
    cluster.leave()


@pytest.fixture
def up(tmp_path: Path, postgresql: Cluster) -> Iterator[Up]:
    place = postgresql.place
    up = Up(
        tmp_path / "data", database_url=f"postgres://eventfeed@/{place.socket_folder}/eventfeed"
    )
    up.dsn = postgresql.dsn()
    up.start()
    yield up
    up.end()


@contextmanager
def stopped(postgresql: Cluster) -> Iterator[None]:
    """Connections are cut, new ones refused."""
    postgresql.leave()
    try:
        yield
    finally:
        postgresql.use()


@contextmanager
def frozen(postgresql: Cluster) -> Iterator[None]:
    """Connections stay open, and nothing answers on them."""
    root = postmaster(postgresql.place.cluster)
    assert root
    processes = [root, *root.children()]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("away", [stopped, frozen])
def test_posts_are_refused_and_sockets_wait_until_postgresql_is_back(
    up: Up, postgresql: Cluster, away: Callable[[Cluster], AbstractContextManager[None]]
):
    poster, socket = Poster(up.port, pause=PAUSE), SocketSender(up.port, pause=PAUSE)
    viewer = Viewer(up.port, position=up.get_json("/api/events?limit=1")["position"])
    viewer.start()
    assert viewer.subscribed.wait(30)
    poster.start()
    socket.start()
    wait_for_more([poster, socket], FEW)

    with away(postgresql):
        left = time.monotonic()
        status, retry_after, held = post_one(up.port)
        assert (status, bool(retry_after)) == (503, True)
        assert HELD_FOR[0] < held < HELD_FOR[1]
        assert up.get("/healthz").status == 200
        with ThreadPoolExecutor(4 * len(STRANGERS)) as threads:
            posts = [threads.submit(post_one, up.port, *one) for one in 4 * STRANGERS]
            refused = threads.submit(post_one, up.port, "/api/events", [{}])
        for status, retry_after, held in (post.result() for post in posts):
            assert (status, bool(retry_after), held < LONGEST_HOLD) == (503, True, True)
        assert refused.result()[0] == 422
        assert refused.result()[2] < HELD_FOR[1]
        time.sleep(max(0, left + AWAY - time.monotonic()))

    wait_for_more([poster, socket], FEW)
    assert_all_stored_once([poster, socket], dsn=up.dsn)
    assert socket.reconnects == 0, "the sender's socket did not stay open"
    acknowledged = poster.acknowledged | socket.acknowledged
    wait_until(lambda: acknowledged <= viewer.shown.keys(), what="all of it shown to the viewer")
    viewer.finish()
    assert not [id_ for id_, times in viewer.shown.items() if times > 1]
    assert (viewer.gaps, viewer.torn) == ([], [])


def test_every_page_is_as_before_once_postgresql_is_back(up: Up, postgresql: Cluster):
    pages = {"/": 200, "/sources": 200, "/nonsense": 404, f"/resources/{'x' * 40}": 404}
    assert statuses(up, pages) == pages
    with stopped(postgresql):
        assert set(statuses(up, pages).values()) == {503}
    wait_until(lambda: up.get("/readyz").status == 200, what="ready again")
    for _ in range(3):
        assert statuses(up, pages) == pages


def statuses(up: Up, paths: Iterable[str]) -> dict[str, int]:
    """Ask as a browser does that once signed in: then an error's page looks who it was."""
    return {path: up.get(path, Cookie=f"sessionid={'s' * 32}").status for path in paths}


def post_one(
    port: int, path: str = "/api/events", value: object = None
) -> tuple[int, str | None, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    started = time.monotonic()
    body = json.dumps([an_event()] if value is None else value)
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("Retry-After"), time.monotonic() - started
