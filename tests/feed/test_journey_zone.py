"""Someone far from Greenwich reads every time of the page in their own zone."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.crash.up import Up
from tests.feed.visitor import Visitor

RANGE = "since=2026-11-20T22:30:00Z&until=2026-11-21T03:15:00Z"
LOCAL = "since 2026-11-21 04:00, until 2026-11-21 08:45 GMT+5:30"


@pytest.fixture
def in_india(up: Up, browser: Browser) -> Iterator[Visitor]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, timezone_id="Asia/Kolkata", locale="en-GB"
    )
    visitor = Visitor(up, context.new_page())
    visitor.visit("/?q=")
    visitor.page.evaluate("localStorage.setItem('eventfeed.zone', 'local')")
    yield visitor
    context.close()
    assert not visitor.mistakes


def test_a_range_is_said_in_the_zone_that_is_shown(in_india: Visitor):
    page = in_india.page
    in_india.visit(f"/?q=outcome:failed+occurred:2026-11-21T12&{RANGE}")
    button = page.locator(".time > summary")
    expect(button).to_have_text("2026-11-21 04:00 to 2026-11-21 08:45 · GMT+5:30")
    expect(page.locator(".said")).to_contain_text(f"occurred at 2026-11-21T12 (UTC), {LOCAL}.")
    expect(page.locator(".histogram-head")).to_contain_text(f"events, {LOCAL}; a bar")
    expect(page.locator(".bars title").first).to_contain_text("2026-11-21 04:00:00.000 GMT+5:30: ")
    button.click()
    page.get_by_role("radio", name="UTC").check()
    expect(button).to_have_text("2026-11-20 22:30 to 2026-11-21 03:15 · UTC")
    expect(page.locator(".bars title").first).to_contain_text("2026-11-20 22:30:00.000 UTC: ")


def test_a_range_is_typed_in_the_zone_that_is_shown(in_india: Visitor):
    page = in_india.page
    in_india.visit(f"/?{RANGE}")
    page.locator(".time > summary").click()
    form = page.locator("form.custom")
    expect(form).to_contain_text("in GMT+5:30")
    expect(form.get_by_label("From")).to_have_value("2026-11-21T04:00")
    form.get_by_label("To").fill("2026-11-21T09:00:00")
    page.get_by_role("radio", name="UTC").check()
    expect(form).to_contain_text("in UTC")
    expect(form.get_by_label("From")).to_have_value("2026-11-20T22:30")
    expect(form.get_by_label("To")).to_have_value("2026-11-21T03:30")
    page.get_by_role("radio", name="Local").check()
    form.get_by_role("button", name="Apply").click()
    expect(page.locator(".time > summary")).to_contain_text("2026-11-21 04:00 to 2026-11-21 09:00")
    asked = parse_qs(urlsplit(page.url).query)
    assert asked["since"] == ["2026-11-20T22:30:00Z"]
    assert asked["until"] == ["2026-11-21T03:30:00Z"]
