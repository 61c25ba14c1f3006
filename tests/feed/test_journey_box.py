"""Journeys through the query box: completing, mending, remembering."""

from playwright.sync_api import expect

from tests.feed.visitor import Visitor


def test_a_query_is_typed_with_completion(visitor: Visitor):
    visitor.send(visitor.event("wanted"), visitor.event("other"))
    visitor.watch()
    box = visitor.page.get_by_role("combobox", name="Query")
    box.fill("")
    box.press_sequentially("even")
    expect(visitor.page.get_by_role("option", name="event: the name of the event")).to_be_visible()
    box.press("Tab")
    expect(box).to_have_value("event:")
    box.press_sequentially(f"{visitor.corner}.wan")
    expect(visitor.page.get_by_role("option").first).to_contain_text(f"{visitor.corner}.wanted")
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value(f"event:{visitor.corner}.wanted ")
    expect(visitor.page.locator(".said")).to_contain_text(f"Events named {visitor.corner}.wanted")
    box.press("Enter")
    expect(visitor.row("wanted")).to_be_visible()
    assert visitor.names() == ["wanted"]


def test_what_completion_and_history_have_written_is_undone(visitor: Visitor):
    visitor.visit("/?q=outcome:waiting")
    box = visitor.page.get_by_role("combobox", name="Query")
    box.fill("")
    box.press_sequentially("outcome:fai")
    expect(visitor.page.get_by_role("option").first).to_contain_text("failed")
    box.press("Tab")
    expect(box).to_have_value("outcome:failed ")
    box.press("Control+z")
    expect(box).to_have_value("outcome:fai")
    box.press("Control+Shift+z")
    expect(box).to_have_value("outcome:failed ")
    box.fill("")
    box.press("ArrowUp")
    expect(box).to_have_value("outcome:waiting")
    box.press("ArrowUp")
    box.press("ArrowDown")
    box.press("ArrowDown")
    expect(box).to_have_value("")
    box.press("Control+z")
    expect(box).to_have_value("outcome:waiting")


def test_a_mistake_keeps_what_was_found_and_is_mended_with_one_click(visitor: Visitor):
    visitor.send(visitor.event("wanted"))
    visitor.watch()
    expect(visitor.row("wanted")).to_be_visible()
    box = visitor.page.get_by_role("combobox", name="Query")
    box.fill(f"evnt:{visitor.corner}.*")
    expect(visitor.page.locator(".said")).to_contain_text("There is no field “evnt”")
    box.press("Enter")
    alert = visitor.page.get_by_role("alert")
    expect(alert.locator("mark")).to_have_text("evnt:")
    expect(visitor.row("wanted")).to_be_visible()
    alert.get_by_role("button", name="instead").click()
    expect(box).to_have_value(f"event:{visitor.corner}.*")
    expect(visitor.row("wanted")).to_be_visible()
    expect(visitor.page.get_by_role("alert")).to_have_count(0)


def test_a_chip_takes_its_clause_out(visitor: Visitor):
    visitor.send(visitor.event("wanted"))
    visitor.visit(f"/?q=event:{visitor.corner}.*+outcome:failed")
    visitor.page.get_by_role("link", name="Ask without outcome:failed").click()
    expect(visitor.row("wanted")).to_be_visible()
    expect(visitor.page.get_by_role("combobox", name="Query")).to_have_value(
        f"event:{visitor.corner}.*"
    )


def test_an_empty_box_recalls_what_was_asked(visitor: Visitor):
    visitor.visit("/?q=outcome:failed")
    visitor.visit("/?q=outcome:waiting")
    box = visitor.page.get_by_role("combobox", name="Query")
    box.fill("")
    box.press("ArrowUp")
    expect(box).to_have_value("outcome:waiting")
    box.press("ArrowUp")
    expect(box).to_have_value("outcome:failed")


def test_live_obeys_a_query_that_looks_into_payloads(visitor: Visitor):
    visitor.visit(f"/?q=event:{visitor.corner}.*+payload.order.total:>100")
    visitor.sees_state("live")
    small, large = (
        visitor.event(name, payload={"order": {"total": total}})
        for name, total in (("small", 5), ("large", 500))
    )
    visitor.send(small, large)
    expect(visitor.row("large")).to_be_visible()
    assert visitor.names() == ["large"]


def test_live_obeys_a_query_for_a_chain(visitor: Visitor):
    first = visitor.event("first")
    visitor.send(first)
    visitor.visit(f"/?q=chain:{first['id']}")
    visitor.sees_state("live")
    second = visitor.event("second", follows=first["id"])
    visitor.send(second)
    expect(visitor.row("second")).to_be_visible()
    visitor.send(visitor.event("third", follows=second["id"]), visitor.event("stranger"))
    expect(visitor.row("third")).to_be_visible()
    assert visitor.names() == ["third", "second", "first"]
