"""Journeys over the histogram, the facets and the count."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

NOW = datetime.now(UTC)


@pytest.fixture
def counted(visitor):
    """Ten hours of events of one corner, the failed ones older than the rest."""
    visitor.send(
        *(
            visitor.event(
                "failed" if at > 6 else "done",
                occurred=(NOW - timedelta(hours=at)).isoformat(),
                resource={"prefect.resource.id": f"{visitor.corner}.thing", "team": f"t{at % 2}"},
            )
            for at in range(10)
        )
    )
    visitor.visit()
    expect(visitor.page.locator("event-histogram .bars")).to_be_visible()
    return visitor


def asked(visitor):
    return {name: told[0] for name, told in parse_qs(urlsplit(visitor.page.url).query).items()}


def drag(visitor, start, end, *, release=True):
    box = visitor.page.locator(".bars").bounding_box()
    mouse, middle = visitor.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + start * box["width"], middle)
    mouse.down()
    mouse.move(box["x"] + end * box["width"], middle, steps=4)
    if release:
        mouse.up()


def test_dragging_over_the_histogram_asks_for_that_range_and_back_undoes_it(counted):
    page = counted.page
    expect(page.locator(".row")).to_have_count(10)
    drag(counted, 0.5, 0.7)
    page.wait_for_url("**since=*")
    expect(page.locator(".row").first).to_contain_text(f"{counted.corner}.failed")
    since, until = (datetime.fromisoformat(asked(counted)[name]) for name in ("since", "until"))
    assert timedelta(hours=4) < until - since < timedelta(hours=6)
    expect(page.locator("event-histogram .bars")).to_be_visible()
    page.get_by_role("link", name="Zoom out").click()
    expect(page.locator(".row")).not_to_have_count(0)
    page.go_back()
    page.go_back()
    expect(page.locator(".row")).to_have_count(10)
    assert "since" not in asked(counted)


def test_escape_lets_go_of_the_range(counted):
    page = counted.page
    before = page.url
    drag(counted, 0.2, 0.6, release=False)
    expect(page.locator(".brush")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".brush")).to_be_hidden()
    page.mouse.up()
    assert page.url == before


def test_the_count_stands_beside_the_sentence(counted):
    expect(counted.page.locator("event-count")).to_have_text("· 10 events")


def test_a_facet_includes_and_excludes(counted):
    page = counted.page
    page.locator(".facets > summary").click()
    page.get_by_role("link", name=f"Without {counted.corner}.done").click()
    expect(page.locator(".row")).to_have_count(3)
    # Opened once, they are open on the next page.
    page.locator(".facet a.include", has_text=f"{counted.corner}.failed").click()
    expect(page.locator(".facet li[data-chosen]")).to_contain_text("failed")
    assert asked(counted)["q"].endswith(
        f"-event:{counted.corner}.done event:{counted.corner}.failed"
    )
    page.go_back()
    page.go_back()
    expect(page.locator(".row")).to_have_count(10)


def test_values_of_a_label_are_shown_when_asked_for(counted):
    page = counted.page
    page.locator(".facets > summary").click()
    page.get_by_role("link", name="Values of team").click()
    expect(page.locator(".facet .facet li")).to_have_count(2)
    page.locator(".facet .facet a.include", has_text="t1").click()
    expect(page.locator(".row")).to_have_count(5)


def test_stacking_is_remembered(counted):
    page = counted.page
    page.get_by_label("Stacked by").select_option("a label")
    page.get_by_label("Key of the label").fill("team")
    page.get_by_label("Key of the label").press("Enter")
    expect(page.locator(".legend li")).to_have_count(2)
    counted.visit()
    expect(page.locator(".legend li")).to_have_text(["t0 5", "t1 5"])


def test_what_cannot_be_counted_leaves_the_rows_alone(counted):
    page = counted.page
    for path in ("histogram", "facets", "counted"):
        page.route(f"**/{path}?*", lambda route: route.abort())
    counted.watch()
    expect(page.locator("event-histogram .failing")).to_be_visible()
    page.locator(".facets > summary").click()
    expect(page.locator(".facets .failing")).to_be_visible()
    expect(page.locator(".row")).to_have_count(10)
    page.unroute("**/histogram?*")
    page.locator("event-histogram").get_by_role("button", name="Try again").click()
    expect(page.locator("event-histogram .bars")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(counted, width):
    page = counted.page
    page.set_viewport_size({"width": width, "height": 800})
    page.locator(".facets > summary").click()
    expect(page.locator(".facet").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if width < 600:
        page.keyboard.press("Escape")
        expect(page.locator(".facets")).not_to_have_attribute("open", "")
