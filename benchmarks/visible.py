"""How soon after its 2xx an event is found by a query, and shown in a browser, at 200 a second."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from playwright.sync_api import Page, sync_playwright

from benchmarks import senders
from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.machine import Naps, p95
from benchmarks.senders import Load
from benchmarks.server import Server

RATE = 200
PROBE = "bench.probe"
PAUSE = 0.1
WARM_UP = 5
WITHIN = 10.0
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

# Notes when each row appears, by the event id in its link.
NOTE_ROWS = """() => {
    window.benchRows = {};
    const note = row => {
        const link = row.querySelector?.('a[href*="/events/"]');
        const id = link?.getAttribute('href').match(/[0-9a-f-]{36}/)?.[0];
        if (id && !(id in window.benchRows)) window.benchRows[id] = Date.now();
    };
    new MutationObserver(changes => {
        for (const change of changes) for (const node of change.addedNodes) {
            if (node.nodeType !== 1) continue;
            if (node.matches('[data-at]')) note(node);
            node.querySelectorAll('[data-at]').forEach(note);
        }
    }).observe(document.body, {childList: true, subtree: true});
}"""


def measure(bench: Bench) -> Iterator[Figure]:
    probes = 30 if bench.quick else 200
    with bench.fresh_server() as server:
        yield _by_query(bench, server, probes=probes)
        yield _by_browser(bench, server, probes=probes)


@contextmanager
def _load(server: Server, *, seconds: float) -> Iterator[None]:
    """Have events sent beside the probes, for at most so long."""
    load = Load("paced", server.port, rate=RATE, batch=5, seconds=seconds)
    sender = senders.start(load)
    try:
        yield
        if sender.poll() is not None:
            raise RuntimeError("The sender ended before the probes did.")
    finally:
        sender.kill()
        sender.wait()


def _by_query(bench: Bench, server: Server, *, probes: int) -> Figure:
    bench.say(f"{probes} events looked for by query …")
    for _ in range(WARM_UP):
        _until_found(server)
    took = []
    with _load(server, seconds=probes * WITHIN), Naps() as naps:
        for _ in range(probes):
            took.append(_until_found(server))
            time.sleep(PAUSE)
    return Figure("2xx to visible by query, p95", p95(took) * 1000, 100, "ms", noise=naps.noise)


def _until_found(server: Server) -> float:
    event_id = _post(server)
    started = time.monotonic()
    while time.monotonic() < started + WITHIN:
        found = json.loads(server.get(f"/api/events?q=id:{event_id}&limit=1"))
        if found["events"]:
            return time.monotonic() - started
    raise AssertionError(f"Event {event_id} was not found within {WITHIN} s.")


def _by_browser(bench: Bench, server: Server, *, probes: int) -> Figure:
    bench.say(f"{probes} events looked for in a browser …")
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, CHROMIUM)), None)
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/?q=event:{PROBE}")
        page.evaluate(NOTE_ROWS)
        _wait_until_live(server, page)
        with _load(server, seconds=probes * WITHIN), Naps() as naps:
            sent = dict(_probe(server, page) for _ in range(probes))
            page.wait_for_timeout(WITHIN * 1000 / 5)
        shown = page.evaluate("window.benchRows")
        browser.close()
    took = [max(0.0, shown[event_id] - at) for event_id, at in sent.items() if event_id in shown]
    missing = len(sent) - len(took)
    return Figure(
        "2xx to browser row, p95",
        float("inf") if missing else p95(took),
        500,
        "ms",
        noise=naps.noise,
        note=f"{missing} of {probes} not shown" if missing else "",
    )


def _probe(server: Server, page: Page) -> tuple[str, float]:
    event_id = _post(server)
    at = time.time() * 1000
    page.wait_for_timeout(PAUSE * 1000)
    return event_id, at


def _wait_until_live(server: Server, page: Page) -> None:
    """Post until one arrives: only then is the page's socket surely subscribed."""
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        _post(server)
        page.wait_for_timeout(500)
        if page.evaluate("Object.keys(window.benchRows).length"):
            return
    raise AssertionError(f"No event reached the open page within {WITHIN} s.")


def _post(server: Server) -> str:
    event_id = str(uuid4())
    event = {
        "id": event_id,
        "occurred": datetime.now(UTC).isoformat(),
        "event": PROBE,
        "resource": {"prefect.resource.id": f"bench.{event_id}"},
        "related": [],
        "payload": {},
    }
    server.post("/api/events", json.dumps([event]).encode())
    return event_id
