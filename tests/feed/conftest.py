from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.crash.up import Up
from tests.feed.visitor import Visitor

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    # Not below pytest's own folder: its next run there closes it to PostgreSQL's user.
    with TemporaryDirectory(prefix="eventfeed-journey-") as folder:
        up = Up(Path(folder) / "data")
        up.start()
        yield up
        up.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visitor(up: Up, browser: Browser) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    visitor = Visitor(up, context.new_page())
    yield visitor
    context.close()
    assert not visitor.mistakes
