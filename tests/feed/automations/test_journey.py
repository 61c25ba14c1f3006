"""With a browser, a real worker and a real receiver: from a failed run to what is done about it."""

import json
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.waiting import wait_until


def run(visitor, state="Failed", flow="nightly"):
    """Make an event of a flow run of its own, as Prefect tells it."""
    id = uuid4()
    corner = visitor.corner
    return visitor.event(
        event=f"prefect.flow-run.{state}",
        resource={
            "prefect.resource.id": f"prefect.flow-run.{id}",
            "prefect.resource.name": f"{corner}-{id.hex[:4]}",
            "prefect.state-type": state.upper(),
        },
        related=[
            {
                "prefect.resource.id": f"prefect.flow.{corner}-{flow}",
                "prefect.resource.name": flow,
                "prefect.resource.role": "flow",
            }
        ],
    )


def fails(visitor):
    """Open the page of a run that failed."""
    failed = run(visitor)
    visitor.send(failed)
    visitor.visit(f"/events/{failed['id']}")


def automate(visitor, what="When this happens again…"):
    visitor.page.locator(".automate summary").click()
    visitor.page.get_by_role("link", name=what).click()


def add_destination(visitor, receiver):
    page = visitor.page
    visitor.visit("/automations/destinations")
    page.get_by_role("link", name="Add a destination").first.click()
    page.get_by_role("link", name="Webhook any address").click()
    page.get_by_label("Name").fill(visitor.corner)
    page.get_by_label("Address", exact=True).fill(receiver.url)
    page.get_by_label("Its address may be one of a private network").check()
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The test arrived")).to_be_visible()
    receiver.received.clear()


def save(visitor, button="Save and switch on"):
    visitor.page.get_by_role("button", name=button).click()
    expect(visitor.page.get_by_text("Saved.")).to_be_visible()


def reload_until(visitor, selector):
    """Look at the page again until something is there."""

    def is_there():
        visitor.page.reload()
        return visitor.page.locator(selector).count() > 0

    wait_until(is_there, what=selector)


def test_a_failure_is_automated_fires_again_and_explains_itself(visitor, receiver):
    page = visitor.page
    add_destination(visitor, receiver)
    fails(visitor)
    automate(visitor)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Flow run failed: nightly")
    expect(page.locator(".about-what strong")).to_have_text("any flow run of flow nightly")
    page.get_by_label("To", exact=True).first.select_option(visitor.corner)
    expect(page.locator("#preview")).to_contain_text(f"call {visitor.corner}")
    save(visitor)

    again = run(visitor)
    visitor.send(run(visitor, flow="another"), run(visitor, state="Completed"), again)
    wait_until(lambda: len(receiver.received) == 1, what="the webhook")
    received = receiver.received[0]
    assert json.loads(received.body)["data"]["event"]["id"] == again["id"]
    assert received.headers["webhook-signature"].startswith("v1,")

    reload_until(visitor, ".firings li")
    expect(page.locator(".firings li")).to_have_count(1)
    page.locator(".firings a").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Flow run failed: nightly fired")
    reload_until(visitor, ".deeds-of li[data-outcome=completed]")
    expect(page.locator(".attempts li")).to_contain_text("200")
    expect(page.locator(".attempts li")).to_contain_text("thank you")
    expect(page.locator(".chain li a")).to_have_text(
        ["Flow run failed", "Automation fired", "Action begun", "Action done"]
    )
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".facts")).to_contain_text("Acknowledged")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    page.locator(".firings a").click()
    expect(page).to_have_url(f"{visitor.url}/events/{again['id']}")


def test_an_absence_fires_when_nothing_came(visitor, receiver):
    page = visitor.page
    add_destination(visitor, receiver)
    fails(visitor)
    automate(visitor, "When this does not happen…")
    page.get_by_label("For", exact=True).fill("10 s")
    page.get_by_label("To", exact=True).first.select_option(visitor.corner)
    expect(page.locator("#preview")).to_contain_text("for 10 seconds")
    save(visitor)
    visitor.send(run(visitor))
    reload_until(visitor, ".facts dt:text('Next decided'), .firings li")
    wait_until(lambda: len(receiver.received) == 1, what="the webhook of the absence")
    reload_until(visitor, ".firings li")
    expect(page.locator(".firings li")).to_contain_text("was seen within 10 seconds")


