"""Journeys with the keyboard: rows, filters, live; what a browser remembers and copies."""

import json
import re
import subprocess

import pytest
from playwright.sync_api import Locator, expect

from tests.feed.visitor import Visitor


def press(visitor: Visitor, *keys: str) -> None:
    for key in keys:
        visitor.page.keyboard.press(key)


def in_focus(visitor: Visitor, name: str) -> None:
    expect(visitor.row(name).locator("a.words")).to_be_focused()


def with_rows(visitor: Visitor, *names: str) -> None:
    """Visit a list of these events, the first on top."""
    for place, name in enumerate(reversed(names)):
        visitor.send(visitor.event(name, occurred=f"2026-01-01T00:00:{place:02}Z"))
    visitor.watch()


def test_keys_move_among_rows_and_hold_the_list_still(visitor):
    with_rows(visitor, "first", "second", "third")
    press(visitor, "j")
    in_focus(visitor, "first")
    press(visitor, "j", "j", "k")
    in_focus(visitor, "second")
    expect(visitor.page.locator(".live")).to_contain_text("a row is chosen")
    visitor.send(visitor.event("new"))
    expect(visitor.page.get_by_role("button", name="1 new event")).to_be_visible()
    press(visitor, "Escape")
    visitor.sees_state("live")
    expect(visitor.row("new")).to_be_visible()


def test_enter_opens_the_row_and_keys_go_on_beside_it(visitor):
    with_rows(visitor, "first", "second")
    title = visitor.page.locator("event-drawer h1")
    press(visitor, "j", "Enter")
    expect(title).to_be_focused()
    press(visitor, "j")
    expect(visitor.page.locator("event-drawer")).to_contain_text(f"{visitor.corner}.second")
    expect(title).to_be_focused()
    expect(visitor.row("second")).to_have_attribute("aria-current", "true")
    press(visitor, "Escape")
    in_focus(visitor, "second")


@pytest.mark.parametrize(
    ("key", "added"),
    [
        ("e", "event:{corner}.odd"),
        ("x", "-event:{corner}.odd"),
        ("Shift+E", "any:{corner}.thing"),
        ("Shift+X", "-any:{corner}.thing"),
    ],
)
def test_a_key_narrows_to_the_row_or_to_all_else(visitor, key, added):
    with_rows(visitor, "odd", "even")
    press(visitor, "j", key)
    asked = f"any:{visitor.corner}.* {added.format(corner=visitor.corner)}"
    expect(visitor.page.locator("#q")).to_have_value(asked)


def test_a_key_narrows_all_of_an_or(visitor):
    with_rows(visitor, "odd", "even")
    either = " OR ".join(f"event:{visitor.corner}.{name}" for name in ("odd", "even"))
    visitor.visit(f"/?q={either}")
    press(visitor, "j", "x")
    asked = f"({either}) -event:{visitor.corner}.odd"
    expect(visitor.page.locator("#q")).to_have_value(asked)
    assert visitor.names() == ["even"]


def test_a_key_that_needs_a_row_says_so(visitor):
    with_rows(visitor, "odd")
    press(visitor, "e")
    expect(visitor.page.locator("event-feed [role=status]")).to_contain_text("Choose a row first")


def test_p_pauses_and_goes_on(visitor):
    with_rows(visitor, "before")
    press(visitor, "p")
    expect(visitor.page.locator(".live")).to_contain_text("by you")
    expect(visitor.page.locator("event-feed [role=status]")).to_have_text("Paused: by you.")
    press(visitor, "p")
    visitor.sees_state("live")


def test_typing_is_no_command(visitor):
    with_rows(visitor, "before")
    press(visitor, "/")
    visitor.page.keyboard.type("jpex?")
    expect(visitor.page.locator("#q")).to_have_value(f"any:{visitor.corner}.*jpex?")
    visitor.sees_state("live")


