"""Journeys at the width of a laptop and of a phone: all that matters is seen and within reach."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.feed.visitor import Visitor

WIDTHS = pytest.mark.parametrize("width", [1280, 820, 390])


def at(visitor: Visitor, width: int) -> Visitor:
    visitor.page.set_viewport_size({"width": width, "height": 800})
    return visitor


@WIDTHS
def test_a_row_keeps_its_kind(visitor, width):
    run = {"prefect.resource.id": f"prefect.flow-run.{visitor.corner}"}
    flow = {"prefect.resource.id": f"{visitor.corner}.it", "prefect.resource.role": "flow"}
    visitor.send(visitor.event(event="prefect.flow-run.Failed", resource=run, related=[flow]))
    at(visitor, width).visit()
    row = visitor.page.locator(".row")
    expect(row.locator(".kind")).to_have_text("flow run")
    for part in (".kind", ".name"):
        expect(row.locator(part)).to_be_visible()


@WIDTHS
def test_every_filter_is_in_sight(visitor, width):
    visitor.send(visitor.event())
    at(visitor, width).watch()
    page = visitor.page
    filters = page.locator(".filters :is(.outcomes a, summary):visible").all()
    assert len(filters) >= 10
    for one in filters:
        box = one.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@WIDTHS
def test_the_live_button_says_what_it_does(visitor, width):
    at(visitor, width).watch()
    page = visitor.page
    page.get_by_role("button", name="Live · pause", exact=True).focus()
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Paused · go on by you", exact=True)
    expect(button).to_be_focused()
    assert button.evaluate("button => button.scrollWidth <= button.clientWidth")
    page.keyboard.press("Enter")
    visitor.sees_state("live")


@WIDTHS
def test_who_is_signed_in_reaches_everything_without_scrolling_sideways(visitor, width):
    page = at(visitor, width).page
    log = Path(visitor.up.data.parent, "up.log").read_text()
    visitor.visit("/sign-in")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(re.search(r"with the password (\S+)", log)[1])
    page.get_by_role("button", name="Sign in").click()
    visitor.sees_state("live")
    for reached in (*page.locator(".nav a").all(), page.get_by_role("button", name="Sign out")):
        box = reached.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_long_refused_message_scrolls_in_a_box_of_its_own(visitor):
    nameless = visitor.event(resource={"a": "b" * 30_000})
    httpx.post(f"{visitor.url}/api/events", json=[nameless], timeout=30)
    visitor.visit("/rejections")
    visitor.page.locator(".refused a").first.click()
    message = visitor.page.get_by_role("region", name="Message")
    assert message.bounding_box()["height"] <= 30 * 16
    message.focus()
    visitor.page.keyboard.press("PageDown")
    expect(message).to_be_focused()
    expect(message).not_to_have_js_property("scrollTop", 0)