def test_a_mistake_is_told_beside_its_field_while_writing(visitor):
    page = visitor.page
    visitor.visit("/automations/new")
    box = page.get_by_role("combobox", name="Events")
    box.fill("outcom")
    expect(page.get_by_role("option").first).to_be_visible()
    box.press("Tab")
    expect(box).to_have_value("outcome:")
    box.fill("outcome:failed evnt:x")
    box.blur()
    beside = page.locator(".when .field", has=box).locator(".wrong")
    box.press("End")
    box.press_sequentially(" ")
    expect(beside).to_contain_text("evnt")
    box.fill("outcome:failed")
    expect(beside).to_have_count(0)
    expect(page.locator("#preview")).to_contain_text("any event with outcome failed")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("kind", ["each", "often", "absent", "several", "metric"])
def test_each_kind_shows_only_its_own_fields_and_fits(visitor, width, kind):
    page = visitor.page
    page.set_viewport_size({"width": width, "height": 800})
    visitor.visit("/automations/new")
    page.locator(f".kinds-of input[value={kind}]").check(force=True)
    shown = {
        field.get_attribute("name")
        for field in page.locator(".when .field input, .when .field select").all()
        if field.is_visible()
    }
    assert shown == SHOWN[kind]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_enter_saves_from_wherever_one_writes(visitor):
    page = visitor.page
    visitor.visit("/automations/new?q=outcome:failed")
    page.locator("[name=then-0-kind]").select_option("other")
    page.locator("[name=then-0-other]").fill('{"type": "do-nothing"}')
    page.get_by_label("Name", exact=True).fill("entered")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()


@pytest.mark.parametrize("path", ["/automations/new", "/automations/new?as=json"])
def test_on_a_phone_the_sentence_and_the_test_stand_above_what_saves(visitor, path):
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": 800})
    visitor.visit(path)
    places = [".when, #document", ".trying", ".test", "button.strong"]
    tops = [page.locator(one).first.bounding_box()["y"] for one in places]
    assert tops == sorted(tops)


SHOWN = {
    "each": {"query"},
    "often": {"query", "times", "within", "for_each", "after"},
    "absent": {"query", "silence", "since", "for_each"},
    "several": {"query", "second", "require", "span", "for_each"},
    "metric": {"query", "metric", "operator", "share", "over", "breached_for", "for_each"},
}


def test_without_a_script_it_is_made_and_previewed(up, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{up.port}/automations/new?q=outcome:failed&name=unscripted")
    page.locator("[name=then-0-kind]").select_option("other")
    page.locator("[name=then-0-other]").fill('{"type": "do-nothing"}')
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("do nothing")
    page.get_by_role("button", name="Save, leave it off").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("unscripted")
    expect(page.get_by_role("heading", level=1)).to_contain_text("off")
    context.close()


def test_it_is_shown_what_would_be_sent_about_the_event_it_was_begun_from(visitor):
    page = visitor.page
    begun, later = run(visitor), run(visitor)
    visitor.send(begun, later)
    visitor.visit(f"/events/{begun['id']}")
    automate(visitor)
    address = page.get_by_label("Address", exact=True).first
    address.fill("https://example.com")
    page.locator(".action").first.get_by_text("What is sent").click()
    page.get_by_label("Body").first.fill("{{ event.resource.name }}!")
    page.get_by_role("button", name="Show it").click()
    sample = page.locator("#sample")
    expect(sample).to_contain_text("This event fits what is waited for.")
    expect(sample).to_contain_text(f"{begun['resource']['prefect.resource.name']}!")
    page.get_by_label("On one event").fill("")
    page.get_by_label("On one event").press("Enter")
    expect(sample).to_contain_text(f"{later['resource']['prefect.resource.name']}!")
    # What is not filled in yet stands nowhere in red.
    address.fill("")
    page.get_by_label("Name", exact=True).press_sequentially(" x")
    expect(page.locator("#preview")).to_contain_text("…")
    expect(page.locator("#preview .wrong")).to_have_count(0)


def test_a_trigger_is_tried_on_the_past_before_it_is_switched_on(visitor):
    page = visitor.page
    visitor.send(*(run(visitor) for _ in range(3)))
    failed = run(visitor)
    visitor.send(failed)
    visitor.visit(f"/events/{failed['id']}")
    automate(visitor)
    page.get_by_label("Address", exact=True).first.fill(
        "https://example.com/{{ event.resource.name }}"
    )
    page.get_by_role("button", name="Try it on the past").click()
    expect(page.locator("#trial .story")).to_contain_text("would have fired 4 times")
    expect(page.locator("#trial .marks circle")).to_have_count(1)
    first = page.locator(".would li").first
    first.locator("summary").click()
    expect(first).to_contain_text("Flow run failed")
    expect(first.locator(".snippet")).to_contain_text("https://example.com/…")
    save(visitor, "Save, leave it off")
    expect(page.get_by_role("heading", level=1)).to_contain_text("off")
