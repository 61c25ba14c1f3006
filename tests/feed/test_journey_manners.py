"""Journeys along the edges: a full page, a refused socket, and what a reader may set."""

import json

import httpx
import pytest
from playwright.sync_api import expect

from tests.feed.visitor import Visitor


def test_a_full_page_lets_its_oldest_rows_go_and_links_to_them(visitor):
    page = visitor.page
    visitor.send(*(visitor.event(f"n{n}") for n in range(640)))
    visitor.watch()
    for count in range(50, 600, 50):
        expect(page.locator(".row")).to_have_count(count)
        page.get_by_role("link", name="Older events").click()
    expect(page.locator(".row")).to_have_count(600)
    page.locator(".live").click()
    visitor.sees_state("live")
    visitor.send(visitor.event("newest"))
    expect(visitor.row("newest")).to_be_visible()
    expect(page.locator(".row")).to_have_count(600)
    seen = set(visitor.names())
    page.get_by_role("link", name="Older events").click()
    expect(page.locator(".live")).to_contain_text("the range has ended")
    seen.update(visitor.names())
    assert seen == {"newest", *(f"n{n}" for n in range(640))}


@pytest.mark.parametrize(
    ("code", "say"),
    [
        ("start-again", "The log has begun anew."),
        ("expired", "Your sign-in has ended."),
        ("permission", "You may not read events."),
    ],
)
def test_a_subscription_that_is_refused_is_told_in_words(visitor, code, say):
    def refuse(socket):
        socket.on_message(
            lambda _: socket.send(json.dumps({"t": "error", "code": code, "say": say}))
        )

    visitor.page.route_web_socket("**/ws/feed", refuse)
    visitor.visit()
    visitor.sees_state("off")
    expect(visitor.page.locator(".live")).to_contain_text("load the page again")
    expect(visitor.page.locator(".late")).to_contain_text(say)
    again = visitor.page.get_by_role("link", name="Load the page again")
    expect(again).to_have_attribute("href", visitor.page.url)


def test_times_are_read_in_utc_or_here(up, browser):
    context = browser.new_context(timezone_id="Asia/Tokyo")
    visitor = Visitor(up, context.new_page())
    visitor.send(visitor.event("now", occurred="2026-01-01T23:30:00Z"))
    visitor.visit()
    time = visitor.row("now").locator("time")
    expect(time).to_have_text("23:30:00")
    expect(time).to_have_attribute("title", "2026-01-01 23:30:00.000 UTC")
    visitor.page.locator(".menu.time summary").click()
    visitor.page.get_by_label("Local").check()
    expect(time).to_have_text("08:30:00")
    expect(time).to_have_attribute("title", "2026-01-02 08:30:00.000 GMT+9")
    expect(visitor.page.locator(".day")).to_have_text("Friday 2 January 2026")
    visitor.page.reload()
    expect(time).to_have_text("08:30:00")
    context.close()


def test_single_keys_can_be_switched_off(visitor):
    page = visitor.page
    visitor.visit()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("Tab")
    page.locator(".menu.display summary").click()
    page.get_by_role("checkbox", name="Single keys").uncheck()
    page.keyboard.press("/")
    expect(page.locator("#q")).not_to_be_focused()
    expect(page.locator(".query kbd")).to_be_hidden()


def test_a_menu_copies_id_link_and_json(visitor):
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    event = visitor.event("copied", payload={"answer": 42})
    visitor.send(event)
    visitor.visit()
    visitor.row("copied").locator("a.words").click()
    drawer = visitor.page.locator("event-drawer")

    def copied(what: str) -> str:
        if not drawer.get_by_role("button", name=what).is_visible():
            drawer.locator(".copies summary").click()
        button = drawer.locator(f"[data-copy={what}]")
        button.click()
        expect(button).to_have_text("Copied")
        return visitor.page.evaluate("navigator.clipboard.readText()")

    assert copied("id") == event["id"]
    assert json.loads(copied("json"))["payload"] == {"answer": 42}
    assert httpx.get(copied("link")).status_code == 200


def test_a_row_in_the_middle_stays_in_sight_when_it_is_opened(visitor):
    visitor.send(*(visitor.event(f"n{n}", related=MANY) for n in range(50)))
    visitor.watch()
    row = visitor.row("n35")
    row.click(position={"x": 5, "y": 5})
    expect(row).to_have_attribute("aria-current", "true")
    expect(row).to_be_in_viewport(ratio=1)


MANY = [{"prefect.resource.id": f"r.{n}", "prefect.resource.role": "part"} for n in range(5)]
