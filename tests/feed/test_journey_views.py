"""A view is saved, watched from elsewhere and opened; what is searched is taken away as a file."""

import csv
import json

from playwright.sync_api import expect


def saved(visitor, name, query):
    visitor.visit(f"/?q={query}")
    visitor.page.locator(".keep summary").click()
    visitor.page.get_by_role("textbox", name="Name", exact=True).fill(name)
    visitor.page.locator(".keep button").click()
    visitor.page.wait_for_url("**view=*")
    return visitor.page.locator(".nav .pin", has_text=name)


def test_a_saved_view_counts_what_is_new_until_it_is_opened(visitor):
    pin = saved(visitor, visitor.corner, f"event:{visitor.corner}.wanted")
    expect(pin.get_by_role("link")).to_have_attribute("aria-current", "page")
    visitor.visit("/views")
    visitor.send(visitor.event("wanted"), visitor.event("unwanted"), visitor.event("wanted"))
    expect(pin.locator(".fresh")).to_have_text("2 new")
    pin.get_by_role("link").click()
    expect(visitor.row("wanted")).to_have_count(2)
    expect(pin.locator(".fresh")).to_be_hidden()
    visitor.sees_state("live")
    visitor.send(visitor.event("wanted"))
    expect(visitor.row("wanted")).to_have_count(3)
    # What came while it was open was seen.
    with visitor.page.expect_response("**/views/counts*"):
        visitor.visit("/views")
    expect(pin.locator(".fresh")).to_be_hidden()


def test_a_default_view_opens_the_feed_and_leads_back_to_everything(visitor):
    name = visitor.corner
    saved(visitor, name, f"event:{name}.*")
    visitor.visit("/views")
    one = visitor.page.locator(".saved li", has_text=name)
    one.get_by_role("button", name="Open the feed with it").click()
    visitor.visit("/")
    expect(visitor.page.locator("#q")).to_have_value(f"event:{name}.*")
    visitor.page.get_by_role("link", name="Show everything").click()
    expect(visitor.page.locator("#q")).to_have_value("")
    visitor.visit("/views")
    one.locator("summary", has_text="Delete").click()
    one.get_by_role("button", name="Delete").click()
    expect(one).to_have_count(0)
    visitor.visit("/")
    expect(visitor.page.locator("#q")).to_have_value("")


def test_what_is_searched_is_exported(visitor, tmp_path):
    visitor.send(*(visitor.event(f"n{n}", payload={"n": n}) for n in range(60)))
    visitor.visit(f"/?q=event:{visitor.corner}.*")
    visitor.page.locator(".export summary").click()
    with visitor.page.expect_download() as found:
        visitor.page.get_by_role("link", name="NDJSON").click()
    file = tmp_path / "events.ndjson"
    found.value.save_as(file)
    assert {json.loads(line)["payload"]["n"] for line in file.open()} == set(range(60))
    with visitor.page.expect_download() as found:
        visitor.page.get_by_role("link", name="CSV").click()
    file = tmp_path / "events.csv"
    found.value.save_as(file)
    with file.open(newline="") as rows:
        assert len(list(csv.DictReader(rows))) == 60
