"""Journeys through the pages: a real server, a real browser."""

import re
import signal

import pytest
from playwright.sync_api import Page, expect

from tests.feed.visitor import Visitor


def test_an_event_arrives_on_the_open_page(visitor):
    visitor.watch()
    expect(visitor.page.get_by_text("No event matches")).to_be_visible()
    visitor.send(visitor.event("arrived"))
    expect(visitor.row("arrived")).to_be_visible()
    expect(visitor.page.get_by_text("No event matches")).to_have_count(0)


def test_live_obeys_the_query(visitor):
    visitor.visit(f"/?q=event:{visitor.corner}.wanted")
    visitor.sees_state("live")
    visitor.send(visitor.event("unwanted"), visitor.event("wanted"))
    expect(visitor.row("wanted")).to_be_visible()
    assert visitor.names() == ["wanted"]


def test_rows_stand_in_the_order_they_occurred(visitor):
    visitor.send(visitor.event("third", occurred="2026-01-01T03:00:00Z"))
    visitor.watch()
    visitor.send(visitor.event("first", occurred="2026-01-01T01:00:00Z"))
    visitor.send(visitor.event("second", occurred="2026-01-01T02:00:00Z"))
    expect(visitor.row("second")).to_be_visible()
    assert visitor.names() == ["third", "second", "first"]


def test_an_older_event_than_all_on_the_page_is_counted(visitor):
    visitor.send(*(visitor.event(f"n{n}") for n in range(60)))
    visitor.watch()
    visitor.send(visitor.event("replayed", occurred="2023-04-03T00:00:00Z"))
    late = visitor.page.locator(".late")
    expect(late).to_contain_text("1 older event arrived, 2023-04")
    late.get_by_role("link", name="Show").click()
    expect(visitor.row("replayed")).to_be_visible()
    assert visitor.names()[0] == "replayed"


def test_a_scrolled_reader_is_not_moved(visitor):
    visitor.send(*(visitor.event(f"n{n}") for n in range(50)))
    visitor.watch()
    visitor.page.mouse.move(600, 500)
    visitor.page.mouse.wheel(0, 400)
    visitor.sees_state("paused")
    expect(visitor.page.locator(".live")).to_contain_text("scrolled down")
    read = visitor.page.locator(".row").nth(20)
    before = read.bounding_box()
    visitor.send(visitor.event("new"), visitor.event("newer"))
    pill = visitor.page.get_by_role("button", name="2 new events")
    expect(pill).to_be_visible()
    assert read.bounding_box() == before
    pill.click()
    expect(visitor.row("newer")).to_be_visible()
    assert visitor.names()[:2] == ["newer", "new"]
    visitor.sees_state("live")


def test_selected_text_and_the_button_pause(visitor):
    visitor.send(visitor.event("read"))
    visitor.watch()
    visitor.row("read").locator(".raw code").select_text()
    expect(visitor.page.locator(".live")).to_contain_text("text is selected")
    visitor.page.locator(".live").click()
    visitor.sees_state("live")
    visitor.page.locator(".live").click()
    expect(visitor.page.locator(".live")).to_contain_text("by you")
    visitor.send(visitor.event("meanwhile"))
    expect(visitor.page.get_by_role("button", name="1 new event")).to_be_visible()
    visitor.page.locator(".live").click()
    expect(visitor.row("meanwhile")).to_be_visible()


def test_older_events_are_added_below(visitor):
    visitor.send(*(visitor.event(f"n{n}") for n in range(70)))
    visitor.visit()
    expect(visitor.page.locator(".row")).to_have_count(50)
    visitor.page.get_by_role("link", name="Older events").click()
    expect(visitor.page.locator(".row")).to_have_count(70)
    assert len(set(visitor.names())) == 70


def test_filter_by_resource_and_by_event(visitor):
    visitor.send(
        visitor.event("paid", resource={"prefect.resource.id": f"{visitor.corner}.one"}),
        visitor.event("paid", resource={"prefect.resource.id": f"{visitor.corner}.two"}),
        visitor.event("sent", resource={"prefect.resource.id": f"{visitor.corner}.two"}),
    )
    page = visitor.page
    visitor.visit("/")
    choose(page, "Resource", f"{visitor.corner}.two")
    expect(page.locator("#q")).to_have_value(f"any:{visitor.corner}.two")
    expect(page.locator(".row")).to_have_count(2)
    choose(page, "Event", f"{visitor.corner}.sent")
    expect(page.locator("#q")).to_have_value(
        f"any:{visitor.corner}.two event:{visitor.corner}.sent"
    )
    expect(page.locator(".row")).to_have_count(1)
    choose(page, "Resource", f"{visitor.corner}.one")
    expect(page.locator("#q")).to_have_value(
        f"any:[{visitor.corner}.two,{visitor.corner}.one] event:{visitor.corner}.sent"
    )


def test_choosing_a_prefix_shows_all_that_begins_so(visitor):
    visitor.send(visitor.event("paid"), visitor.event("sent"))
    visitor.visit("/")
    choose(visitor.page, "Event", f"{visitor.corner}.*")
    expect(visitor.page.locator("#q")).to_have_value(f"event:{visitor.corner}.*")
    expect(visitor.page.locator(".row")).to_have_count(2)


def choose(page: Page, filter: str, value: str) -> None:
    """Pick a suggestion with the keyboard, once the worker has seen the name."""
    field = page.get_by_role("combobox", name=filter)
    if not field.is_visible():
        page.locator("summary", has_text=filter).click()
    option = page.locator(f'[role=option][data-value="{value}"]')
    suggested = page.locator("[role=listbox]:not([aria-busy])")
    for _ in range(100):
        with page.expect_response(lambda answer: value in answer.url):
            field.fill(value)
        expect(suggested.and_(page.get_by_role("listbox", name=filter))).to_be_visible()
        if option.count():
            break
    field.press("ArrowDown")
    expect(page.locator("[role=option][data-active]")).to_have_attribute("data-value", value)
    field.press("Enter")