def test_a_dialog_tells_all_keys_and_switches_them_off(visitor):
    with_rows(visitor, "before")
    press(visitor, "?")
    help = visitor.page.get_by_role("dialog", name="Keys")
    for key in ("/", "j", "k", "e", "x", "p", "?", "Enter", "Esc"):
        expect(help.get_by_text(key, exact=True).first).to_be_visible()
    help.get_by_role("checkbox", name="Single keys").uncheck()
    press(visitor, "Escape")
    expect(help).to_be_hidden()
    press(visitor, "p", "j", "?")
    expect(help).to_be_hidden()
    visitor.sees_state("live")
    visitor.page.reload()
    visitor.page.locator(".menu.display summary").click()
    visitor.page.get_by_role("button", name="All keys").click()
    expect(help.get_by_role("checkbox", name="Single keys")).not_to_be_checked()


def test_compact_rows_are_remembered(visitor):
    with_rows(visitor, "row")
    row = visitor.row("row")
    before = row.bounding_box()["height"]
    visitor.page.locator(".menu.display summary").click()
    visitor.page.get_by_label("Compact").check()
    visitor.page.reload()
    expect(visitor.page.locator("html")).to_have_attribute("data-density", "compact")
    assert row.bounding_box()["height"] < before * 0.75


def test_a_chosen_column_stands_in_the_page_in_older_events_and_live(visitor):
    team = {"prefect.resource.id": f"{visitor.corner}.thing", "team": "ml"}
    visitor.send(*(visitor.event(f"n{n}", resource=team) for n in range(60)))
    visitor.watch()
    page = visitor.page
    page.locator(".menu.display summary").click()
    page.get_by_label("label.team", exact=True).check()
    page.get_by_label("Another column").fill("payload.ms")
    page.get_by_role("button", name="Show these").click()
    page.wait_for_url(re.compile(r"columns=label\.team,payload\.ms"))
    visitor.sees_state("live")
    expect(page.locator(".row .cells")).to_have_count(50)
    page.get_by_role("link", name="Older events").click()
    expect(page.locator(".row .cells")).to_have_count(60)
    visitor.send(visitor.event("live", resource=team, payload={"ms": 12}))
    page.get_by_role("button", name="1 new event").click()
    expect(visitor.row("live").locator(".cells dd")).to_have_text(["ml", "12"])
    href = visitor.row("live").locator(".cells a").first.get_attribute("href")
    assert "q=any" in href
    assert "label.team" in href.partition("columns=")[0]
    page.get_by_role("link", name="Take the column label.team away").click()
    expect(page.locator(".row").first.locator(".cells dd")).to_have_text(["12"])


def test_news_is_told_politely_and_in_turn(visitor):
    page = visitor.page
    page.clock.install()
    visitor.watch()
    status = page.locator("event-feed [role=status]")
    page.clock.fast_forward(2_000)
    expect(status).to_have_text("Live.")
    failed = {"prefect.resource.id": f"prefect.flow-run.{visitor.corner}"}
    event = visitor.event(
        event="prefect.flow-run.Failed",
        resource=failed,
        related=[{"prefect.resource.id": f"{visitor.corner}.f", "prefect.resource.role": "flow"}],
    )
    visitor.send(visitor.event("one"), visitor.event("two"), event)
    expect(page.locator(".row")).to_have_count(3)
    expect(status).to_have_text("Live.")
    page.clock.fast_forward(10_000)
    expect(status).to_have_text("3 new events, 1 failed. Live.")


def copied(visitor: Visitor, menu: Locator, what: str) -> str:
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = menu.locator(f"[data-copy={what}]")
    if not button.is_visible():
        menu.locator("summary").click()
    button.click()
    expect(button).to_have_text("Copied")
    return visitor.page.evaluate("navigator.clipboard.readText()")


def run(command: str) -> str:
    """Do what somebody does who pastes a command into a shell."""
    return subprocess.run(["sh", "-c", command], capture_output=True, check=True, text=True).stdout


def test_the_list_is_copied_as_link_json_and_curl(visitor):
    with_rows(visitor, "it's")
    menu = visitor.page.locator(".filters .copies")
    assert copied(visitor, menu, "link") == visitor.page.url
    [told] = json.loads(copied(visitor, menu, "json"))["events"]
    assert told["event"] == f"{visitor.corner}.it's"
    assert json.loads(run(copied(visitor, menu, "curl")))["events"] == [told]