def test_an_event_opens_beside_the_list_and_as_a_page(visitor):
    visitor.send(visitor.event("opened", payload={"answer": 42}))
    visitor.watch()
    page = visitor.page
    visitor.row("opened").locator(".raw").click()
    drawer = page.locator("event-drawer")
    expect(drawer.locator(".leaf")).to_have_text("42")
    expect(visitor.row("opened")).to_have_attribute("aria-current", "true")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(visitor.row("opened").locator("a.words")).to_be_focused()
    page.keyboard.press("Enter")
    drawer.get_by_role("link", name="Open as a page").click()
    expect(page.locator("main .event .leaf")).to_have_text("42")


def test_a_value_narrows_the_query_that_is_there(visitor):
    visitor.send(
        visitor.event("one", payload={"colour": "teal"}),
        visitor.event("two", payload={"colour": "plum"}),
    )
    visitor.watch()
    page = visitor.page
    visitor.row("one").locator(".raw").click()
    value = page.locator("event-drawer .tree .value", has_text="teal")
    value.hover()
    value.get_by_role("link", name="Only events with teal").click()
    expect(page.locator("#q")).to_have_value(f"any:{visitor.corner}.* payload.colour:teal")
    expect(page.locator(".row")).to_have_count(1)
    page.go_back()
    visitor.row("one").locator(".raw").click()
    value.hover()
    value.get_by_role("link", name="Without events with teal").click()
    expect(page.locator("#q")).to_have_value(f"any:{visitor.corner}.* -payload.colour:teal")
    expect(visitor.row("two")).to_be_visible()
    assert visitor.names() == ["two"]


def test_a_lost_connection_is_said_and_nothing_is_missed(visitor):
    visitor.send(visitor.event("before"))
    visitor.watch()
    visitor.up.send(signal.SIGTERM)
    visitor.sees_state("reconnecting")
    visitor.up.start()
    visitor.send(visitor.event("meanwhile"))
    visitor.sees_state("live")
    visitor.send(visitor.event("after"))
    expect(visitor.row("after")).to_be_visible()
    assert visitor.names() == ["after", "meanwhile", "before"]


def test_a_tab_in_the_background_counts_and_its_title_says_what_failed(visitor):
    visitor.watch()
    hide(visitor.page, hidden=True)
    expect(visitor.page.locator(".live")).to_contain_text("tab in the background")
    failed = {"prefect.resource.id": f"prefect.flow-run.{visitor.corner}"}
    about = [{"prefect.resource.id": f"{visitor.corner}.it", "prefect.resource.role": "flow"}]
    visitor.send(visitor.event("one"), visitor.event("two"))
    visitor.send(visitor.event(event="prefect.flow-run.Failed", resource=failed, related=about))
    expect(visitor.page).to_have_title(re.compile(r"^\(1 failed\) "))
    expect(visitor.page.get_by_role("button", name="3 new events")).to_be_visible()
    hide(visitor.page, hidden=False)
    expect(visitor.page.locator(".row")).to_have_count(3)
    expect(visitor.page).to_have_title(re.compile(r"^any:"))


def hide(page: Page, *, hidden: bool) -> None:
    """Do what a browser does when its tab goes to the background; headless has none."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_too_many_at_once_become_a_gap_that_can_be_shown(visitor):
    visitor.watch()
    visitor.send(*(visitor.event(f"n{n}") for n in range(200)))
    gap = visitor.page.locator(".gap").first
    expect(gap).to_contain_text(re.compile(r"\d+ events (at|between) .* were not drawn"))
    drawn = set(visitor.names())
    gap.get_by_role("link", name="Show them").click()
    expect(visitor.page.locator(".live")).to_contain_text("a stretch of the log")
    expect(visitor.page.locator(".row")).to_have_count(50)
    assert not drawn & set(visitor.names())


def test_without_a_script_everything_is_links_and_forms(up, browser):
    context = browser.new_context(java_script_enabled=False)
    visitor = Visitor(up, context.new_page())
    visitor.send(*(visitor.event(f"n{n}") for n in range(55)))
    page = visitor.page
    visitor.visit("/")
    page.locator("#q").fill(f"any:{visitor.corner}.*")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".row")).to_have_count(50)
    page.get_by_role("link", name="Older events").click()
    expect(page.locator(".row")).to_have_count(5)
    page.locator("summary", has_text="Event").click()
    page.locator("#filter-event").fill(f"{visitor.corner}.n7")
    page.locator("form[data-filter=event]").get_by_role("button", name="Apply").click()
    expect(page.locator(".row")).to_have_count(1)
    visitor.row("n7").locator("a.words").click()
    expect(page.get_by_role("heading", name="n7")).to_be_visible()
    expect(page.locator(".copies")).to_be_hidden()
    context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_names_of_any_length_do_not_widen_the_page(visitor, width):
    long = "x" * 800
    related = [{"prefect.resource.id": long, "prefect.resource.role": long}] * 5
    resource = {"prefect.resource.id": f"{visitor.corner}.{long}", "a" * 300: long}
    visitor.send(visitor.event(long[:700], resource=resource, related=related))
    visitor.page.set_viewport_size({"width": width, "height": 800})
    visitor.visit()
    fits = "() => document.documentElement.scrollWidth <= innerWidth"
    assert visitor.page.evaluate(fits)
    visitor.row("x").locator("a.words").click()
    expect(visitor.page.get_by_role("heading", level=1, name="information")).to_be_visible()
    assert visitor.page.evaluate(fits)