def test_the_curl_of_an_event_sends_it(visitor):
    with_rows(visitor, "it's")
    press(visitor, "j", "Enter")
    command = copied(visitor, visitor.page.locator("event-drawer .copies"), "curl")
    assert f"{visitor.corner}.it'\\''s" in command
    id = visitor.page.locator("event-drawer .event").get_attribute("data-id")
    another = id[:-4] + "ffff"
    run(command.replace(id, another).replace(".it'", ".sent'"))
    visitor.visit(f"/?q=id:{another}")
    expect(visitor.row("sent")).to_have_count(1)


@pytest.mark.parametrize("density", ["comfortable", "compact"])
def test_eight_columns_leave_each_other_room_for_their_names(visitor, density):
    page = visitor.page
    payload = {f"duration{number}": number * 1_000 for number in range(8)}
    visitor.send(visitor.event("n", payload=payload))
    columns = ",".join(f"payload.{key}" for key in payload)
    visitor.visit(f"/?q=any:{visitor.corner}.*&columns={columns}")
    page.evaluate("(density) => document.documentElement.dataset.density = density", density)
    cut = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).length"
    assert page.locator(".heads bdi").evaluate_all(cut) == 0
    names, cells = (page.locator(of).evaluate_all(PLACES) for of in (".heads li", ".row dl div"))
    assert names == cells
    system = page.locator(".row .system").bounding_box()
    assert system["y"] < page.locator(".row .cells").bounding_box()["y"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


PLACES = "(all) => all.map((one) => Math.round(one.getBoundingClientRect().x))"


@pytest.mark.parametrize("columns", ["", "label.team,payload.a.b.c,payload.duration"])
def test_a_phone_shows_all_of_it_and_menus_come_from_below(visitor, columns):
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": 800})
    visitor.send(visitor.event("n", payload={"duration": "long" * 40, "a": {"b": {"c": 1}}}))
    visitor.visit(f"/?q=any:{visitor.corner}.*&columns={columns}")
    visitor.sees_state("live")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for menu in ("Display", "Resource", "Everything kept"):
        page.locator("summary", has_text=menu).click()
        panel = page.locator("details[open] .panel")
        box = panel.bounding_box()
        assert (box["x"], box["width"]) == (0, page.evaluate("document.body.clientWidth"))
        assert round(box["y"] + box["height"]) == 800
        press(visitor, "Escape")
        expect(panel).to_be_hidden()
    visitor.visit(f"/events/{page.locator('.row a.words').get_attribute('href').split('/')[-1]}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


CONTROLS = ", ".join(
    [
        ".filters :is(a, button, summary, input, select)",
        ".bar button",
        ".heads a",
        ".cells a",
        "dialog :is(button, input)",
        ".event :is(.tools, .only) :is(a, button, summary)",
    ]
)
NAMELESS_OR_SMALL = """
(controls) => [...document.querySelectorAll(controls)]
    .filter((one) => one.checkVisibility() && !one.closest("[hidden]"))
    .filter((one) => {
        const label = one.labels?.[0];
        const name = one.ariaLabel || one.textContent.trim() || label?.textContent.trim();
        const box = (label ?? one).getBoundingClientRect();
        const inText = getComputedStyle(one).display === "inline";
        return !(name || one.title) || (!inText && (box.width < 24 || box.height < 24));
    })
    .map((one) => one.outerHTML.slice(0, 200))
"""
TWICE = """
() => [...document.querySelectorAll("[id]")]
    .map((one) => one.id)
    .filter((id, at, ids) => ids.indexOf(id) !== at)
"""


@pytest.mark.parametrize("width", [1280, 390])
def test_every_control_has_a_name_and_room_for_a_finger(visitor, width):
    page = visitor.page
    page.set_viewport_size({"width": width, "height": 800})
    visitor.send(visitor.event("n", payload={"duration": 4, "deep": {"down": "here"}}))
    visitor.visit(f"/?q=any:{visitor.corner}.*&columns=payload.duration,label.team")
    visitor.sees_state("live")
    page.locator(".menu.display summary").click()
    assert page.evaluate(NAMELESS_OR_SMALL, CONTROLS) == []
    press(visitor, "Escape", "?")
    assert page.evaluate(NAMELESS_OR_SMALL, CONTROLS) == []
    press(visitor, "Escape", "j", "Enter")
    expect(page.locator(".event h1")).to_be_visible()
    assert page.evaluate(NAMELESS_OR_SMALL, CONTROLS) == []
    assert page.evaluate(TWICE) == []
